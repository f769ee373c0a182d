# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from workers import BEAT, WORKER, Notes, WorkerBroker, WorkerHost

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _workers
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery import Process
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._pidbox import Task
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import (
    plan_stop,
    restart_workers,
    stop_workers,
    timeout_for,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._worker_conf import WorkerConf


@pytest.fixture
def host():
    fake = WorkerHost()
    fake.engine.add("beat", **BEAT)
    fake.engine.add("worker", **WORKER)
    return fake


@pytest.fixture
def journal(host):
    return Notes(host)


@pytest.fixture
def messages(monkeypatch):
    """What the broker is asked for, without a Redis."""
    answers = {"orphans": 0, "depth": {"celery": 4}, "tasks": None, "restores": 0, "down": False}

    def restore(_host, _journal, _broker):
        answers["restores"] += 1
        return answers["orphans"]

    def count(_broker):
        if answers["down"]:
            raise RedisError("Redis does not answer.")
        return answers["depth"]

    monkeypatch.setattr(_workers, "restore_orphans", restore)
    monkeypatch.setattr(_workers, "count_messages", count)
    monkeypatch.setattr(_workers, "active_tasks", lambda *_args: answers["tasks"])
    monkeypatch.setattr(_workers, "ask_conf", lambda *_args: WorkerConf())
    return answers


def workers_of(host):
    return of_project(host.engine, "shop-blue")


def test_the_answer_of_a_beat_is_not_waited_for(host, journal, messages, monkeypatch):
    asked = []
    monkeypatch.setattr(_workers, "active_tasks", lambda _host, _broker, each: asked.extend(each))
    stop_workers(host, journal, workers_of(host), 30, broker=object())
    assert [container.service for container in asked] == ["worker"]


def test_policies_go_and_the_journal_knows_before_beat_and_then_workers_are_signalled(host, journal):
    stopped = stop_workers(host, journal, workers_of(host), 30)
    assert host.calls == [
        ("policy no", "blue-beat"),
        ("policy no", "blue-worker"),
        ("note", "idle_since"),
        ("note", "signalled"),
        ("kill SIGTERM", "blue-beat"),
        ("kill SIGTERM", "blue-worker"),
    ]
    assert journal.data["signalled"] == ["blue-beat", "blue-worker"]
    assert set(journal.policies) == {"blue-beat", "blue-worker"}
    assert (stopped.changed, stopped.drained, stopped.killed) == (True, True, [])
    assert [(each.name, each.role, each.exit_code) for each in stopped.containers] == [
        ("shop-blue-beat-1", "beat", 0),
        ("shop-blue-worker-1", "worker", 0),
    ]
    assert all(each.seconds == pytest.approx(2, abs=0.2) for each in stopped.containers)
    assert journal.signs_of_life > 10


def test_a_second_time_changes_nothing(host, journal):
    stop_workers(host, journal, workers_of(host), 30)
    host.calls.clear()
    again = stop_workers(host, journal, workers_of(host), 30)
    assert (again.changed, again.drained, again.containers) == (False, True, [])
    assert [call for call in host.calls if call[0] != "note"] == []


def test_its_own_stop_signal_is_used(host, journal):
    host.engine.inspect("blue-worker")["Config"]["StopSignal"] = "SIGINT"
    stop_workers(host, journal, workers_of(host), 30)
    assert ("kill SIGINT", "blue-worker") in host.calls


def test_a_shell_is_passed_by(host, journal, monkeypatch):
    host.engine.inspect("blue-worker")["State"]["Pid"] = 100
    processes = [Process(100, 1, "sh", ["sh"]), Process(101, 100, "celery", ["celery", "worker"])]
    monkeypatch.setattr(_workers, "processes_of", lambda pid: processes if pid == 100 else [])
    monkeypatch.setattr(_workers, "status_of", lambda _pid: "SigCgt:\t0000000000010002\n")
    sent = []

    def kill(pid, number):
        sent.append((pid, number))
        host.engine.kill("blue-worker", "by pid")

    monkeypatch.setattr(os, "kill", kill)
    stopped = stop_workers(host, journal, workers_of(host), 30)
    assert sent == [(101, 15)]
    assert [each.pid1_form for each in stopped.containers] == ["exec", "shell"]
    assert "kill -s SIGTERM 101" in host.commands


def test_one_that_is_still_booting_is_signalled_when_it_listens(host, journal, monkeypatch):
    host.engine.inspect("blue-worker")["State"]["Pid"] = 100
    monkeypatch.setattr(
        _workers, "processes_of", lambda pid: [Process(100, 1, "celery", ["celery", "worker"])] if pid else []
    )
    up_at = host.clock.now + 3
    monkeypatch.setattr(
        _workers, "status_of", lambda _pid: f"SigCgt:\t{'4000' if host.clock.now >= up_at else '0'}\n"
    )
    stopped = stop_workers(host, journal, workers_of(host), 30)
    assert [each.pid1_form for each in stopped.containers] == ["exec", "exec"]
    assert host.clock.now >= up_at


def test_a_frozen_one_is_thawed_and_a_crashing_one_stopped(host, journal):
    host.engine.inspect("blue-worker")["State"]["Status"] = "paused"
    host.engine.inspect("blue-beat")["State"]["Status"] = "restarting"
    stopped = stop_workers(host, journal, workers_of(host), 30)
    assert host.calls[4:] == [("stop", "blue-beat"), ("unpause", "blue-worker"), ("kill SIGTERM", "blue-worker")]
    assert stopped.drained


def test_fail_says_which_container_and_tasks_and_the_way_out(host, journal, messages):
    host.engine.finishes_after["blue-worker"] = 100
    messages["tasks"] = [Task("celery@a", "id-1", "shop.report", 5.0)]
    with pytest.raises(BluegreenError) as caught:
        stop_workers(host, journal, workers_of(host), 30, "fail", WorkerBroker())
    for part in ("shop-blue-worker-1", "30 s", "shop.report (id-1)", "bluegreen_worker_stop_timeout", "on_timeout"):
        assert part in caught.value.message
    assert caught.value.details["containers"] == ["shop-blue-worker-1"]
    assert caught.value.details["logs"] == {"shop-blue-worker-1": ["last line of blue-worker"]}
    assert "SIGKILL" not in str(host.calls)


def test_leave_lets_it_finish_and_keeps_its_messages(host, journal, messages):
    host.engine.finishes_after["blue-worker"] = 100
    stopped = stop_workers(host, journal, workers_of(host), 30, "leave", WorkerBroker())
    assert (stopped.drained, stopped.killed) == (False, [])
    assert stopped.containers[1].exit_code is None
    assert "shop-blue-worker-1 still finishes its tasks after 30 s" in host.warnings[0]
    assert messages["restores"] == 0


@pytest.mark.parametrize(
    "cold_shutdown, killed", [(3, []), (None, ["shop-blue-worker-1"])], ids=["ends by itself", "has to be killed"]
)
def test_requeue_asks_for_a_cold_shutdown_first(host, journal, messages, cold_shutdown, killed):
    host.engine.finishes_after.update({"blue-worker": None, ("blue-worker", "SIGQUIT"): cold_shutdown})
    messages["orphans"] = 3
    stopped = stop_workers(host, journal, workers_of(host), 30, "requeue", WorkerBroker())
    assert ("kill SIGQUIT", "blue-worker") in host.calls
    assert (stopped.killed, stopped.drained) == (killed, not killed)
    assert stopped.containers[1].exit_code == (137 if killed else 0)
    assert (stopped.orphans_restored, stopped.queue_depth) == (3, {"celery": 4})


def test_kill_kills(host, journal):
    host.engine.finishes_after["blue-worker"] = None
    stopped = stop_workers(host, journal, workers_of(host), 30, "kill")
    assert (stopped.killed, stopped.drained) == (["shop-blue-worker-1"], False)


@pytest.mark.parametrize("on_timeout", ["fail", "leave"])
def test_a_beat_that_hangs_is_ended_because_it_has_no_task(host, journal, on_timeout):
    host.engine.finishes_after["blue-beat"] = None
    stopped = stop_workers(host, journal, workers_of(host), 30, on_timeout)
    assert stopped.killed == ["shop-blue-beat-1"]


def test_one_killed_from_outside_is_not_drained(host, journal):
    host.engine.inspect("blue-worker")["State"]["ExitCode"] = 0
    host.engine.finishes_after["blue-worker"] = None
    original = host.clock.sleep

    def sleep(seconds):
        original(seconds)
        if host.clock.now > 1005:
            host.engine.inspected["blue-worker"]["State"].update(Status="exited", ExitCode=137)

    host.clock.sleep = sleep
    stopped = stop_workers(host, journal, workers_of(host), 30)
    assert (stopped.killed, stopped.drained) == (["shop-blue-worker-1"], False)


def test_a_broker_that_is_down_does_not_undo_a_good_stop(host, journal, messages):
    messages["down"] = True
    stopped = stop_workers(host, journal, workers_of(host), 30, broker=WorkerBroker())
    assert stopped.drained
    assert stopped.queue_depth is None
    assert "could not be counted" in host.warnings[0]


def test_planning_touches_nothing(host):
    plan = plan_stop(host, workers_of(host))
    assert (plan.changed, [each.role for each in plan.containers]) == (True, ["beat", "worker"])
    assert host.calls == []


@pytest.mark.parametrize("graces, timeout", [([None, None], 60), ([90, None], 90), ([10, 30], 30)])
def test_the_owner_decides_how_long_tasks_may_take(host, graces, timeout):
    for container, grace in zip(("blue-beat", "blue-worker"), graces):
        host.engine.inspect(container)["Config"]["StopTimeout"] = grace
    assert timeout_for(workers_of(host)) == timeout


def running(host):
    return [container.name for container in workers_of(host) if container.running]


def test_the_very_same_containers_run_again_workers_first(host, journal):
    stop_workers(host, journal, workers_of(host), 30)
    host.calls.clear()
    broker = WorkerBroker(consumes=["10.0.0.2"])
    assert restart_workers(host, journal, workers_of(host), 30, broker) == ["shop-blue-worker-1", "shop-blue-beat-1"]
    assert [call for call in host.calls if call[0] != "note"] == [
        ("start", "blue-worker"),
        ("policy unless-stopped", "blue-worker"),
        ("start", "blue-beat"),
        ("policy unless-stopped", "blue-beat"),
    ]
    assert journal.data["signalled"] == []


def test_one_that_still_finishes_is_waited_for_and_then_started(host, journal):
    host.engine.finishes_after["blue-worker"] = 50
    with pytest.raises(BluegreenError):
        stop_workers(host, journal, workers_of(host), 30)
    before = host.engine.inspect("blue-worker")["State"]["StartedAt"]
    restart_workers(host, journal, workers_of(host), 120, WorkerBroker(consumes=["10.0.0.2"]))
    assert running(host) == ["shop-blue-beat-1", "shop-blue-worker-1"]
    assert host.engine.inspect("blue-worker")["State"]["StartedAt"] != before


def test_one_that_never_ends_is_named_and_all_others_run(host, journal):
    host.engine.finishes_after["blue-worker"] = None
    with pytest.raises(BluegreenError):
        stop_workers(host, journal, workers_of(host), 30)
    with pytest.raises(BluegreenError, match="shop-blue-worker-1 was told to finish and still runs after 60 s"):
        restart_workers(host, journal, workers_of(host), 60)
    assert "shop-blue-beat-1" in running(host)
    assert journal.data["signalled"] == ["blue-worker"]
    # Once it has ended, the next run starts it.
    host.engine.finishes_after["blue-worker"] = 1
    assert restart_workers(host, journal, workers_of(host), 60) == ["shop-blue-worker-1"]


def test_one_that_was_never_signalled_only_gets_its_policy_back(host, journal):
    container = workers_of(host)[1]
    journal.note_policy(container)
    host.engine.set_restart_policy(container.id, {"Name": "no"})
    host.calls.clear()
    assert restart_workers(host, journal, workers_of(host), 30) == []
    assert [call for call in host.calls if call[0] != "note"] == [("policy unless-stopped", "blue-worker")]


def test_recorded_but_not_sent_is_signalled_again(host, journal):
    journal.note(signalled=["blue-worker", "blue-beat"])
    restart_workers(host, journal, workers_of(host), 30, WorkerBroker(consumes=["10.0.0.2"]))
    assert ("kill SIGTERM", "blue-worker") in host.calls
    assert running(host) == ["shop-blue-beat-1", "shop-blue-worker-1"]
