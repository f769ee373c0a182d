# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import queues
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.remote_control import Task
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.worker_conf import WorkerConf
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import stop as workers_stop
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers.stop import (
    plan_stop,
    stop_workers,
    timeout_for,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import (
    BEAT,
    WORKER,
    Notes,
    WorkerBroker,
    WorkerHost,
    workers_of,
)


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
    answers = {"orphans": 0, "depth": {"celery": 4}, "tasks": None, "restores": 0, "down": False, "begins": []}

    def restore(_host, _journal, _broker):
        answers["restores"] += 1
        return answers["orphans"]

    def count(_broker):
        if answers["down"]:
            raise RedisError("Redis does not answer.")
        return answers["depth"]

    monkeypatch.setattr(workers_stop, "restore_orphans", restore)
    monkeypatch.setattr(workers_stop, "count_messages", count)
    monkeypatch.setattr(workers_stop, "active_tasks", lambda *_args: answers["tasks"])
    monkeypatch.setattr(workers_stop, "let_them_begin", lambda *_args: answers["begins"].append(True))
    monkeypatch.setattr(workers_stop, "ask_conf", lambda *_args: WorkerConf())
    return answers


def test_the_answer_of_a_beat_is_not_waited_for(host, journal, messages, monkeypatch):
    asked = []
    monkeypatch.setattr(workers_stop, "active_tasks", lambda _host, _broker, each: asked.extend(each))
    stop_workers(host, journal, workers_of(host), 30, broker=object())
    assert [container.service for container in asked] == ["worker"]


@pytest.mark.parametrize("tasks, begins", [(None, 0), ([], 1), ([Task("celery@a", "id-1", "shop.report", 5.0)], 1)])
def test_workers_that_answer_take_no_more_tasks_before_the_signal(host, journal, messages, tasks, begins):
    messages["tasks"] = tasks
    stop_workers(host, journal, workers_of(host), 30, broker=WorkerBroker())
    assert len(messages["begins"]) == begins


def test_policies_go_and_the_journal_knows_before_beat_and_then_workers_are_signalled(host, journal, reported):
    stopped = stop_workers(host, journal, workers_of(host), 30)
    assert host.calls == [
        ("policy no", "blue-beat"),
        ("policy no", "blue-worker"),
        ("note", "signalled"),
        ("note", "told_projects"),
        ("note", "worker_roles"),
        # Each at once, so that no second signal follows where this module is killed in between.
        ("kill SIGTERM", "blue-beat"),
        ("note", "told"),
        ("note", "told_processes"),
        ("kill SIGTERM", "blue-worker"),
        ("note", "told"),
        ("note", "told_processes"),
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
    assert list(reported)[0] == "0 of 2 containers have ended, not yet shop-blue-beat-1, shop-blue-worker-1"


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


def test_a_frozen_one_is_thawed_and_a_crashing_one_stopped(host, journal):
    host.engine.inspect("blue-worker")["State"]["Status"] = "paused"
    host.engine.inspect("blue-beat")["State"]["Status"] = "restarting"
    stopped = stop_workers(host, journal, workers_of(host), 30)
    done = [call for call in host.calls if call[0] not in ("note", "policy no")]
    assert done == [("stop", "blue-beat"), ("unpause", "blue-worker"), ("kill SIGTERM", "blue-worker")]
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
    assert "shop-blue-worker-1 still runs after 30 s. Its processes cannot be seen from here" in host.warnings[0]
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


def test_requeue_gives_a_soft_shutdown_its_own_time(host, journal, messages, monkeypatch):
    host.engine.finishes_after.update({"blue-worker": None, ("blue-worker", "SIGQUIT"): 25})
    messages["tasks"] = []
    monkeypatch.setattr(workers_stop, "ask_conf", lambda *_args: WorkerConf(soft_shutdown=20.0))
    stopped = stop_workers(host, journal, workers_of(host), 30, "requeue", WorkerBroker())
    assert (stopped.killed, stopped.drained) == ([], True)


def test_kill_kills(host, journal):
    host.engine.finishes_after["blue-worker"] = None
    stopped = stop_workers(host, journal, workers_of(host), 30, "kill")
    assert (stopped.killed, stopped.drained) == (["shop-blue-worker-1"], False)


@pytest.mark.parametrize("on_timeout", ["fail", "leave"])
def test_a_beat_that_hangs_is_ended_because_it_has_no_task(host, journal, on_timeout):
    host.engine.finishes_after["blue-beat"] = None
    stopped = stop_workers(host, journal, workers_of(host), 30, on_timeout)
    assert stopped.killed == ["shop-blue-beat-1"]


TASKS = [Task("celery@a", "id-1", "shop.report", 5.0), Task("celery@a", "id-2", "shop.mail", 6.0)]
# What the worker ran when it was killed from outside, what waits in a queue afterwards, what is lost by that.
KILLED = {
    "nothing ran": ([], set(), []),
    "all is back in the queue": (TASKS, {"id-1", "id-2"}, []),
    "one was acknowledged before": (TASKS, {"id-1"}, ["id-2"]),
    "nobody knows": (None, set(), None),
}


def killed_from_outside(host, messages, monkeypatch, tasks, waiting, how=("exited", 137)):
    messages["tasks"] = tasks
    monkeypatch.setattr(queues, "waiting_ids", lambda _broker, ids: ids & waiting)
    host.engine.finishes_after["blue-worker"] = None
    original = host.clock.sleep

    def sleep(seconds):
        original(seconds)
        if host.clock.now > 1005:
            host.engine.inspected["blue-worker"]["State"].update(Status=how[0], ExitCode=how[1])

    host.clock.sleep = sleep


@pytest.mark.parametrize("on_timeout", ["fail", "leave", "kill"])
@pytest.mark.parametrize("case", KILLED)
def test_one_killed_from_outside_is_not_drained(host, journal, messages, monkeypatch, case, on_timeout):
    tasks, waiting, lost = KILLED[case]
    killed_from_outside(host, messages, monkeypatch, tasks, waiting)
    if on_timeout == "fail" and lost != []:
        with pytest.raises(BluegreenError, match="shop-blue-worker-1 was ended by signal 9") as caught:
            stop_workers(host, journal, workers_of(host), 30, on_timeout, WorkerBroker())
        assert caught.value.details["failure"] == "killed"
        sentence, names = caught.value.message, [task["id"] for task in caught.value.details["lost"]]
    else:
        stopped = stop_workers(host, journal, workers_of(host), 30, on_timeout, WorkerBroker())
        assert (stopped.killed, stopped.drained) == (["shop-blue-worker-1"], False)
        sentence, names = host.warnings[-1], [task["id"] for task in stopped.lost]
    assert names == (lost or [])
    # Whatever becomes of it, what it had taken is given back.
    assert messages["restores"] == 1
    assert {
        "nothing ran": "No task was lost.",
        "all is back in the queue": "No task was lost.",
        "one was acknowledged before": "This task ran there, may not have ended and is not in a queue: shop.mail",
        "nobody knows": "It is not known which tasks ran there.",
    }[case] in sentence


def test_one_killed_for_memory_is_named_as_that(host, journal, messages, monkeypatch):
    killed_from_outside(host, messages, monkeypatch, TASKS, set())
    original = host.engine.inspect

    def inspect(container):
        data = original(container)
        data["State"]["OOMKilled"] = data["State"]["ExitCode"] == 137
        return data

    monkeypatch.setattr(host.engine, "inspect", inspect)
    with pytest.raises(
        BluegreenError, match=r"shop-blue-worker-1 was killed for memory. .* shop.report \(id-1\), shop.mail"
    ):
        stop_workers(host, journal, workers_of(host), 30, "fail", WorkerBroker())


def test_a_process_of_the_pool_that_was_killed_is_seen_in_the_logs(host, journal, messages, monkeypatch):
    killed_from_outside(
        host,
        messages,
        monkeypatch,
        [each._replace(worker_pid=pid) for each, pid in zip(TASKS, (8, 9))],
        set(),
        ("exited", 0),
    )
    host.engine.log_lines["blue-worker"] = [
        "[2026-11-29 10:00:00,000: ERROR/MainProcess] Process 'ForkPoolWorker-2' pid:9 exited with 'signal 9 (SIGKILL)'"
    ]
    stopped = stop_workers(host, journal, workers_of(host), 30, "leave", WorkerBroker())
    assert ([task["id"] for task in stopped.lost], stopped.drained) == (["id-2"], False)
    assert "lost a process of its pool to a signal" in host.warnings[-1]


@pytest.mark.parametrize(
    "lines, why, lost",
    [
        (["worker: Cold shutdown (MainProcess)"], "dropped its tasks (a cold shutdown)", ["id-1", "id-2"]),
        (
            ["INFO Task shop.mail[id-2] succeeded in 2.0s: None", "worker: Cold shutdown (MainProcess)"],
            "dropped its tasks (a cold shutdown)",
            ["id-1"],
        ),
        # That was before anybody told it, and maybe in an earlier run of this container.
        ([(0, "worker: Cold shutdown (MainProcess)"), (0, "Process 'x' pid:9 exited with 'signal 9'")], "", []),
    ],
)
def test_an_end_that_waited_for_no_task_is_seen_in_the_logs(host, journal, messages, monkeypatch, lines, why, lost):
    tasks = [TASKS[0], TASKS[1]._replace(worker_pid=9)]
    killed_from_outside(host, messages, monkeypatch, tasks, set(), ("exited", 0))
    host.engine.log_lines["blue-worker"] = lines
    stopped = stop_workers(host, journal, workers_of(host), 30, "leave", WorkerBroker())
    assert ([task["id"] for task in stopped.lost], stopped.drained) == (lost, not why)
    assert (why in host.warnings[-1]) if why else not host.warnings


def test_workers_in_the_network_of_the_host_have_one_name_and_their_tasks_are_found_nevertheless(
    host, journal, messages, monkeypatch
):
    for service in ("beat", "worker"):
        host.engine.inspect(f"blue-{service}")["Config"]["Hostname"] = "a"
    killed_from_outside(host, messages, monkeypatch, TASKS, set())
    with pytest.raises(
        BluegreenError, match=r"may not have ended and are not in a queue: shop.report \(id-1\), shop.mail \(id-2\)"
    ):
        stop_workers(host, journal, workers_of(host), 30, "fail", WorkerBroker())


def test_how_one_ended_before_it_was_told_is_no_loss_of_this_stop(host, journal, messages):
    host.engine.inspect("blue-worker")["State"].update(Status="restarting", ExitCode=137)
    stopped = stop_workers(host, journal, workers_of(host), 30, "fail", WorkerBroker())
    assert (stopped.drained, stopped.killed, host.warnings) == (True, [], [])


def test_each_has_all_of_its_time_however_long_another_one_boots(host, journal, monkeypatch):
    host.engine.finishes_after["blue-worker"] = 8
    monkeypatch.setattr(workers_stop.Ending, "_wait_until_it_listens", lambda _self: host.clock.sleep(15) or True)
    assert stop_workers(host, journal, workers_of(host), 10).drained


def test_one_that_the_engine_has_started_again_is_told_as_what_it_is_now(host, journal):
    before = workers_of(host)
    host.engine.inspect("blue-worker")["State"].update(StartedAt="2026-11-23T11:00:00Z")
    host.engine.inspect("blue-beat")["State"].update(Status="exited")
    stopped = stop_workers(host, journal, before, 30)
    assert [each.id for each in stopped.containers] == ["blue-worker"]
    assert journal.data["told"] == {"blue-worker": "2026-11-23T11:00:00Z"}


def test_a_broker_that_is_down_does_not_undo_a_good_stop(host, journal, messages):
    messages["down"] = True
    stopped = stop_workers(host, journal, workers_of(host), 30, broker=WorkerBroker())
    assert stopped.drained
    assert stopped.queue_depth is None
    assert "could not be counted" in host.warnings[0]


def test_planning_touches_nothing(host):
    plan = plan_stop(workers_of(host))
    assert (plan.changed, [each.role for each in plan.containers]) == (True, ["beat", "worker"])
    assert host.calls == []


@pytest.mark.parametrize("graces, timeout", [([None, None], 60), ([90, None], 90), ([10, 30], 30)])
def test_the_owner_decides_how_long_tasks_may_take(host, graces, timeout):
    for container, grace in zip(("blue-beat", "blue-worker"), graces):
        host.engine.inspect(container)["Config"]["StopTimeout"] = grace
    assert timeout_for(workers_of(host)) == timeout
