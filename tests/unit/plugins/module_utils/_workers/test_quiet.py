# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import quiet
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import Notes, WorkerHost

QUEUES = {"celery@a": [{"name": "celery"}, {"name": "reports"}], "celery@b": [{"name": "celery"}]}
NOTHING: dict = {"celery@a": [], "celery@b": []}


@pytest.fixture
def asked(monkeypatch):
    """What is asked of the workers; ``held`` is what they hold at each look, the last one for ever.

    ``etas`` are those of the tasks that wait for theirs, in seconds since the test began.
    """
    asked = {"calls": [], "queues": QUEUES, "held": [NOTHING], "etas": [], "zone": timezone.utc}

    begun = None

    def ask_all(host, _broker, method, _nodes, arguments=None):
        nonlocal begun
        begun = host.clock.wall() if begun is None else begun
        asked["calls"].append((method, arguments))
        if method == "scheduled":
            etas = [begun + eta for eta in asked["etas"] if begun + eta > host.clock.wall()]
            stamps = [datetime.fromtimestamp(eta, asked["zone"]).isoformat() for eta in etas]
            return {**NOTHING, "celery@a": [{"eta": stamp} for stamp in stamps]}
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
        ("scheduled", None),
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


@pytest.mark.parametrize(
    "etas, seconds",
    [
        ([], 0.0),
        ([0.2], 0.2),
        # One after the other comes before the signal.
        ([0.1, 0.2, 0.45], 0.45),
        ([0.5], 0.0),
        ([3600.0], 0.0),
        # There is no moment without one.
        ([each / 5 for each in range(1, 20)], quiet.LONGEST),
    ],
)
@pytest.mark.parametrize("zone", [timezone.utc, timezone(timedelta(hours=-5))])
def test_no_task_with_an_eta_becomes_due_at_the_signal(asked, etas, zone, seconds):
    asked["etas"], asked["zone"], host = etas, zone, WorkerHost()
    before = host.clock.now
    begin(host)
    assert host.clock.now - before == pytest.approx(seconds, abs=0.06)


def test_the_slower_the_answers_the_more_time_lies_before_the_next_eta(asked, monkeypatch):
    host, fast = WorkerHost(), quiet.remote_control.ask_all
    asked["etas"] = [2.8]

    def slow(*arguments):
        if arguments[2] in ("scheduled", "reserved"):
            host.clock.sleep(0.8)
        return fast(*arguments)

    monkeypatch.setattr(quiet.remote_control, "ask_all", slow)
    before = host.clock.now
    begin(host)
    assert host.clock.now - before > 2.8


@pytest.mark.parametrize("eta", [None, "", "soon", 7, "2026-11-30T12:00:00Z+x"])
def test_an_eta_that_cannot_be_read_is_not_waited_for(asked, monkeypatch, eta):
    fast = quiet.remote_control.ask_all

    def ask_all(*arguments):
        return {**NOTHING, "celery@b": [{"eta": eta}, {}, None]} if arguments[2] == "scheduled" else fast(*arguments)

    monkeypatch.setattr(quiet.remote_control, "ask_all", ask_all)
    host = WorkerHost()
    before = host.clock.now
    begin(host)
    assert host.clock.now == before


@pytest.mark.parametrize("told", [None, {}, {"celery@a": {"error": "no"}}, {"celery@a": [{"exchange": 1}, "x"]}])
def test_workers_that_do_not_tell_their_queues_are_left_as_they_are(asked, told):
    asked["queues"] = told
    begin(WorkerHost())
    assert ("cancel_consumer" in [method for method, _arguments in asked["calls"]]) is False
