# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker gap where workers really stop and start, and the figures of whole runs, in results and the history."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import (
    finish as deployment_finish,
    settle,
    transfer,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.status import summary
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.figures import figures
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import history_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import recover as recovery
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery.request import Request
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.deployment_states import keep_new_color
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import stop as workers_stop
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers.handover import Stop, take_over
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers.start import restart_workers
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers.stop import stop_workers
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene, facts
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import (
    BEAT,
    WORKER,
    WorkerBroker,
    WorkerHost,
)

CONSUMES = WorkerBroker(consumes=["10.0.0.2"])


class Host:
    """Blue works, green was created; a worker takes 2 s to finish."""

    def __init__(self, folder, **services):
        self.host = WorkerHost()
        for service, command in {"beat": BEAT, "worker": WORKER, **services}.items():
            self.host.engine.add(service, **command)
            self.host.engine.add(service, color="green", status="created", **command)
        self.store = Store("shop", self.host, root=str(folder / "lib"), run_root=str(folder / "run"))
        self.store.create()
        create_journal(self.store, "dep-1", "ada@laptop", facts()).done(Step.OPEN)

    def of(self, color):
        return of_project(self.host.engine, f"shop-{color}")

    def run(self, step):
        journal = self.store.load()
        journal.begin(Step(step))
        return journal

    @property
    def gap(self):
        return figures(self.store.load())["worker_gap"]


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.setattr(workers_stop, "count_messages", lambda _broker: {})
    monkeypatch.setattr(workers_stop, "restore_orphans", lambda *_given: 0)
    monkeypatch.setattr(workers_stop, "active_tasks", lambda *_given: None)
    return Host(tmp_path)


def test_from_the_signal_to_the_proof(shop):
    stop_workers(shop.host, shop.run("stop_workers"), shop.of("blue"), 30)
    shop.host.clock.sleep(10)
    journal = shop.run("start_workers")
    told = shop.host.clock.now
    take_over(shop.host, journal, shop.of("green"), CONSUMES, old=shop.of("blue"))
    journal.done(Step.START_WORKERS)
    # That beat has to stand a moment after it is no gap any more.
    assert 12 <= shop.gap <= 12.3 < 12 + shop.host.clock.now - told


def test_there_and_back_with_a_human_in_between(shop):
    stop_workers(shop.host, shop.run("stop_workers"), shop.of("blue"), 30)
    take_over(shop.host, shop.run("start_workers"), shop.of("green"), CONSUMES, old=shop.of("blue"))
    there = shop.gap
    shop.host.clock.sleep(143)
    journal = shop.store.load()
    journal.take_over()
    stop_workers(shop.host, journal, shop.of("green"), 30)
    restart_workers(shop.host, journal, shop.of("blue"), broker=CONSUMES)
    assert 2 <= there <= 2.3 and 2 <= shop.gap - there <= 2.3


def test_throttled_workers_leave_no_gap(shop):
    take_over(shop.host, shop.run("start_workers"), shop.of("green"), CONSUMES, old=shop.of("blue"), stop=Stop(30))
    shop.host.clock.sleep(50)
    assert shop.gap == 0


def test_a_beat_alone_ends_no_gap(shop):
    stop_workers(shop.host, shop.run("stop_workers"), shop.of("blue"), 30)
    shop.host.engine.refuse = {"blue-worker"}
    journal = shop.store.load()
    journal.take_over()
    with pytest.raises(BluegreenError, match="blue-worker"):
        restart_workers(shop.host, journal, shop.of("blue"), 20, CONSUMES)
    begun = shop.gap
    shop.host.clock.sleep(60)
    shop.store.load().take_over()
    assert 60 <= shop.gap - begun < 61


def test_workers_that_were_down_already_are_told_nothing(shop):
    for name in ("blue-beat", "blue-worker"):
        shop.host.engine.stop(name)
    stop_workers(shop.host, shop.run("stop_workers"), shop.of("blue"), 30)
    shop.host.clock.sleep(5)
    take_over(shop.host, shop.run("start_workers"), shop.of("green"), CONSUMES, old=shop.of("blue"))
    assert shop.gap is None


# Whole ways, with the parts that touch containers replaced

