# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each wait says of how far it is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _progress
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.remote_control import Task
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._health import verdict as health_verdict
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import endings as workers_endings

NOW = 1000.0


@pytest.mark.parametrize(
    "names, missing, sentence",
    [
        (["a", "b"], ["b"], "1 of 2 workers consume, not yet b"),
        (["a", "b"], ["a", "b"], "0 of 2 workers consume, not yet a, b"),
        (list("abcde"), list("bcde"), "1 of 5 workers consume, not yet b, c, d, …"),
    ],
)
def test_how_many_there_are(names, missing, sentence):
    assert _progress.reached(names, missing, "workers consume") == sentence


def ending(name, *tasks, ended=False):
    tasks = [Task("celery@a", "id", *task) for task in tasks]
    return SimpleNamespace(container=SimpleNamespace(name=name), ended=ended or None, tasks_left=tasks)


@pytest.mark.parametrize(
    "endings, sentence",
    [
        ([ending("worker")], "0 of 1 containers have ended, not yet worker"),
        (
            [ending("beat", ended=True), ending("worker", ("shop.mail", 988.4), ("shop.report", 905.0))],
            "1 of 2 containers have ended, not yet worker; 2 tasks may still run: shop.report for 95 s, shop.mail for "
            "12 s",
        ),
        # A worker tells no start, or the clock was put back.
        ([ending("w", ("shop.a", None))], "0 of 1 containers have ended, not yet w; 1 task may still run: shop.a"),
        (
            [ending("w", ("shop.a", 1060.0))],
            "0 of 1 containers have ended, not yet w; 1 task may still run: shop.a for 0 s",
        ),
        (
            [ending("a", *[("shop.a", NOW)] * 3), ending("b", *[("shop.b", NOW)] * 2)],
            "0 of 2 containers have ended, not yet a, b; 5 tasks may still run: shop.a for 0 s, shop.a for 0 s, shop.a "
            "for 0 s, …",
        ),
    ],
)
def test_tasks_that_are_waited_for(endings, sentence):
    assert workers_endings.so_far(endings, NOW) == sentence


@pytest.mark.parametrize(
    "tally, last",
    [
        (health_verdict.Tally(41, 0, 503, 3, "answered with status 503, not 200"), "answered with status 503, not 200"),
        (health_verdict.Tally(41, 0, 0, 0, "connection refused"), "ended with: connection refused"),
        (health_verdict.Tally(41, 1, 200, 3), "ended with: 1 of 2 good answers in a row"),
    ],
)
def test_answers_that_are_waited_for(tally, last):
    assert health_verdict.so_far("http://a/", 2, tally) == f"attempt 41 at http://a/ {last}"


def test_nobody_listens_to_a_module():
    _progress.report("is told to nobody")
