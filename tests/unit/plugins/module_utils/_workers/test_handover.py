# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._process import Process
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import consuming, stop as workers_stop
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers.handover import Stop, take_over
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers.still_up import MOMENT
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import (
    BEAT,
    WORKER,
    Notes,
    WorkerBroker,
    WorkerHost,
)

BOTH = {"Path": "celery", "Args": ["-A", "shop", "worker", "-B"]}
FILE = "/srv/shop/celerybeat-schedule"


@pytest.fixture
def host():
    fake = WorkerHost()
    fake.engine.add("beat", color="green", status="created", **BEAT)
    fake.engine.add("worker", color="green", status="created", **WORKER)
    return fake


@pytest.fixture
def journal(host):
    return Notes(host)


@pytest.fixture(autouse=True)
def counted(monkeypatch):
    monkeypatch.setattr(workers_stop, "count_messages", lambda _broker: {})
    monkeypatch.setattr(workers_stop, "active_tasks", lambda _host, _broker, _most: [])


def of(host, color):
    return of_project(host.engine, f"shop-{color}", ["beat", "worker"])


def take(host, journal, **options):
    return take_over(host, journal, of(host, "green"), **{"broker": WorkerBroker(consumes=["10.0.0.2"]), **options})


def old_color(host, status, **worker):
    host.engine.add("beat", status=status, HostConfig__CpuShares=2, **BEAT)
    host.engine.add("worker", status=status, HostConfig__CpuShares=2, **(worker or WORKER))
    host.engine.files["blue-beat"] = {FILE: "ticked at noon"}
    return of(host, "blue")


def verbs(host, *names):
    """The calls of some kinds, as words, in order."""
    return [
        " ".join(call) if isinstance(call, tuple) else call
        for call in host.calls
        if (call[0] if isinstance(call, tuple) else call).split()[0] in names
    ]


def test_the_order_and_the_policies(host, journal):
    assert take(host, journal).started == ["shop-green-worker-1", "shop-green-beat-1"]
    assert host.calls[:4] == [
        ("policy no", "green-beat"),
        ("policy no", "green-worker"),
        ("start", "green-worker"),
        ("note", "consuming_projects"),
    ]
    assert verbs(host, "policy", "start")[3:] == [
        "policy unless-stopped green-worker",
        "start green-beat",
        "policy unless-stopped green-beat",
    ]


@pytest.mark.parametrize("status", ["exited", "running"], ids=["stopped", "throttled"])
def test_room_is_made_before_anything_new_starts(host, journal, status):
    old = old_color(host, status)
    take(host, journal, old=old, make_room=lambda: host.calls.append("make room"), stop=Stop(timeout=20))
    assert verbs(host, "make", "start")[:2] == ["make room", "start green-worker"]


def test_what_runs_already_is_left_alone(host, journal):
    take(host, journal)
    host.calls.clear()
    assert take(host, journal).started == []
    assert verbs(host, "start", "kill") == []


def test_while_nobody_works_tasks_move_as_the_new_worker_boots(host, journal):
    def move(results_are_there):
        host.calls.append("results")
        results_are_there()
        host.calls.append("messages")

    took_over = take(host, journal, old=old_color(host, "exited"), move=move)
    assert verbs(host, "results", "messages", "start", "unpack", "kill") == [
        "results",
        "start green-worker",
        "messages",
        f"unpack {FILE} green-beat",
        "start green-beat",
    ]
    assert took_over.schedule == [FILE]


def test_new_workers_that_have_yet_to_tell_their_tasks_are_proved_before_the_first_message_moves(host, journal):
    journal.data["task_names"] = {"old": ["shop.work"]}

    def move(results_are_there):
        host.calls.append("results")
        results_are_there()
        host.calls.append("messages")

    take(host, journal, old=old_color(host, "exited"), move=move)
    assert [call for call in verbs(host, "results", "messages", "start", "note") if call != "note worker_roles"] == [
        "results",
        "start green-worker",
        "note consuming_projects",
        "messages",
        "start green-beat",
    ]


def test_nothing_moves_to_new_workers_that_do_not_consume_and_have_yet_to_tell_their_tasks(host, journal, reported):
    journal.data["task_names"] = {"old": ["shop.work"]}
    moved = []

    def move(results_are_there):
        results_are_there()
        moved.append("messages")

    with pytest.raises(BluegreenError, match="did not begin to consume"):
        take(
            host,
            journal,
            old=old_color(host, "exited"),
            move=move,
            broker=WorkerBroker(consumes=["10.9.9.9"]),
            timeout=20,
        )
    assert moved == []
    assert list(reported) == ["0 of 1 workers consume, not yet shop-green-worker-1"]


