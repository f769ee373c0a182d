# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._figures import figures, sentence, worker_gap


@pytest.mark.parametrize(
    "idle_since, busy_since, gap",
    [(10.0, 14.96, 4.96), (14.0, 12.0, 0.0), (None, 12.0, None), (10.0, None, None)],
    ids=["stopped", "throttled", "first deployment", "never again"],
)
def test_the_worker_gap(idle_since, busy_since, gap):
    assert worker_gap(idle_since, busy_since) == gap


def test_figures_of_a_journal():
    journal = {"seconds": {"cutover": 0.4}, "tasks_moved": 3, "idle_since": 1.0, "busy_since": 3.5}
    assert figures(journal) == {"seconds": {"cutover": 0.4}, "tasks_moved": 3, "worker_gap": 2.5, "memory": None}


@pytest.mark.parametrize(
    "entry, text",
    [
        ({}, ""),
        ({"seconds": {"cutover": 0.4, "health": 1.2}, "tasks_moved": 0, "worker_gap": None}, "1.6 s"),
        (
            {
                "seconds": {"cutover": 1},
                "tasks_moved": 12,
                "worker_gap": 0.0,
                "memory": {"before": 188743680, "peak": 267386880},
            },
            "1.0 s, worker gap 0.0 s, 12 tasks moved, memory 180 MiB before and 255 MiB at its peak",
        ),
    ],
)
def test_for_people(entry, text):
    assert sentence(entry) == text