CLOSE = {"deployment_id": "", "epoch": 0, "release": "", "owner": ""}
UNDO = Request(prefer="rollback", reason="somebody wants it")


@pytest.fixture
def scene(monkeypatch, tmp_path):
    monkeypatch.setattr(transfer, "copy_beside", lambda *_given: None)
    monkeypatch.setattr(settle, "_ask_new_workers", lambda *_given: None)
    monkeypatch.setattr(settle.guard_units, "watch_pending", lambda *_given: None)
    monkeypatch.setattr(settle.health_gate, "require_still_healthy", lambda *_given: None)
    made = Scene(monkeypatch, tmp_path)
    made.color("blue", worker="exited", beat="exited")
    made.color("green")
    made.pace = 2.0
    return made


def settled(scene):
    """Half a minute of a deployment, and what settle returns; a run of its own each."""
    scene.deployment("stop_workers")
    given = {
        "deployment_id": "dep-1",
        "epoch": 1,
        "approval_follows": False,
        "approval_timeout": 3600,
        "on_timeout": "keep",
    }
    steps = [("stop_workers", "note_told", "blue"), ("cutover", "", ""), ("start_workers", "note_consuming", "green")]
    for step, note, color in steps:
        scene.host.clock.sleep(4)
        journal = scene.store.load()
        journal.begin(Step(step))
        if note:
            workers = of_project(scene.engine, f"shop-{color}", ["worker"])
            getattr(journal, note)(*([workers] if note == "note_consuming" else [workers, True]))
        scene.host.clock.sleep(6)
        journal.done(Step(step))
    return settle.settle(scene.host, scene.store, given, check_mode=False)


def last_line(scene):
    (entry,) = history_of(scene.store)
    facts = {"live": "", "release": "", "colors": {}, "queues": {}, "held": {}, "deployment": None, "history": [entry]}
    return entry, summary("shop", facts)[-1].partition(", memory")[0]


def test_settle_says_what_it_took_so_far(scene):
    result = settled(scene)
    assert (result["figures"]["took"], result["figures"]["waited"], result["figures"]["worker_gap"]) == (30, 0, 20)
    assert result["message"].startswith("Release 2 of shop is live (green). It took 30.0 s, worker gap 20.0 s, ")


def test_an_approved_deployment_adds_up(scene):
    settled(scene)
    scene.host.clock.sleep(61)
    given = deployment_finish.finish_deployment(scene.host, scene.store, CLOSE, False, keep_new_color)["figures"]
    entry, line = last_line(scene)
    assert {name: entry[name] for name in given} == given
    assert line == "It took 91.0 s (61.0 s of it waiting for approval), worker gap 20.0 s"
    assert sum(entry["seconds"].values()) == entry["took"] == 91
    # And so do the two times, as long as nobody sets the clock.
    assert (entry["started"], entry["ended"]) == ("2026-11-23T12:00:00Z", "2026-11-23T12:01:31Z")
    assert entry["live_at"] == "2026-11-23T12:00:20Z"


def test_a_deployment_that_is_undone_adds_up(scene):
    settled(scene)
    scene.host.clock.sleep(542)
    given = recovery.recover(scene.host, scene.store, UNDO, check_mode=False)["figures"]
    entry, line = last_line(scene)
    assert {name: entry[name] for name in given} == given
    # Two seconds each until the new ones have stopped, and until the old ones consume.
    assert line == "It took 576 s (542 s of it waiting for approval), worker gap 24.0 s"
    assert entry["seconds"]["way_back"] == 4


def test_a_guard_that_comes_late_waited_for_nobody(scene):
    scene.deployment("stop_workers", done=False)
    journal = scene.store.load()
    journal.begin(Step.STOP_WORKERS)
    journal.note_told(of_project(scene.engine, "shop-blue", ["worker"]), True)
    scene.host.clock.sleep(900)
    guard = UNDO._replace(prefer="", guard=True, reason="guard: no heartbeat")
    recovery.recover(scene.host, scene.store, guard, check_mode=False)
    entry, line = last_line(scene)
    assert (entry["waited"], entry["seconds"]["between_runs"]) == (0, 900)
    # The rest of the way back follows the proof of the old workers.
    assert line == "It took 904 s, worker gap 902 s"
