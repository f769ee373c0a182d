# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _words
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery import task_names

NAMES = {"old": ["a", "b"], "candidate": ["b", "c"]}


@pytest.mark.parametrize(
    "names, policy, color, known, unknown",
    [
        (NAMES, "fail", "candidate", "bc", "a"),
        (NAMES, "hold", "candidate", "bc", "a"),
        (NAMES, "hold", "old", "ab", "c"),
        (NAMES, "move", "old", "abcd", ""),
        (None, "move", "candidate", "abcd", ""),
        ({"old": None, "candidate": []}, "hold", "candidate", "", "a"),
    ],
)
def test_known_names(names, policy, color, known, unknown):
    found = task_names.known_in(names, policy, color)
    assert all(name in found for name in known) and not any(name in found for name in unknown)


@pytest.mark.parametrize(
    "names, lost",
    [
        (NAMES, "a"),
        ({"old": None, "candidate": ["b", "c"]}, "ax"),
    ],
)
def test_what_neither_color_knows_is_somebody_elses(names, lost):
    known = task_names.known_in(names, "fail", "candidate")
    assert [name for name in "abcx" if task_names.is_lost(name, known)] == list(lost)
    assert not any(task_names.is_lost(name, task_names.EVERY) for name in "abcx")


@pytest.mark.parametrize("names", [None, {}, {"old": ["a"], "candidate": None}])
def test_nobody_told(names):
    assert task_names.known_in(names, "hold", "candidate") is None


def test_missing():
    assert task_names.missing({"b": 2, "a": 1, "c": 5}, frozenset("bx")) == {"a": 1, "c": 5}
    assert task_names.missing({"b": 2}, frozenset("b")) == {}


def test_a_list_of_names_has_an_end():
    assert _words.listed({"a": 1, "b": 20}) == "b (20), a (1)"
    assert _words.listed({f"t{n:02}": 1 for n in range(12)}).endswith("t09 (1) and 2 more names")


def test_the_refusal_names_the_tasks_and_the_ways_out():
    sentence = task_names.refusal({"shop.gone": 3})
    for part in ("shop.gone (3)", "bluegreen_unknown_tasks", "hold", "move", "release that still has them"):
        assert part in sentence