def test_a_move_with_nothing_to_do_starts_the_worker_all_the_same(host, journal):
    assert len(take(host, journal, old=old_color(host, "exited"), move=lambda _hook: None).started) == 2


def test_throttled_ones_finish_when_the_new_ones_consume(host, journal):
    old = old_color(host, "running")
    journal.data["cpu_shares"] = {"blue-beat": 0, "blue-worker": 512}
    took_over = take(host, journal, old=old, move=lambda hook: host.calls.append(f"messages {hook}"), stop=Stop(30))
    assert verbs(host, "messages", "start", "unpack", "kill", "weight") == [
        "start green-worker",
        "weight 1024 blue-beat",
        "weight 512 blue-worker",
        "kill SIGTERM blue-beat",
        "kill SIGTERM blue-worker",
        "messages None",
        f"unpack {FILE} green-beat",
        "start green-beat",
    ]
    assert took_over.started == ["shop-green-worker-1", "shop-green-beat-1"]
    assert journal.data["cpu_shares"] == {}
    notes = verbs(host, "note")
    assert notes.index("note consuming_projects") < notes.index("note told_projects")


def test_throttled_ones_stay_when_the_new_ones_do_not_consume(host, journal):
    old = old_color(host, "running")
    with pytest.raises(BluegreenError, match="did not begin to consume"):
        take(host, journal, old=old, broker=WorkerBroker(consumes=["10.9.9.9"]), timeout=20)
    assert verbs(host, "kill", "weight") == []


def test_throttled_ones_that_do_not_finish_in_time_fail_the_deployment(host, journal):
    old = old_color(host, "running")
    host.engine.finishes_after["blue-worker"] = 90
    with pytest.raises(BluegreenError, match="shop-blue-worker-1 still runs 30 s after it was told to finish"):
        take(host, journal, old=old, stop=Stop(30))
    assert "start green-beat" not in verbs(host, "start")


@pytest.mark.parametrize("status", ["running", "exited"])
def test_a_worker_that_is_a_beat_too_never_runs_beside_the_old_beat(host, journal, status):
    host.engine.add("worker", color="green", status="created", **BOTH)
    del host.engine.inspected["green-beat"]
    old = old_color(host, status)
    host.engine.files["blue-worker"] = host.engine.files.pop("blue-beat")
    host.engine.inspected["blue-worker"].update(BOTH)
    host.engine.inspected.pop("blue-beat")
    old = of(host, "blue")
    assert take(host, journal, old=old).started == ["shop-green-worker-1"]
    assert verbs(host, "start", "unpack", "kill") == [
        *(["kill SIGTERM blue-worker"] if status == "running" else []),
        f"unpack {FILE} green-worker",
        "start green-worker",
    ]


def test_one_that_still_finishes_is_not_waited_for(host, journal):
    """With on_timeout: leave, the old worker was told to finish before and takes no more tasks."""
    old = old_color(host, "exited")
    host.engine.inspected["blue-worker"]["State"]["Status"] = "running"
    journal.data["signalled"] = ["blue-worker"]
    old = of(host, "blue")
    take(host, journal, old=old)
    assert verbs(host, "kill") == []
    assert host.engine.state("blue-worker") == "running"


def test_a_worker_that_crashes_fails_at_once_and_beat_does_not_start(host, journal):
    host.engine.crashes_after["green-worker"] = 2
    began = host.clock.now
    with pytest.raises(BluegreenError, match="shop-green-worker-1 ended with exit code 1") as caught:
        take(host, journal, broker=WorkerBroker())
    assert host.clock.now - began < 4
    assert caught.value.details["failure"] == "exited"
    assert ("start", "green-beat") not in host.calls
    assert host.engine.policy("green-worker") == "no"


def test_a_worker_that_does_not_consume(host, journal):
    with pytest.raises(BluegreenError, match="shop-green-worker-1 did not begin to consume tasks within 20 s; its"):
        take(host, journal, timeout=20, broker=WorkerBroker(consumes=["10.9.9.9"]))


class OutsideRedis(WorkerBroker):
    """A Redis that sees all workers come from a router; the worker's own connection has another port at first."""

    def __init__(self, host, port):
        super().__init__(consumes=["192.168.0.1"])
        self.host, self.its_port = host, port

    def consumers(self, number):
        return [consumer._replace(port=self.its_port) for consumer in super().consumers(number)]


