# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences about one thing and about several."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._words import agree, counted, joined


@pytest.mark.parametrize(
    "names, sentence",
    [
        (["beat"], "beat runs"),
        (["beat", "worker"], "beat and worker run"),
        (["web", "beat", "worker"], "web, beat and worker run"),
    ],
)
def test_the_verb_agrees_with_the_names(names, sentence):
    assert f"{joined(names)} {agree(names, 'runs', 'run')}" == sentence


def test_the_noun_agrees_with_the_number():
    assert [counted(number, "task") for number in (0, 1, 1200)] == ["0 tasks", "1 task", "1,200 tasks"]
    assert counted(2, "body", "bodies") == "2 bodies"
