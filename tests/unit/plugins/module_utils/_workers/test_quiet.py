# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import quiet
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import Notes, WorkerHost

QUEUES = {"celery@a": [{"name": "celery"}, {"name": "reports"}], "celery@b": [{"name": "celery"}]}
NOTHING: dict = {"celery@a": [], "celery@b": []}


@pytest.fixture
def asked(monkeypatch):
    """What is asked of the workers; ``held`` is what they hold at each look, the last one for ever."""
    asked = {"calls": [], "queues": QUEUES, "held": [NOTHING]}

    def ask_all(_host, _broker, method, _nodes, arguments=None):
        asked["calls"].append((method, arguments))
        if method == "active_queues":
            return asked["queues"]
        if method == "reserved":
            return asked["held"].pop(0) if len(asked["held"]) > 1 else asked["held"][0]
        return {}

    monkeypatch.setattr(quiet.remote_control, "ask_all", ask_all)
    return asked


def begin(host):
    quiet.let_them_begin(host, Notes(host), object(), [])


def test_each_queue_is_given_up_before_what_is_held_is_looked_at(asked):
    begin(WorkerHost())
    assert asked["calls"] == [
        ("active_queues", None),
        ("cancel_consumer", {"queue": "celery"}),
        ("cancel_consumer", {"queue": "reports"}),
        ("reserved", None),
    ]


@pytest.mark.parametrize(
    "held, seconds",
    [
        ([{**NOTHING, "celery@a": [{}, {}]}, {**NOTHING, "celery@a": [{}]}, NOTHING], 0.1),
        # Tasks that take longer go back to their queue with the signal.
        ([{**NOTHING, "celery@a": [{}]}], quiet.LONGEST),
        # A late answer says nothing about the tasks that its worker holds.
        ([{}, {"celery@a": []}, NOTHING], 0.1),
        ([{}], quiet.LONGEST),
        # Without Redis nothing can be asked.
        ([None], 0.0),
    ],
)
def test_what_is_held_is_waited_for_but_not_for_long(asked, held, seconds):
    asked["held"], host = held, WorkerHost()
    before = host.clock.now
    begin(host)
    assert host.clock.now - before == pytest.approx(seconds)


def test_slow_answers_leave_workers_the_time_to_begin(asked, monkeypatch):
    host, fast = WorkerHost(), quiet.remote_control.ask_all
    asked["held"] = [{**NOTHING, "celery@a": [{}]}] * 3 + [NOTHING]

    def slow(*arguments):
        host.clock.sleep(quiet.LONGEST)
        return fast(*arguments)

    monkeypatch.setattr(quiet.remote_control, "ask_all", slow)
    begin(host)
    assert [method for method, _arguments in asked["calls"]].count("reserved") == 4


@pytest.mark.parametrize("told", [None, {}, {"celery@a": {"error": "no"}}, {"celery@a": [{"exchange": 1}, "x"]}])
def test_workers_that_do_not_tell_their_queues_are_left_as_they_are(asked, told):
    asked["queues"] = told
    begin(WorkerHost())
    assert ("cancel_consumer" in [method for method, _arguments in asked["calls"]]) is False