@pytest.mark.parametrize(
    "port, state, seconds",
    [(40007, consuming.sockets.ESTABLISHED, (0, 1)), (51000, consuming.sockets.ESTABLISHED, (5, 6)), (40007, 2, None)],
    ids=["the router keeps the port", "the router changes it", "no connection"],
)
def test_behind_a_router_a_worker_is_known_by_its_connection(host, journal, monkeypatch, port, state, seconds):
    connection = consuming.sockets.Connection(("10.0.0.2", 40007), ("10.1.1.1", 6379), state, 1)
    monkeypatch.setattr(consuming.sockets, "connections", lambda pid, ports: [connection] if ports == (6379,) else [])
    began = host.clock.now
    if seconds is None:
        with pytest.raises(BluegreenError, match="did not begin to consume"):
            take(host, journal, broker=OutsideRedis(host, port), timeout=20)
    else:
        take(host, journal, broker=OutsideRedis(host, port))
        # Half a second more is the moment that a start is watched for.
        assert seconds[0] <= host.clock.now - began - MOMENT <= seconds[1]


@pytest.mark.parametrize(
    "holder, proved", [(70, True), (71, False)], ids=["the worker's own connection", "that of its health check"]
)
def test_a_health_check_that_waits_as_a_worker_does_proves_nothing(host, journal, monkeypatch, holder, proved):
    connection = consuming.sockets.Connection(
        ("10.0.0.2", 40001), ("10.0.0.5", 6379), consuming.sockets.ESTABLISHED, 4711
    )
    monkeypatch.setattr(
        consuming, "processes_of", lambda _pid: [Process(70, 1, "celery", ["celery", "-A", "shop", "worker"])]
    )
    monkeypatch.setattr(consuming.sockets, "connections", lambda pid, ports: [connection])
    monkeypatch.setattr(consuming.sockets, "inodes_of", lambda pid: {4711} if pid == holder else set())
    broker = WorkerBroker(consumes=["10.0.0.2"])
    broker.container = SimpleNamespace(addresses={})
    if proved:
        assert take(host, journal, broker=broker).started
    else:
        with pytest.raises(BluegreenError, match="did not begin to consume"):
            take(host, journal, broker=broker, timeout=20)


def test_a_beat_behind_a_script_waits_for_the_end_of_the_old_one(host, journal):
    """Only its processes have shown what the old one was, while they ran."""
    for color in ("blue", "green"):
        status = "running" if color == "blue" else "created"
        host.engine.add("scheduler", color=color, status=status, Path="/entry.sh", Args=["scheduler"])
    journal.data["worker_roles"] = {"scheduler": "beat"}
    old_color(host, "running")
    names = ["worker", "scheduler"]
    old, new = (of_project(host.engine, f"shop-{color}", names) for color in ("blue", "green"))
    take_over(host, journal, new, WorkerBroker(consumes=["10.0.0.2"]), old)
    order = [call for call in verbs(host, "start", "kill") if "scheduler" in call]
    assert order == ["kill SIGTERM blue-scheduler", "start green-scheduler"]


def test_a_worker_without_its_broker_is_not_proved(host, journal):
    with pytest.raises(BluegreenError, match="did not begin to consume"):
        take(host, journal, timeout=20, broker=WorkerBroker(down=True))


@pytest.mark.parametrize("broker", [None, WorkerBroker(tells=False)], ids=["no Redis", "a Redis that does not tell"])
@pytest.mark.parametrize("line, seconds", [("celery@host ready.", 2), ("starting", 7)], ids=["says so", "stands"])
def test_without_redis_a_worker_is_believed(host, journal, broker, line, seconds):
    host.engine.log_lines["green-worker"] = [line]
    began = host.clock.now
    assert len(take(host, journal, broker=broker).started) == 2
    assert host.clock.now - began < seconds


def test_a_beat_that_falls_over_a_moment_later(host, journal):
    host.engine.crashes_after["green-beat"] = 0.5
    with pytest.raises(BluegreenError, match="shop-green-beat-1 ended with exit code 1"):
        take(host, journal, broker=WorkerBroker(consumes=["10.0.0.2"]))


def test_without_waiting_a_start_is_believed(host, journal):
    started = take(host, journal, broker=WorkerBroker(down=True), wait=False)
    assert started.started == ["shop-green-worker-1", "shop-green-beat-1"]


@pytest.mark.parametrize("status", ["exited", "running"])
def test_what_waits_in_a_shared_broker_is_sorted_once_right_before_the_first_worker_starts(host, journal, status):
    old = old_color(host, status)
    take(host, journal, old=old, move=lambda _start: host.calls.append("move"), sort=lambda: host.calls.append("sort"))
    calls = verbs(host, "sort", "start", "move", "kill")
    assert calls.index("sort") == calls.index("start green-worker") - 1
    assert calls.count("sort") == 1


def test_where_no_worker_starts_nothing_is_sorted(host, journal):
    host.engine.start("green-worker")
    host.engine.start("green-beat")
    take(host, journal, sort=lambda: host.calls.append("sort"))
    assert "sort" not in host.calls
