# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import threading
import time

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import kept_keys, move as broker_move, queues
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import cli as compose_cli
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import approval
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._health import gate as health_gate
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install import guard_units
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import fencing
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.fencing import Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux import files
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    running as nginx_running,
    switch as nginx_switch,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.upstream_file import OwnedFile
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import recover as recovery, rollback
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery.request import Request
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources import host as host_resources
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot import restore as snapshot_restore
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import stop as workers_stop, unknown_tasks
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import ALWAYS, NO_RESTART, record

AGAIN = (
    "run ansible-playbook smallfleet.bluegreen.rollback again. To keep release 2 instead, run ansible-playbook "
    "smallfleet.bluegreen.finish -e bluegreen_release=2 once it is healthy; if both are unhealthy, ansible-playbook "
    "smallfleet.bluegreen.rollback -e bluegreen_release=1 takes release 1 as it is."
)
UNDO = Request(prefer="rollback", reason="health: no answer")
LOOK = Request(reason="recover.yml")


@pytest.fixture
def scene(monkeypatch, tmp_path):
    return Scene(monkeypatch, tmp_path)


def recover(scene, params, check_mode=False):
    return recovery.recover(scene.host, scene.store, params, check_mode)


def abandoned(scene):
    scene.host.clock.now += 1000


def written(scene):
    (entry,) = scene.store.history()
    return entry


# Who may


def test_nothing_is_open(scene):
    assert recover(scene, UNDO) == {
        "changed": False,
        "found": False,
        "already": False,
        "again": False,
        "kept": "",
        "message": "No deployment of app shop is open. It was never deployed on this host.",
        "logs": {},
    }
    scene.store.log({"id": "dep-0"})
    assert recover(scene, UNDO)["message"] == "No deployment of app shop is open."


def test_who_undoes_what_the_guard_has_undone_is_told_so(scene):
    scene.store.log({"id": "dep-1", "result": "rolled_back", "reason": "guard: no heartbeat for 20 s in step health"})
    assert recover(scene, UNDO._replace(deployment_id="dep-1"))["message"] == (
        "Deployment dep-1 has ended meanwhile: rolled back (guard: no heartbeat for 20 s in step health)."
    )
    scene.store.log({"id": "dep-2", "result": "committed", "reason": ""})
    assert recover(scene, UNDO._replace(deployment_id="dep-2"))["message"] == "Deployment dep-2 has ended meanwhile: committed."


def test_another_deployment_is_left_alone(scene):
    scene.deployment("health")
    with pytest.raises(Fenced) as refusal:
        recover(scene, UNDO._replace(deployment_id="dep-0"))
    assert refusal.value.message == (
        "deployment_id dep-0 is not the open deployment of app shop, which is dep-1 by ada@laptop since "
        "2026-11-23T12:00:00Z: nothing was done."
    )
    assert scene.store.load()["epoch"] == 1


def test_a_deployment_whose_owner_lives_is_left_to_it(scene):
    scene.deployment("health")
    with pytest.raises(Fenced) as refusal:
        recover(scene, LOOK)
    assert refusal.value.message == (
        "Deployment dep-1 by ada@laptop since 2026-11-23T12:00:00Z of app shop is in step health, and its owner still "
        "sends heartbeats: wait until it has ended, or undo it with ansible-playbook smallfleet.bluegreen.rollback."
    )
    assert scene.calls == []


def test_check_mode_refuses_too(scene):
    scene.deployment("health")
    with pytest.raises(Fenced):
        recover(scene, LOOK, check_mode=True)


def test_who_came_first_to_the_lock_is_not_run_over(scene, monkeypatch):
    journal = scene.deployment("health")
    abandoned(scene)
    lock = scene.store.lock

    def late(purpose, wait):
        # Its owner woke up, and writes a sign of life.
        journal.save()
        return lock(purpose, wait)

    monkeypatch.setattr(scene.store, "lock", late)
    with pytest.raises(Fenced, match="still sends heartbeats"):
        recover(scene, LOOK)
    assert scene.calls == []


def test_a_deployment_that_ended_while_the_lock_was_waited_for_is_gone(scene, monkeypatch):
    scene.deployment("health")
    lock = scene.store.lock
    monkeypatch.setattr(
        scene.store, "lock", lambda purpose, wait: (scene.store.close({"id": "dep-1"}), lock(purpose, wait))[1]
    )
    assert recover(scene, UNDO)["found"] is False
    assert scene.calls == []


def test_check_mode_changes_nothing(scene):
    scene.color("blue")
    scene.color("green")
    scene.deployment("health")
    before = scene.store.load().data
    result = recover(scene, UNDO, check_mode=True)
    assert (result["changed"], result["found"]) == (True, True)
    assert "would be completed or rolled back" in result["message"]
    assert scene.calls == [] and scene.store.load().data == before


def test_whoever_owned_it_can_do_nothing_more_once_it_is_taken_over(scene):
    scene.color("blue")
    scene.color("green", "created")
    scene.deployment("awaiting_approval")
    assert recover(scene, LOOK._replace(prefer=""), check_mode=True)["found"]
    scene.unhealthy = {"blue", "green"}
    with pytest.raises(BluegreenError):
        recover(scene, LOOK)
    assert scene.store.load()["epoch"] == 2


def test_a_controller_that_wakes_up_after_the_guard_acted_can_do_nothing(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    epoch = scene.deployment("start_workers")["epoch"]
    abandoned(scene)
    recover(scene, LOOK._replace(guard=True))
    before = scene.store.load().data
    del scene.calls[:]
    with pytest.raises(Fenced) as refusal:
        recover(scene, UNDO._replace(deployment_id="dep-1", epoch=epoch))
    assert refusal.value.message == (
        "Deployment dep-1 by ada@laptop since 2026-11-23T12:00:00Z of app shop was taken over meanwhile (epoch 2, not 1): "
        "nothing was done. Run ansible-playbook smallfleet.bluegreen.status."
    )
    # Nor can it go on where it slept.
    for step in ("settle", "awaiting_approval"):
        with pytest.raises(Fenced, match=r"was taken over meanwhile \(epoch 2, not 1\)"):
            with fencing.fenced(scene.store, "dep-1", epoch, step):
                pass
    assert scene.calls == [] and scene.store.load().data == before


def test_a_controller_that_wakes_up_after_the_end_has_nothing_to_undo(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    epoch = scene.deployment("health")["epoch"]
    abandoned(scene)
    recover(scene, LOOK._replace(guard=True))
    del scene.calls[:]
    assert recover(scene, UNDO._replace(deployment_id="dep-1", epoch=epoch))["found"] is False
    assert scene.calls == [] and written(scene)["reason"] == "recover.yml"


@pytest.mark.parametrize("mark", [{"back": True}, {"guard": True}])
@pytest.mark.parametrize("step, served", [("health", "blue"), ("settle", "blue")])
def test_what_died_on_the_way_back_is_taken_up_in_spite_of_its_lease(scene, mark, step, served):
    """Whoever goes back holds the lock, and the kernel has freed that."""
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.served = served
    journal = scene.deployment(step, **mark)
    assert journal.lease_is_live()
    assert recover(scene, LOOK)["result"] == "rolled_back"
    assert (scene.engine.state("blue-worker"), scene.engine.state("green-web")) == ("running", "exited")


@pytest.mark.parametrize("guard", [True, False])
def test_who_took_a_deployment_over_is_in_its_journal(scene, guard):
    """A guard that dies in the middle goes on at once; somebody else's lease it waits for."""
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.unhealthy = {"blue", "green"}
    scene.deployment("settle")
    abandoned(scene)
    with pytest.raises(BluegreenError):
        recover(scene, LOOK._replace(guard=guard))
    assert scene.store.load()["guard"] is guard


def busy(scene, monkeypatch, seconds):
    """The engine is being restarted, and answers again after a while."""
    back = scene.host.clock.now + seconds

    def ask():
        if scene.host.clock.now < back:
            raise EngineError("Docker does not answer: connection refused.")

    monkeypatch.setattr(scene.engine, "ping", ask)


def test_an_engine_that_is_being_restarted_is_waited_for(scene, monkeypatch, reported):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("health")
    busy(scene, monkeypatch, 40)
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert scene.host.clock.slept == [1.0] * 40
    assert "the engine does not answer yet" in reported


def test_an_engine_that_stays_away_is_an_error_with_nothing_done(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("health")
    busy(scene, monkeypatch, 10 * recovery.ENGINE_TIMEOUT)
    with pytest.raises(EngineError, match="connection refused"):
        recover(scene, UNDO)
    assert scene.calls == []
    # Whoever had it is locked out all the same, and it can be tried again.
    assert (scene.store.load()["epoch"], scene.store.load()["step"]) == (2, "health")


@pytest.mark.parametrize("params, wait", [(UNDO, 180), (LOOK, 10), (UNDO._replace(guard=True), 10)])
def test_who_asks_for_a_rollback_waits_for_the_guard(scene, monkeypatch, params, wait):
    scene.color("blue")
    scene.color("green", "created")
    scene.deployment("fetch")
    abandoned(scene)
    lock, waited = scene.store.lock, []
    monkeypatch.setattr(scene.store, "lock", lambda purpose, wait: (waited.append(wait), lock(purpose, wait))[1])
    assert recover(scene, params)["result"] == "rolled_back"
    assert waited == [wait]


# Before the old workers were touched


@pytest.mark.parametrize("step", ["open", "fetch"])
def test_what_was_created_and_never_started_is_removed(scene, step):
    scene.color("blue")
    scene.color("green", "created")
    scene.engine.project_networks["shop-green"] = ["shop-green_default"]
    scene.deployment(step, done=False)
    result = recover(scene, UNDO)
    assert scene.effects() == [
        "remove green-beat",
        "remove green-redis",
        "remove green-web",
        "remove green-worker",
        "remove network shop-green_default",
    ]
    assert set(scene.states()) == {"blue-redis", "blue-web", "blue-worker", "blue-beat"}
    assert (result["changed"], result["result"]) == (True, "rolled_back")
    assert scene.store.load() is None


def test_a_compose_that_outlived_its_controller_creates_nothing_more(scene, monkeypatch):
    """It pulls for an hour, and would create containers after all was undone."""
    scene.color("blue")
    scene.deployment("fetch", done=False)
    ended = []

    def end(clock, *words):
        ended.append(words)
        # The last thing that it did.
        scene.color("green", "created")
        return []

    monkeypatch.setattr(rollback, "end_called_with", end)
    recover(scene, UNDO)
    assert ended == [("compose", scene.store.env_file("green", "dep-1"))]
    assert not [name for name in scene.states() if name.startswith("green")]


def test_a_compose_that_cannot_be_killed_is_waited_for(scene, monkeypatch):
    scene.color("blue")
    scene.color("green", "created")
    scene.deployment("fetch", done=False)
    with monkeypatch.context() as patch:
        patch.setattr(rollback, "end_called_with", lambda clock, *words: [4711, 4712])
        with pytest.raises(BluegreenError) as failure:
            recover(scene, UNDO)
    assert failure.value.message == (
        "Compose still works for deployment dep-1 of app shop and cannot be killed (process 4711, 4712): once it has ended, "
        "run ansible-playbook smallfleet.bluegreen.rollback again."
    )
    assert scene.store.load()["back"] is True
    assert recover(scene, UNDO)["result"] == "rolled_back"


def test_an_old_color_that_was_kept_is_not_removed_with_what_was_created(scene):
    scene.color("blue")
    scene.color("green", "exited", web="created")
    scene.engine.project_networks["shop-green"] = ["shop-green_default"]
    scene.deployment("fetch")
    recover(scene, UNDO)
    assert scene.effects() == ["remove green-web"]


@pytest.mark.parametrize("status", ["running", "created", "exited"])
@pytest.mark.parametrize(
    "step, served, candidate", [("fetch", "blue", "created"), ("health", "blue", "running"), ("handover", "green", "running")]
)
def test_an_ignored_service_of_the_candidates_project_is_not_touched(scene, step, served, candidate, status):
    """Such as the database of an app that was adopted."""
    scene.color("blue")
    scene.color("green", candidate)
    scene.engine.add("db", color="green", status=status)
    scene.engine.project_networks["shop-green"] = ["shop-green_default"]
    scene.deployment(step)
    scene.served = served
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert not [call for call in scene.calls if "green-db" in call or "remove network" in call]
    assert (scene.engine.state("green-db"), scene.engine.policy("green-db")) == (status, "unless-stopped")


# Before the cutover


@pytest.mark.parametrize("stop_timeout, waited", [(None, 120), (2, 120), (600, 600)])
def test_a_worker_that_did_not_end_in_time_gets_longer_on_the_way_back(scene, monkeypatch, stop_timeout, waited):
    scene.color("blue")
    scene.color("green", "created")
    scene.deployment("stop_workers", done=False, workers={"stop_timeout": stop_timeout})
    timeouts = []
    monkeypatch.setattr(workers_stop, "restart_workers", lambda *given: timeouts.append(given[3]))
    recover(scene, UNDO)
    assert timeouts == [waited]


@pytest.mark.parametrize("step, done", [("stop_workers", False), ("start_candidate", True), ("health", False)])
def test_before_the_cutover_nginx_is_not_touched(scene, step, done):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", worker="created", beat="created")
    scene.brokers["green"].tasks = {"celery": 2}
    scene.deployment(step, done)
    result = recover(scene, UNDO)
    effects = scene.effects()
    assert not [effect for effect in effects if effect.startswith(("switch", "wait", "drain"))]
    # Side by side, so only the order within each is sure.
    assert effects.index("restart workers") < effects.index("start blue-worker")
    assert effects.index("stop green-web") < effects.index("move shop-green/redis to shop-blue/redis")
    assert effects.index("move shop-green/redis to shop-blue/redis") < effects.index("stop green-redis")
    assert effects[-2:] == ["remove green-beat", "remove green-worker"]
    assert scene.states() == {
        "blue-redis": "running",
        "blue-web": "running",
        "blue-worker": "running",
        "blue-beat": "running",
        "green-redis": "exited",
        "green-web": "exited",
    }
    assert scene.policies() == {
        "blue-redis": "unless-stopped",
        "blue-web": "unless-stopped",
        "blue-worker": "unless-stopped",
        "blue-beat": "unless-stopped",
        "green-redis": "no",
        "green-web": "no",
    }
    assert scene.brokers["blue"].tasks == {"celery": 2}
    assert result["message"] == "Release 2 was rolled back: blue is live with release 1."


@pytest.mark.parametrize("init, done", [("running", False), ("exited", True)])
def test_what_ran_before_the_stop_stops_and_every_weight_is_put_back(scene, init, done):
    scene.color("blue")
    scene.color("green", "created", redis="running")
    scene.engine.add("migrate", color="green", status=init)
    # What an init service has published is not lost.
    scene.brokers["green"].tasks = {"celery": 2}
    journal = scene.deployment("before_stop", done)
    journal.data["settings"]["services"]["init"] = ["migrate"]
    journal.note(cpu_shares={"green-migrate": 0})
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert scene.states() == {
        **{f"blue-{service}": "running" for service in ("redis", "web", "worker", "beat")},
        "green-redis": "exited",
        "green-migrate": "exited",
    }
    assert ("weight 1024", "green-migrate") in scene.calls
    assert scene.brokers["blue"].tasks == {"celery": 2}
    assert not [effect for effect in scene.effects() if effect.startswith(("stop blue", "remove blue", "switch"))]


def test_tasks_that_came_up_with_an_old_volume_are_not_run(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", web="created", worker="created", beat="created")
    scene.brokers["green"].tasks = {"celery": 1}
    scene.deployment("start_candidate", done=False)
    recover(scene, UNDO)
    assert not [effect for effect in scene.effects() if effect.startswith("move")]
    assert (scene.brokers["blue"].tasks, scene.brokers["green"].tasks) == ({}, {"celery": 1})
    assert (scene.engine.state("blue-worker"), scene.engine.state("green-redis")) == ("running", "exited")


def test_what_stops_has_no_policy_left_that_would_start_it(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("health")
    recover(scene, UNDO)
    for container in ("green-redis", "green-web", "green-worker", "green-beat"):
        assert scene.calls.index(("policy no", container)) < scene.calls.index(("stop", container))


@pytest.mark.parametrize("written, grace, expected", [(10, None, 120), (300, None, 300), (None, 200, 200), (None, None, 120)])
def test_a_worker_gets_longer_to_end_than_when_it_failed_to(scene, monkeypatch, written, grace, expected):
    scene.color("blue")
    scene.engine.inspected["blue-worker"]["Config"]["StopTimeout"] = grace
    scene.color("green", "created")
    scene.deployment("stop_workers", workers={"stop_timeout": written, "on_timeout": "fail"})
    given = []
    record(monkeypatch, [], workers_stop, "restart_workers", does=given.append)
    recover(scene, UNDO)
    assert given[0]["timeout"] == expected
    assert given[0]["broker"] is scene.brokers["blue"]


def test_the_candidate_stops_while_the_old_workers_start(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("health")
    stopping, restarted = threading.Event(), threading.Event()
    stop = scene.engine.stop
    restart = scene._restart_workers

    def slow_stop(container, timeout=None):
        stopping.set()
        assert restarted.wait(5)
        time.sleep(0.02)
        stop(container, timeout)

    def restart_meanwhile(given):
        assert stopping.wait(5), "the old workers waited for the candidate"
        restart(given)
        restarted.set()

    monkeypatch.setattr(scene.engine, "stop", slow_stop)
    record(monkeypatch, scene.calls, workers_stop, "restart_workers", does=restart_meanwhile)
    recover(scene, UNDO)
    # And what comes after waits until it has.
    assert sorted_pairs(effect for effect in scene.effects() if effect.startswith(("stop", "move"))) == [
        "stop green-web",
        "stop workers",
        "stop green-worker",
        "stop green-beat",
        "move shop-green/redis to shop-blue/redis",
        "stop green-redis",
    ]


def test_an_old_web_that_fell_meanwhile_is_started_again(scene):
    scene.color("blue", worker="exited", beat="exited", web="exited", redis="exited")
    scene.color("green")
    scene.deployment("health")
    recover(scene, UNDO)
    assert {scene.engine.state(f"blue-{service}") for service in ("redis", "web", "worker", "beat")} == {"running"}
    assert scene.calls.index(("start", "blue-redis")) < scene.calls.index(("start", "blue-web"))
    assert scene.calls.index(("start", "blue-web")) < scene.calls.index("restart workers")


@pytest.mark.parametrize("broken", ["web", "redis"])
def test_an_old_web_that_does_not_start_any_more_keeps_no_worker_stopped(scene, monkeypatch, broken):
    scene.color("blue", worker="exited", beat="exited", **{broken: "exited"})
    scene.color("green")
    scene.deployment("health")
    with monkeypatch.context() as patch:
        unstartable(scene, patch, f"blue-{broken}")
        with pytest.raises(BluegreenError) as failure:
            recover(scene, UNDO)
    assert failure.value.message == (
        "Release 2 of app shop was rolled back, but not all of blue runs: Container shop-blue-"
        f"{broken}-1 could not be started: port is already allocated. Fix that, then run ansible-playbook "
        "smallfleet.bluegreen.rollback again. Or take release 1 as it is: ansible-playbook smallfleet.bluegreen.rollback -e "
        "bluegreen_release=1."
    )
    assert (scene.engine.state("blue-worker"), scene.engine.state("blue-beat")) == ("running", "running")
    assert scene.engine.state("green-web") == "exited"
    assert (scene.store.load()["result"], scene.store.load()["back"]) == ("failed", True)
    # Somebody frees the port.
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert scene.engine.state(f"blue-{broken}") == "running"


# What somebody removed meanwhile


def pruned(scene, step, done=True, **facts):
    """A deployment during which a cron job ran docker system prune -f."""
    for service in ("redis", "web", "worker", "beat"):
        scene.engine.images[f"registry/{service}:1"] = {"Id": f"sha256:{service}-1"}
    scene.color("blue")
    containers = of_project(scene.engine, "shop-blue")
    snapshot_restore.remember(scene.host, scene.store, "blue", "1", containers, lambda container: dict(ALWAYS))
    scene.color("green", worker="created", beat="created")
    for worker in ("blue-worker", "blue-beat"):
        scene.engine.inspected[worker]["State"]["Status"] = "exited"
    old = [{"id": each.id, "name": each.name, "service": each.service} for each in containers]
    journal = scene.deployment(step, done, old_containers=old, signalled=["blue-beat", "blue-worker"], **facts)
    scene.calls.clear()
    scene.engine.prune()
    return journal


def of_blue(scene, attribute):
    return {each.service: getattr(each, attribute) for each in of_project(scene.engine, "shop-blue")}


@pytest.mark.parametrize("step", ["stop_workers", "health", "cutover", "settle", "awaiting_approval"])
def test_old_workers_that_somebody_removed_work_again(scene, step):
    pruned(scene, step)
    result = recover(scene, UNDO)
    assert result["message"] == "Release 2 was rolled back: blue is live with release 1."
    assert set(of_blue(scene, "status").values()) == {"running"}
    assert {policy["Name"] for policy in of_blue(scene, "restart_policy").values()} == {"unless-stopped"}
    assert written(scene)["recreated"] == ["shop-blue-beat-1", "shop-blue-worker-1"]
    # It holds environments, and nobody needs it any more.
    assert not os.path.exists(scene.store.path("containers.json"))


def test_an_old_web_that_fell_and_was_removed_serves_again(scene):
    pruned(scene, "settle")
    for container in ("blue-web", "blue-redis"):
        scene.engine.inspected[container]["State"]["Status"] = "exited"
    scene.engine.prune()
    recover(scene, UNDO)
    assert set(of_blue(scene, "status").values()) == {"running"}
    effects = scene.effects()
    assert effects.index("create network shop-blue_default") < effects.index("create shop-blue-web-1")
    assert effects.index("create shop-blue-web-1") < effects.index("wait for blue") < effects.index("switch to blue")


@pytest.mark.parametrize("step", ["health", "settle"])
def test_what_cannot_come_back_is_said_after_all_else_has(scene, step):
    pruned(scene, step)
    image = scene.engine.images.pop("registry/worker:1")
    with pytest.raises(BluegreenError, match="Container shop-blue-worker-1 was removed by somebody, and its image"):
        recover(scene, UNDO)
    assert of_blue(scene, "status") == {"beat": "running", "redis": "running", "web": "running"}
    assert scene.states()["green-web"] == "exited"
    journal = scene.store.load()
    assert (journal["result"], journal["reason"]) == ("failed", "health: no answer")
    # Somebody brings the image back, and runs rollback.yml again.
    scene.engine.images["registry/worker:1"] = image
    recover(scene, UNDO)
    assert set(of_blue(scene, "status").values()) == {"running"}
    assert written(scene)["result"] == "rolled_back"


def test_a_web_that_cannot_come_back_is_the_reason_that_is_given(scene):
    pruned(scene, "settle")
    scene.engine.inspected["blue-web"]["State"]["Status"] = "exited"
    scene.engine.prune()
    del scene.engine.images["registry/web:1"]
    scene.unhealthy = {"blue"}
    with pytest.raises(BluegreenError, match="Container shop-blue-web-1 was removed by somebody, and its image"):
        recover(scene, UNDO)
    assert scene.served == "green"
    assert scene.engine.state("green-web") == "running"


def test_what_lives_on_is_not_created_again(scene):
    pruned(scene, "awaiting_approval")
    scene.color("green")
    assert recover(scene, LOOK)["message"].startswith("Release 2 is live and healthy")
    assert [call for call in scene.calls if call[0] == "create"] == []


def test_a_first_deployment_that_fails_leaves_no_color(scene):
    scene.color("green", worker="created", beat="created")
    scene.deployment("health", **{"from": "", "release_from": ""})
    result = recover(scene, UNDO)
    assert scene.states() == {"green-redis": "exited", "green-web": "exited"}
    assert "restart workers" not in scene.effects()
    assert result["message"] == "Release 2 was rolled back: no color is live."


def test_somebody_else_in_the_network_keeps_no_undoing_open(scene, monkeypatch):
    scene.color("blue")
    scene.color("green", status="created")
    scene.deployment("fetch")
    scene.engine.project_networks["shop-green"] = ["shop-green_default"]

    def refuse(name):
        raise EngineError(f"network {name} has active endpoints", 403)

    monkeypatch.setattr(scene.engine, "remove_network", refuse)
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert any("docker network rm shop-green_default" in sentence for sentence in scene.host.warnings)


@pytest.mark.parametrize("step", ["health", "settle"])
def test_the_logs_of_what_broke_are_kept(scene, step):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", web="exited", beat="created")
    scene.engine.add("cache", color="green", State__Health={"Status": "unhealthy"})
    scene.engine.inspected["green-redis"]["RestartCount"] = 3
    scene.deployment(step)
    assert recover(scene, UNDO)["logs"] == {
        "shop-green-cache-1": ["last line of green-cache"],
        "shop-green-redis-1": ["last line of green-redis"],
        "shop-green-web-1": ["last line of green-web"],
    }


def test_the_worker_of_a_stop_that_failed_is_an_error_after_the_candidate_stopped(scene, monkeypatch):
    scene.color("blue")
    scene.color("green")
    scene.deployment("stop_workers")
    stop = scene.engine.stop

    def refuse(container, timeout=None):
        if container == "green-web":
            raise BluegreenError("the engine said no")
        stop(container, timeout)

    monkeypatch.setattr(scene.engine, "stop", refuse)
    with pytest.raises(BluegreenError, match="the engine said no"):
        recover(scene, UNDO)
    # The old workers run all the same, and the next run goes on with it.
    assert scene.engine.state("blue-worker") == "running"
    assert scene.store.load()["back"] is True


# After the cutover

ORDER_OF_GOING_BACK = [
    # Whether there is a reason to stay, and a way.
    "wait for green",
    "wait for blue",
    "wait for blue",
    "switch to blue",
    "stop workers",
    "stop green-worker",
    "stop green-beat",
    "move shop-green/redis to shop-blue/redis",
    "restart workers",
    "start blue-worker",
    "start blue-beat",
    "drain",
    "stop green-web",
    "move shop-green/redis to shop-blue/redis",
    "stop green-redis",
]


@pytest.mark.parametrize(
    "step, done",
    [("cutover", False), ("cutover", True), ("handover", True), ("start_workers", False), ("awaiting_approval", True)],
)
def test_going_back_after_the_cutover_keeps_to_the_order(scene, step, done):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.brokers["green"].tasks = {"celery": 5}
    scene.deployment(step, done)
    result = recover(scene, UNDO)
    assert sorted_pairs(scene.effects()) == sorted_pairs(ORDER_OF_GOING_BACK)
    assert scene.brokers["blue"].tasks == {"celery": 5}
    assert scene.policies() == {
        **{f"blue-{service}": "unless-stopped" for service in ("redis", "web", "worker", "beat")},
        **{f"green-{service}": "no" for service in ("redis", "web", "worker", "beat")},
    }
    assert result["result"] == "rolled_back"
    entry = written(scene)
    assert (entry["result"], entry["reason"], entry["tasks_moved"]) == ("rolled_back", "health: no answer", 5)
    assert (entry["from"], entry["to"], entry["release"], entry["release_from"]) == ("blue", "green", "2", "1")


def sorted_pairs(effects):
    """Worker before beat where one call is about both; their order is the business of :mod:`stop`."""
    result = list(effects)
    for index in range(len(result) - 1):
        verb, dummy, container = result[index].partition(" ")
        if container.endswith("-beat") and result[index + 1] == f"{verb} {container[:-len('beat')]}worker":
            result[index:index + 2] = reversed(result[index:index + 2])
    return result


def test_an_old_color_that_is_down_is_started_before_it_gets_requests(scene):
    scene.color("blue", "exited")
    scene.color("green")
    journal = scene.deployment("settle")
    for service in ("redis", "web"):
        journal.data["policies"][f"blue-{service}"] = dict(ALWAYS)
        scene.engine.inspected[f"blue-{service}"]["HostConfig"]["RestartPolicy"] = dict(NO_RESTART)
    journal.save()
    recover(scene, UNDO)
    starts = ["start blue-redis", "start blue-web", "wait for blue"]
    assert scene.effects()[:6] == ["wait for green", *starts, "wait for blue", "switch to blue"]
    assert (scene.engine.policy("blue-redis"), scene.engine.policy("blue-web")) == ("unless-stopped", "unless-stopped")


def test_workers_that_never_started_need_no_stop(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", worker="created", beat="created")
    scene.deployment("cutover")
    recover(scene, UNDO)
    assert sorted_pairs(scene.effects()) == sorted_pairs(
        [
            "wait for blue",
            "switch to blue",
            "move shop-green/redis to shop-blue/redis",
            "restart workers",
            "start blue-beat",
            "start blue-worker",
            "drain",
            "stop green-web",
            "move shop-green/redis to shop-blue/redis",
            "stop green-redis",
            "remove green-beat",
            "remove green-worker",
        ]
    )


def test_the_direction_is_on_the_disk_before_anything_is_done(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle")
    seen = []
    record(
        monkeypatch,
        [],
        nginx_switch,
        "switch",
        does=lambda given: seen.append((scene.store.load()["back"], scene.store.load()["epoch"])),
    )
    recover(scene, UNDO)
    assert seen == [(True, 2)]


@pytest.mark.parametrize("params", [UNDO, LOOK])
def test_going_back_is_taken_up_again_where_it_was_cut_off(scene, params):
    scene.color("blue")
    scene.color("green", worker="exited", beat="exited")
    scene.deployment("settle", back=True, reason="the first reason")
    abandoned(scene)
    recover(scene, params)
    assert written(scene)["reason"] == "the first reason"
    assert scene.engine.state("green-web") == "exited"


def test_the_old_release_is_named_in_the_file_again(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle")
    given = []
    record(monkeypatch, [], nginx_switch, "switch", does=given.append)
    recover(scene, UNDO)
    assert (given[0]["color"], given[0]["release"]) == ("blue", "1")
    assert given[0]["nginx"].file == str(scene.file)


def test_a_broker_that_still_holds_tasks_is_never_stopped(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.brokers["green"].tasks = {"celery": 3}
    # The old broker does not answer, so nothing can be moved to it.
    scene.brokers["blue"] = None
    scene.deployment("settle")
    result = recover(scene, UNDO)
    assert scene.engine.state("green-redis") == "running"
    # It survives a boot, because the next deployment is to find it.
    assert scene.engine.policy("green-redis") == "unless-stopped"
    assert scene.engine.policy("green-web") == "no"
    assert scene.engine.state("green-web") == "exited"
    assert scene.host.warnings == [
        "The broker of shop-green still holds tasks (3 in celery), so it keeps running: the next deployment moves them to "
        "the live color."
    ]
    assert result["result"] == "rolled_back"


def test_a_broker_that_does_not_answer_keeps_no_old_worker_stopped(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle")
    record(monkeypatch, scene.calls, broker_move, "move", does=BluegreenError("Redis does not answer."))
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert scene.engine.state("blue-worker") == "running"
    assert scene.engine.state("green-redis") == "running"
    assert set(scene.host.warnings) == {"Tasks in the broker of shop-green could not be moved back: Redis does not answer."}


def test_a_broker_that_does_not_say_what_it_holds_goes_on_running(scene, monkeypatch):
    def fail(broker):
        raise BluegreenError("Redis does not answer.")

    scene.color("green")
    scene.deployment("settle", **{"from": "", "release_from": ""})
    monkeypatch.setattr(queues, "count_messages", fail)
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert (scene.engine.state("green-redis"), scene.engine.state("green-web")) == ("running", "exited")
    assert scene.host.warnings == [
        "The broker of shop-green does not tell whether it holds tasks, so it keeps running: Redis does not answer."
    ]


@pytest.mark.parametrize("step", ["health", "cutover", "settle", "awaiting_approval"])
def test_a_broker_that_went_down_is_not_taken_for_empty(scene, step):
    """A boot, or a restart of the engine, leaves one down that has no restart policy."""
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", redis="exited")
    scene.brokers["green"].tasks = {"celery": 5}
    scene.deployment(step)
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert scene.brokers["blue"].tasks == {"celery": 5}
    assert scene.engine.state("green-redis") == "exited"
    assert "Container shop-green-redis-1 was down and was started again." in scene.host.warnings


@pytest.mark.parametrize("live", ["blue", ""])
@pytest.mark.parametrize("step", ["health", "settle"])
def test_a_broker_that_does_not_start_again_is_kept_for_the_next_deployment(scene, monkeypatch, step, live):
    if live:
        scene.color("blue", worker="exited", beat="exited")
    scene.color("green", redis="exited")
    unstartable(scene, monkeypatch, "green-redis")
    journal = scene.deployment(step, **{"from": live, "release_from": "1" if live else ""})
    journal.data["policies"]["green-redis"] = dict(ALWAYS)
    journal.save()
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert not live or scene.engine.state("blue-worker") == "running"
    assert (scene.engine.state("green-web"), scene.engine.policy("green-redis")) == ("exited", "unless-stopped")
    assert (
        "The broker of green, container shop-green-redis-1, may hold tasks, but was down and does not start (port is already "
        "allocated)."
    ) in scene.host.warnings


def test_a_broker_that_falls_again_keeps_nobody_waiting(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", redis="exited")
    scene.deployment("settle")
    start = scene.engine.start
    monkeypatch.setattr(
        scene.engine,
        "start",
        lambda container: start(container) if container != "green-redis" else scene.calls.append(("start", container)),
    )
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert (
        "The broker of green, container shop-green-redis-1, may hold tasks, but was down and fell right after its start."
    ) in scene.host.warnings


def test_a_broker_that_loads_its_data_is_waited_for(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", redis="exited")
    scene.brokers["green"].tasks = {"celery": 5}
    scene.deployment("settle")
    loaded = scene.host.clock.now + 30
    monkeypatch.setattr(scene.brokers["green"], "answers", lambda: scene.host.clock.now >= loaded)
    recover(scene, UNDO)
    assert scene.brokers["blue"].tasks == {"celery": 5}


def test_what_a_handover_could_not_deliver_is_back_before_the_old_workers_start(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", redis="exited", worker="created", beat="created")
    scene.brokers["blue"].staged = {"celery": 2}
    scene.deployment("handover", done=False)
    recover(scene, UNDO)
    assert scene.brokers["blue"].tasks == {"celery": 2}
    effects = scene.effects()
    assert effects.index("take back in shop-blue/redis") < effects.index("restart workers")


def test_a_worker_that_still_finishes_a_task_is_left_to_it(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle")
    record(monkeypatch, scene.calls, workers_stop, "stop_workers", "stop workers")
    recover(scene, UNDO)
    assert scene.engine.state("green-worker") == "running"
    assert scene.engine.state("green-redis") == "running"
    assert scene.engine.state("green-web") == "exited"
    assert scene.engine.policy("green-worker") == "no"
    assert "still runs, so the broker of shop-green keeps running too" in scene.host.warnings[0]


PROBLEM = "nginx -t says: unexpected end."


@pytest.mark.parametrize(
    "step, facts, workers, touched",
    [
        ("awaiting_approval", {}, "running", False),
        # Nobody works on the tasks of the new color, so the old one's workers do.
        ("awaiting_approval", {}, "exited", True),
        # The way back was begun.
        ("awaiting_approval", {"back": True}, "running", True),
        ("settle", {}, "running", True),
    ],
)
def test_an_nginx_that_cannot_be_switched_is_seen_before_a_worker_is_touched(scene, monkeypatch, step, facts, workers, touched):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", worker=workers, beat=workers)
    scene.deployment(step, **facts)
    scene.nginx_problem, scene.served = PROBLEM, "green"
    before = scene.states()
    record(monkeypatch, scene.calls, nginx_switch, "switch", "switch to blue", BluegreenError(PROBLEM))
    with pytest.raises(BluegreenError) as failure:
        recover(scene, UNDO)
    if touched:
        assert failure.value.message.startswith(f"Release 2 of app shop could not be rolled back: {PROBLEM} No web was stopped")
        assert scene.engine.state("blue-worker") == "running"
        return
    assert failure.value.message == (
        f"Release 2 of app shop cannot be rolled back now: {PROBLEM} Nothing was changed, and it still awaits approval. Fix "
        "that, then run ansible-playbook smallfleet.bluegreen.rollback again, or keep it with ansible-playbook "
        "smallfleet.bluegreen.finish."
    )
    assert scene.states() == before
    assert (scene.store.load()["step"], scene.store.load()["back"]) == ("awaiting_approval", False)


def test_without_the_proof_that_nginx_left_it_no_color_is_stopped(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.brokers["green"].tasks = {"celery": 1}
    scene.deployment("settle")
    record(
        monkeypatch, scene.calls, nginx_switch, "switch", "switch to blue", BluegreenError("nginx -t says: unexpected end.")
    )
    with pytest.raises(BluegreenError) as failure:
        recover(scene, UNDO)
    assert failure.value.message == (
        "Release 2 of app shop could not be rolled back: nginx -t says: unexpected end. No web was stopped, and the old workers "
        f"run. Fix that, then {AGAIN}"
    )
    # Both webs and both brokers stay, tasks and workers are back where most requests may go.
    assert scene.states() == {
        **{f"blue-{service}": "running" for service in ("redis", "web", "worker", "beat")},
        "green-redis": "running",
        "green-web": "running",
        "green-worker": "exited",
        "green-beat": "exited",
    }
    assert scene.brokers["blue"].tasks == {"celery": 1}
    journal = scene.store.load()
    assert (journal["result"], journal["back"], journal["reason"]) == ("failed", True, "health: no answer")
    assert scene.store.history() == []


def test_a_rollback_that_failed_can_be_repeated(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle")
    with monkeypatch.context() as broken:
        record(broken, [], nginx_switch, "switch", does=BluegreenError("no."))
        with pytest.raises(BluegreenError):
            recover(scene, UNDO)
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert scene.engine.state("green-web") == "exited"


def test_an_old_web_that_does_not_become_healthy_gets_no_requests(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", worker="exited")
    scene.unhealthy = {"blue"}
    scene.deployment("settle")
    with pytest.raises(BluegreenError, match="blue is not healthy"):
        recover(scene, UNDO)
    assert "switch to blue" not in scene.calls
    assert scene.engine.state("green-web") == "running"
    assert scene.store.load()["back"] is True


def unstartable(scene, monkeypatch, *containers):
    start = scene.engine.start

    def refuse(container):
        if container in containers:
            raise EngineError("port is already allocated", 500)
        start(container)

    monkeypatch.setattr(scene.engine, "start", refuse)


@pytest.mark.parametrize("why", ["does not start", "is unhealthy"])
def test_an_old_web_that_is_no_way_back_keeps_no_old_worker_stopped(scene, monkeypatch, why):
    scene.color("blue", worker="exited", beat="exited", **({"web": "exited"} if why == "does not start" else {}))
    # The new color is not whole, so there is no reason to stay.
    scene.color("green", beat="exited")
    scene.brokers["green"].tasks = {"celery": 4}
    if why == "does not start":
        unstartable(scene, monkeypatch, "blue-web")
    else:
        scene.unhealthy = {"blue"}
    scene.deployment("settle")
    with pytest.raises(BluegreenError, match="No web was stopped, and the old workers run"):
        recover(scene, UNDO)
    # What is served goes on being served, and tasks are where workers are.
    assert "switch to blue" not in scene.calls
    assert {name: scene.engine.state(name) for name in ("green-web", "green-redis", "blue-worker", "blue-beat")} == {
        "green-web": "running",
        "green-redis": "running",
        "blue-worker": "running",
        "blue-beat": "running",
    }
    assert (scene.engine.state("green-worker"), scene.engine.state("green-beat")) == ("exited", "exited")
    assert scene.brokers["blue"].tasks == {"celery": 4}
    journal = scene.store.load()
    assert (journal["result"], journal["back"]) == ("failed", True)


def test_a_first_deployment_is_undone_to_no_live_color(scene):
    scene.color("green")
    scene.deployment("settle", **{"from": "", "release_from": ""})
    recover(scene, UNDO)
    assert scene.effects()[0] == "switch to None"
    assert set(scene.states().values()) == {"exited"}


# By what the host shows


def test_a_candidate_that_is_whole_is_left_to_a_human(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle", done=False)
    abandoned(scene)
    result = recover(scene, LOOK)
    assert (result["changed"], result["found"], result["result"]) == (True, True, "")
    assert result["message"] == (
        "Release 2 is live and healthy, and awaits approval: run ansible-playbook smallfleet.bluegreen.finish or "
        "ansible-playbook smallfleet.bluegreen.rollback."
    )
    journal = scene.store.load()
    assert (journal["step"], journal["done"], journal["back"]) == ("awaiting_approval", True, False)
    # The time since the owner was lost is no human's.
    assert journal["seconds"] == {"between_runs": 1000}
    assert not [effect for effect in scene.effects() if effect.startswith(("stop", "start", "switch"))]


def test_a_candidate_that_is_kept_can_live_on(scene):
    """Whoever died before the proof of the new workers had given back no policy, and what the old web published late waits."""
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.brokers["blue"].tasks = {"celery": 2}
    journal = scene.deployment("start_workers", done=False, armed=True)
    for name in ("green-worker", "green-beat"):
        journal.data["policies"][name] = dict(ALWAYS)
        scene.engine.inspected[name]["HostConfig"]["RestartPolicy"] = dict(NO_RESTART)
    journal.save()
    abandoned(scene)
    recover(scene, LOOK)
    assert {scene.engine.policy(f"green-{service}") for service in ("redis", "web", "worker", "beat")} == {"unless-stopped"}
    # And of the old color no worker comes back at a boot.
    assert {scene.engine.policy(f"blue-{service}") for service in ("worker", "beat")} == {"no"}
    assert (scene.brokers["blue"].tasks, scene.brokers["green"].tasks) == ({}, {"celery": 2})
    journal = scene.store.load()
    assert (journal["armed"], journal["tasks_moved"]) == (False, 2)


@pytest.mark.parametrize("step", ["settle", "awaiting_approval"])
def test_a_result_that_was_failed_is_not_kept_once_the_candidate_is_whole(scene, step):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment(step, result="failed")
    abandoned(scene)
    assert recover(scene, LOOK)["changed"] is True
    journal = scene.store.load()
    assert (journal["step"], journal["done"], journal["result"]) == ("awaiting_approval", True, "")


def test_what_is_left_to_a_human_is_watched(scene, monkeypatch):
    ran = []
    monkeypatch.setattr(guard_units, "has_systemd", lambda: True)
    scene.host.programs = {"systemctl": lambda argv: (ran.append(argv), Completed(0, "", ""))[1]}
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle", armed=True)
    abandoned(scene)
    recover(scene, LOOK)
    assert ran == [
        ["systemctl", "stop", "bluegreen-shop-guard.timer"],
        ["systemctl", "start", "--no-block", "bluegreen-shop-guard.service"],
    ]
    # The one that watches it already finds it so, and nothing is started twice.
    recover(scene, LOOK)
    assert len(ran) == 2


def test_what_is_left_to_a_human_has_its_time_from_then_on(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle", approval_timeout=600)
    abandoned(scene)
    recover(scene, LOOK)
    assert approval.seconds_left(scene.store.load()) == 600
    scene.host.clock.now += 100
    recover(scene, LOOK)
    assert approval.seconds_left(scene.store.load()) == 500


def full_disk(scene, monkeypatch):
    def full(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(scene.store, "save", full)


@pytest.mark.parametrize("step", ["settle", "finish"])
def test_forward_nothing_happens_without_its_journal(scene, monkeypatch, step):
    """A disk that is full keeps nobody from going back, but what is not written down must not go on."""
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment(step, done=False)
    abandoned(scene)
    before, states = scene.store.load().data, scene.states()
    with monkeypatch.context() as patch:
        full_disk(scene, patch)
        with pytest.raises(BluegreenError) as failure:
            recover(scene, LOOK)
    assert failure.value.message == (
        f"The journal {scene.store.path('deployment.json')} cannot be written (no space left on device): make room there, or "
        "mend its file system."
    )
    assert scene.states() == states and scene.store.load().data == before
    # With room again it goes on.
    assert recover(scene, LOOK)["changed"] is True


def test_one_that_awaits_approval_is_held(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("awaiting_approval")
    assert recover(scene, LOOK)["changed"] is False
    assert scene.store.load()["step"] == "awaiting_approval"


@pytest.mark.parametrize("broken", ["health", "worker"])
def test_a_candidate_that_is_not_whole_goes_back(scene, broken):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", **({"worker": "exited"} if broken == "worker" else {}))
    if broken == "health":
        scene.unhealthy = {"green"}
    scene.deployment("settle")
    abandoned(scene)
    assert recover(scene, LOOK)["result"] == "rolled_back"
    assert "switch to blue" in scene.calls


def test_an_old_color_that_is_only_down_is_a_way_back(scene):
    """Without a restart policy it does not come back at a boot by itself."""
    scene.color("blue", "exited")
    scene.color("green", worker="created", beat="created")
    scene.deployment("start_workers", done=False)
    abandoned(scene)
    assert recover(scene, LOOK)["result"] == "rolled_back"
    assert {scene.engine.state(f"blue-{service}") for service in ("redis", "web", "worker", "beat")} == {"running"}


@pytest.mark.parametrize("step", ["handover", "start_workers", "settle"])
def test_a_first_deployment_that_lost_its_owner_is_undone(scene, step):
    """Nobody starts the workers any more, so it would never become whole."""
    scene.color("green", worker="created", beat="created")
    scene.deployment(step, done=False, **{"from": "", "release_from": ""})
    abandoned(scene)
    assert recover(scene, LOOK)["message"] == "Release 2 was rolled back: no color is live."
    assert scene.effects()[1] == "switch to None"


def test_when_neither_color_is_whole_what_is_served_is_left(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.unhealthy = {"blue", "green"}
    scene.deployment("settle")
    abandoned(scene)
    before = scene.states()
    with pytest.raises(BluegreenError, match="neither color is healthy. Nginx was not changed"):
        recover(scene, LOOK)
    assert scene.states() == before
    assert scene.store.load()["result"] == "failed"


def test_one_that_failed_waits_for_no_lease(scene):
    """Nobody goes on with it, so whoever has mended it need not wait until the failed try counts as dead."""
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.unhealthy = {"blue", "green"}
    scene.deployment("settle")
    abandoned(scene)
    with pytest.raises(BluegreenError) as failure:
        recover(scene, LOOK)
    assert failure.value.message.endswith(
        "Once one is healthy, ansible-playbook smallfleet.bluegreen.finish -e bluegreen_release=2 keeps release 2, and "
        "ansible-playbook smallfleet.bluegreen.rollback goes back."
    )
    scene.unhealthy = set()
    assert "awaits approval" in recover(scene, LOOK)["message"]


def test_a_finish_that_nginx_stands_against_says_so(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.served = ""
    scene.deployment("finish", done=False)
    with pytest.raises(BluegreenError) as failure:
        recover(scene, UNDO)
    assert failure.value.message == (
        "Release 2 of app shop was approved, but Nginx is not proved to serve green, so nothing more was removed. Repair Nginx, "
        "then run ansible-playbook smallfleet.bluegreen.finish again."
    )
    assert set(scene.states().values()) == {"running", "exited"} and len(scene.states()) == 8


def test_an_nginx_that_cannot_be_asked_is_a_warning(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle")
    record(monkeypatch, scene.calls, nginx_running, "served_color", "ask nginx", BluegreenError("Nginx does not run."))
    abandoned(scene)
    recover(scene, LOOK)
    assert scene.host.warnings == ["Nginx does not run."]
    assert "switch to blue" in scene.calls


# The end


def test_what_was_approved_is_completed(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("finish", done=False)
    abandoned(scene)
    result = recover(scene, LOOK)
    assert (result["changed"], result["message"]) == (True, "The approved release 2 was finished.")
    assert set(scene.states()) == {f"green-{service}" for service in ("redis", "web", "worker", "beat")}
    assert written(scene)["result"] == "committed"


@pytest.mark.parametrize(
    "result, message",
    [
        ("committed", "Release 2 is finished."),
        ("rolled_back", "Release 2 was rolled back: blue is live with release 1."),
    ],
)
def test_a_deployment_that_was_decided_needs_only_its_last_lines(scene, result, message):
    scene.color("blue")
    scene.color("green")
    scene.deployment("finish" if result == "committed" else "settle", result=result)
    for name in ("blue-dep-1.env", "green-dep-1.env", "green.env", ".blue-dep-0.env.tmp", "broker.url"):
        with open(scene.store.path(name), "w", encoding="utf-8") as left:
            left.write("SECRET='1'\n")
    abandoned(scene)
    ended = recover(scene, UNDO)
    assert (ended["changed"], ended["result"], ended["message"]) == (True, result, message)
    assert scene.calls == []
    assert written(scene)["result"] == result
    assert sorted(os.listdir(scene.store.folder)) == ["history.jsonl", "lock"]


# Throttled workers, and the schedule of beat


@pytest.mark.parametrize("step", ["stop_workers", "start_candidate", "health", "cutover", "start_workers"])
def test_throttled_workers_get_their_weight_back(scene, step):
    scene.color("blue")
    scene.color("green")
    scene.deployment(step, cpu_shares={"blue-worker": 0, "blue-beat": 512})
    recover(scene, UNDO)
    assert [call for call in scene.calls if call[0].startswith("weight")] == [
        ("weight 512", "blue-beat"),
        ("weight 1024", "blue-worker"),
    ]


def test_what_the_new_beat_has_sent_the_old_one_does_not_send_again(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.engine.files["green-beat"] = {"/celerybeat-schedule": "ticked a moment ago"}
    scene.deployment("settle")
    recover(scene, UNDO)
    effects = scene.effects()
    carried = effects.index("unpack /celerybeat-schedule blue-beat")
    assert effects.index("stop green-beat") < carried < effects.index("start blue-beat")
    assert scene.engine.files["blue-beat"] == scene.engine.files["green-beat"]


def test_before_the_cutover_there_is_no_schedule_to_carry(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", worker="created", beat="created")
    scene.engine.files["green-beat"] = {"/celerybeat-schedule": "a leftover"}
    scene.deployment("health")
    recover(scene, UNDO)
    assert "blue-beat" not in scene.engine.files


def test_throttled_workers_do_not_go_on_beside_a_candidate_that_is_kept(scene):
    """The run that should have stopped them was cut off right after the new ones were proved to consume."""
    scene.color("blue")
    scene.color("green")
    scene.brokers["blue"].tasks = {"celery": 3}
    scene.deployment("start_workers", cpu_shares={"blue-worker": 0})
    scene.host.clock.now += 1000
    result = recover(scene, LOOK)
    assert "awaits approval" in result["message"]
    effects = scene.effects()
    assert effects.index("stop workers") < effects.index("move shop-blue/redis to shop-green/redis")
    assert (scene.states()["blue-worker"], scene.states()["blue-beat"]) == ("exited", "exited")
    assert scene.brokers["green"].tasks == {"celery": 3}


# What one broker for both colors holds, and what else lies in a color's Redis


def test_sessions_come_back_before_visitors_do(scene, monkeypatch):
    record(monkeypatch, scene.calls, kept_keys, "copy_kept", lambda given: f"copy from {given['source'].name}")
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle", keep_keys=["session:*"])
    recover(scene, UNDO)
    effects = scene.effects()
    assert effects.index("copy from green") < effects.index("switch to blue")


@pytest.mark.parametrize("served, proved_to, copied", [
    ("green", "green", True),
    # Nginx is down, and was proved to serve the candidate.
    ("", "green", True),
    # Every visitor was on the old color all the time, or is again: what the candidate has was taken before that.
    ("blue", "", False),
    ("blue", "green", False),
    ("", "", False),
])
def test_sessions_come_back_only_from_where_visitors_are(scene, monkeypatch, served, proved_to, copied):
    record(monkeypatch, scene.calls, kept_keys, "copy_kept", "copy")
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", worker="created", beat="created")
    scene.served = served
    scene.deployment("cutover", done=bool(proved_to), keep_keys=["session:*"], cutover={**proved(scene), "proved": proved_to})
    recover(scene, UNDO)
    assert ("copy" in scene.effects()) is copied


def test_a_copy_that_fails_keeps_nobody_on_the_candidate(scene, monkeypatch):
    error = BluegreenError("Redis is full.")
    record(monkeypatch, scene.calls, kept_keys, "copy_kept", "copy", error)
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle", keep_keys=["session:*"])
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert any("bluegreen_keep_keys" in sentence and "Redis is full." in sentence for sentence in scene.host.warnings)


@pytest.mark.parametrize("worker, finishes", [("exited", True), ("running", False), ("running", True)])
def test_in_a_shared_broker_new_tasks_are_held_before_old_workers_start(scene, monkeypatch, worker, finishes):
    record(monkeypatch, scene.calls, unknown_tasks, "park_unknown", lambda given: f"sort, to_candidate={given['to_candidate']}")
    scene.color("blue", worker=worker, beat=worker)
    scene.color("green")
    journal = scene.deployment("settle")
    journal.data["settings"]["broker"]["mode"] = "shared"
    journal.data["signalled"] = ["blue-worker", "blue-beat"] if finishes else []
    journal.save()
    recover(scene, UNDO)
    effects = scene.effects()
    if not finishes:  # they read it all the time
        assert "sort, to_candidate=False" not in effects
    else:
        assert effects.index("sort, to_candidate=False") < effects.index("restart workers")


@pytest.mark.parametrize(
    "mode, old, candidate, first",
    [
        ("shared", ["shop.old"], ["shop.new"], True),
        ("shared", ["shop.old"], None, True),
        ("shared", ["shop.old"], ["shop.old"], False),
        ("color", ["shop.old"], ["shop.new"], False),
    ],
)
def test_workers_that_would_discard_the_old_webs_tasks_stop_before_the_switch(scene, mode, old, candidate, first):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    journal = scene.deployment("settle")
    journal.data["settings"]["broker"]["mode"] = mode
    journal.data["task_names"] = {"old": old, "candidate": candidate}
    journal.save()
    recover(scene, UNDO)
    effects = scene.effects()
    assert (effects.index("stop green-worker") < effects.index("switch to blue")) is first


# Secrets


SECRETS = ("hunter2!hunter2!", "p@ss word")


def test_a_reason_that_quotes_a_secret_is_kept_without_it(scene):
    """The text of a failure comes from anywhere, and the history keeps it for years."""
    scene.color("blue")
    scene.color("green", status="created")
    scene.deployment("fetch")
    files.write_atomically(scene.store.env_file("green", "dep-1"), compose_cli.env_text({"TOKEN": SECRETS[0], "DEBUG": "1"}), mode=0o600)
    files.write_atomically(scene.store.path("broker.url"), "redis://:p%40ss%20word@redis/0", mode=0o600)
    said = f"Start: bad value {SECRETS[0]!r}, 1 of redis://:p%40ss%20word@redis/0, {SECRETS[1]},\n\x1b[31mgreen"
    recover(scene, UNDO._replace(reason=said))
    assert scene.store.history()[-1]["reason"] == "Start: bad value '(hidden)', 1 of (hidden), (hidden), [31mgreen"
    for name in os.listdir(scene.store.folder):
        with open(scene.store.path(name), encoding="utf-8") as source:
            text = source.read()
        assert not [secret for secret in (*SECRETS, "p%40ss") if secret in text], name


# What was served and is down


def proved(scene):
    kept = OwnedFile(str(scene.file), "dep-1").kept
    return {"color": "green", "file": str(scene.file), "kept": kept, "children": [], "proved": "green"}


def test_what_is_served_is_started_before_it_is_judged(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", web="exited", redis="exited")
    scene.deployment("settle", cutover=proved(scene))
    abandoned(scene)
    assert "awaits approval" in recover(scene, LOOK)["message"]
    assert scene.effects()[:3] == ["start green-redis", "start green-web", "wait for green"]


@pytest.mark.parametrize("params", [UNDO, LOOK])
def test_a_candidate_that_does_not_start_any_more_keeps_nobody_on_it(scene, monkeypatch, params):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", web="exited")
    scene.unhealthy = {"green"}
    scene.deployment("settle", cutover=proved(scene))
    unstartable(scene, monkeypatch, "green-web")
    abandoned(scene)
    assert recover(scene, params)["result"] == "rolled_back"
    assert "Container shop-green-web-1 could not be started: port is already allocated." in scene.host.warnings


def test_workers_that_the_engine_starts_late_count(scene, monkeypatch):
    """An engine answers after a boot before it has started all that has a policy."""
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", worker="exited", beat="exited")
    scene.deployment("settle", cutover=proved(scene))
    become_healthy = scene._become_healthy

    def start_meanwhile(given):
        for container in ("green-worker", "green-beat"):
            scene.engine.inspected[container]["State"]["Status"] = "running"
        become_healthy(given)

    record(monkeypatch, [], health_gate, "wait_healthy", does=start_meanwhile)
    abandoned(scene)
    assert "awaits approval" in recover(scene, LOOK)["message"]


def while_health_is_waited_for(scene, monkeypatch, *containers):
    """The engine, which has just started, brings containers up late."""
    wait = scene._become_healthy

    def start_meanwhile(given):
        for container in containers:
            scene.engine.inspected[container]["State"]["Status"] = "running"
        wait(given)

    record(monkeypatch, [], health_gate, "wait_healthy", does=start_meanwhile)


@pytest.mark.parametrize("before", ["exited", "restarting"])
def test_workers_that_came_up_meanwhile_are_told_to_stop(scene, monkeypatch, before):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", worker=before)
    scene.unhealthy = {"green"}
    scene.deployment("settle", cutover=proved(scene))
    while_health_is_waited_for(scene, monkeypatch, "green-worker")
    abandoned(scene)
    assert recover(scene, LOOK)["result"] == "rolled_back"
    assert scene.engine.state("green-worker") == "exited"


def test_old_workers_that_came_up_meanwhile_do_not_go_on_beside_the_new_ones(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("start_workers", cutover=proved(scene))
    while_health_is_waited_for(scene, monkeypatch, "blue-worker", "blue-beat")
    abandoned(scene)
    assert "awaits approval" in recover(scene, LOOK)["message"]
    assert (scene.engine.state("blue-worker"), scene.engine.state("blue-beat")) == ("exited", "exited")


def test_a_finish_starts_the_web_that_it_is_to_prove(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", web="exited")
    scene.deployment("finish", done=False, cutover={**proved(scene), "proved": ""})
    serves = {"running": "green", "exited": None}
    record(monkeypatch, [], nginx_running, "served_color", does=lambda given: serves[scene.engine.state("green-web")])
    abandoned(scene)
    assert recover(scene, LOOK)["message"] == "The approved release 2 was finished."


def test_a_broker_of_which_all_else_was_removed_may_hold_tasks(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.engine.add("redis", color="green")
    scene.deployment("awaiting_approval", cutover=proved(scene))
    record(monkeypatch, [], broker_move, "move", does=BluegreenError("no room"))
    recover(scene, UNDO)
    assert (scene.engine.state("green-redis"), scene.engine.policy("green-redis")) == ("running", "unless-stopped")


@pytest.mark.parametrize("loads", [True, False])
def test_an_old_broker_that_was_just_started_keeps_no_worker_stopped(scene, monkeypatch, loads):
    scene.color("blue", worker="exited", beat="exited", redis="exited")
    scene.color("green", worker="created", beat="created")
    scene.served = "blue"
    scene.deployment("health")
    loaded = scene.host.clock.now + 3
    if loads:
        monkeypatch.setattr(scene.brokers["blue"], "answers", lambda: scene.host.clock.now >= loaded)

    def take_back(host, journal, broker):
        if scene.host.clock.now < loaded:
            raise BluegreenError("LOADING Redis is loading the dataset in memory")

    monkeypatch.setattr(broker_move, "take_back", take_back)
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert scene.engine.state("blue-worker") == "running"
    assert any("could not be put back" in sentence for sentence in scene.host.warnings) is not loads


def test_sessions_are_copied_from_a_broker_that_has_loaded_them(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", redis="exited")
    scene.deployment("awaiting_approval", cutover=proved(scene), keep_keys=["session:*"])
    loaded, copied = scene.host.clock.now + 3, []
    monkeypatch.setattr(scene.brokers["green"], "answers", lambda: scene.host.clock.now >= loaded)
    record(monkeypatch, [], kept_keys, "copy_kept", does=lambda given: copied.append(scene.host.clock.now >= loaded))
    recover(scene, UNDO)
    assert copied == [True]


def test_a_full_disk_keeps_nobody_from_going_back(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle")
    full_disk(scene, monkeypatch)
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert (scene.served, scene.engine.state("blue-worker"), scene.engine.state("green-web")) == ("blue", "running", "exited")
    assert scene.host.warnings[0] == (
        f"The journal {scene.store.path('deployment.json')} cannot be written (no space left on device): make room there, or "
        "mend its file system."
    )


def test_a_rescue_that_slept_finds_that_the_guard_was_faster(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle").take_over(guard=True)
    with pytest.raises(Fenced, match=r"was taken over meanwhile \(epoch 2, not 1\): nothing was done"):
        recover(scene, UNDO._replace(deployment_id="dep-1", epoch=1))
    assert scene.calls == []


# Workers of another name than the new release's


@pytest.mark.parametrize("step", ["stop_workers", "settle"])
def test_a_worker_service_that_the_new_release_renamed_comes_back(scene, step):
    scene.color("blue", worker="exited", beat="exited")
    scene.engine.add("celery", color="blue", status="exited")
    scene.engine.inspected["blue-celery"]["HostConfig"]["RestartPolicy"] = dict(NO_RESTART)
    scene.color("green", status="created" if step == "stop_workers" else "running")
    scene.deployment(step, old_workers=["celery"])
    scene.store.load().note(policies={**scene.store.load()["policies"], "blue-celery": dict(ALWAYS)})
    scene.served = "blue" if step == "stop_workers" else "green"
    recover(scene, UNDO)
    assert (scene.engine.state("blue-celery"), scene.engine.policy("blue-celery")) == ("running", "unless-stopped")


@pytest.mark.parametrize("step", ["health", "settle"])
def test_an_old_worker_that_does_not_come_back_keeps_the_candidate_up_no_longer(scene, monkeypatch, step):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment(step)
    scene.served = "blue" if step == "health" else "green"

    def fails(*_args):
        raise BluegreenError("Container shop-blue-worker-1 could not be started: a bind mount is gone.", logs={"w": ["line"]})

    with monkeypatch.context() as patch:
        patch.setattr(workers_stop, "restart_workers", fails)
        with pytest.raises(BluegreenError, match="rolled back, but not all of blue runs: Container shop-blue-worker-1") as failure:
            recover(scene, UNDO)
    assert failure.value.details["logs"]["w"] == ["line"]
    assert [scene.engine.state(f"green-{service}") for service in ("web", "worker", "redis")] == ["exited"] * 3
    assert (scene.store.load()["result"], scene.store.load()["back"]) == ("failed", True)
    assert recover(scene, UNDO)["result"] == "rolled_back"
# Where two webs and workers do not fit together


@pytest.fixture
def one_web(scene, monkeypatch):
    """Awaits approval, the old web stopped; further steps by ``deployment``."""
    scene.color("blue", worker="exited", beat="exited", web="exited")
    scene.color("green")
    scene.deployment(
        "awaiting_approval",
        old_web="stopped",
        policies={"blue-web": dict(ALWAYS)},
        memory_budget={"free": 0, "web": 400, "support": 0, "workers": 300, "app": 0, "oom_kills": 0},
    )
    scene.engine.inspected["blue-web"]["HostConfig"]["RestartPolicy"] = dict(NO_RESTART)
    scene.brokers["green"].tasks = {"celery": 2}
    # No room for the old web beside all of the new color.
    monkeypatch.setattr(host_resources, "available_memory", lambda: 0)
    return scene


BACK_WITH_ONE_WEB = [
    # Whether there is a reason to stay, and whether tasks may take their time.
    "wait for green",
    "wait for green",
    # The memory of the new workers is for the old web.
    "stop workers",
    "stop green-beat",
    "stop green-worker",
    "start blue-web",
    "wait for blue",
    "switch to blue",
    # That of the new web is for the old workers.
    "drain",
    "stop green-web",
    "move shop-green/redis to shop-blue/redis",
    "restart workers",
    "start blue-beat",
    "start blue-worker",
    "move shop-green/redis to shop-blue/redis",
    "stop green-redis",
]


def test_the_old_web_boots_where_the_new_workers_were(one_web):
    assert recover(one_web, UNDO)["message"] == "Release 2 was rolled back: blue is live with release 1."
    assert one_web.effects() == BACK_WITH_ONE_WEB
    assert one_web.policies()["blue-web"] == "unless-stopped"
    assert one_web.policies()["green-web"] == "no"
    assert one_web.brokers["blue"].tasks == {"celery": 2}


@pytest.mark.parametrize("params, step", [(UNDO, "handover"), (LOOK._replace(guard=True), "start_workers"), (LOOK, "settle")])
def test_every_way_back_takes_that_order(scene, params, step):
    scene.color("blue", worker="exited", beat="exited", web="exited")
    scene.color("green")
    scene.deployment(step, done=False, old_web="stopped")
    abandoned(scene)
    # For those that go by what they see: the new color is not whole, and the old web cannot be asked.
    scene.engine.inspected["green-beat"]["State"]["Status"] = "exited"
    recover(scene, params)
    effects = scene.effects()
    assert effects[-len(BACK_WITH_ONE_WEB) + 4:] == BACK_WITH_ONE_WEB[4:]
    assert effects.index("stop green-worker") < effects.index("start blue-web")


@pytest.mark.parametrize("params", [UNDO, LOOK._replace(guard=True)])
def test_an_old_web_that_a_cron_job_removed_while_it_was_stopped_is_created_again(scene, params):
    pruned(scene, "awaiting_approval", old_web="stopped")
    scene.engine.inspected["blue-web"]["State"]["Status"] = "exited"
    scene.engine.prune()
    # The new color is not whole.
    scene.engine.inspected["green-web"]["State"]["Status"] = "exited"
    scene.unhealthy = {"green"}
    recover(scene, params)
    assert set(of_blue(scene, "status").values()) == {"running"}
    assert {policy["Name"] for policy in of_blue(scene, "restart_policy").values()} == {"unless-stopped"}


def test_a_failure_before_the_old_web_was_stopped_leaves_the_order_of_memory(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", worker="created", beat="created")
    scene.deployment("cutover", old_web="stopped")
    recover(scene, UNDO)
    effects = scene.effects()
    assert "start blue-web" not in effects
    assert effects.index("switch to blue") < effects.index("stop green-web") < effects.index("restart workers")


def test_before_the_cutover_the_old_workers_wait_for_the_memory_of_the_new_web(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", worker="created", beat="created")
    scene.deployment("health", old_web="stopped")
    recover(scene, UNDO)
    effects = scene.effects()
    assert effects.index("stop green-web") < effects.index("restart workers")


def test_a_color_that_is_whole_is_held_without_the_old_web(one_web):
    assert recover(one_web, LOOK)["message"].startswith("Release 2 is live and healthy, and awaits approval")
    assert one_web.engine.state("blue-web") == "exited"
    assert one_web.effects() == ["wait for green"]


def test_one_that_was_cut_off_in_settle_is_held_with_its_old_web_stopped(scene):
    """Without workers it is settle that stops the old web."""
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle", done=False, old_web="stopped")
    abandoned(scene)
    assert recover(scene, LOOK)["changed"] is True
    assert (scene.engine.state("blue-web"), scene.engine.policy("blue-web")) == ("exited", "no")


@pytest.mark.parametrize("fault", ["the old web is ill", "Nginx is broken"])
def test_an_old_web_that_does_not_get_back_leaves_all_with_the_new_color(one_web, monkeypatch, fault):
    with monkeypatch.context() as patch:
        if fault == "the old web is ill":
            one_web.unhealthy = {"blue"}
        else:
            record(patch, one_web.calls, nginx_switch, "switch", "no switch", does=refuse)
        with pytest.raises(BluegreenError) as failure:
            recover(one_web, UNDO)
    why = "blue is not healthy." if fault == "the old web is ill" else "nginx -t says: no."
    assert failure.value.message == (
        f"Release 2 of app shop could not be rolled back: {why} No task was moved: the new color is live and healthy, its workers run, "
        "and it awaits approval again. Fix that, then run ansible-playbook smallfleet.bluegreen.rollback again, or keep it with "
        "ansible-playbook smallfleet.bluegreen.finish -e bluegreen_release=2."
    )
    assert one_web.brokers["green"].tasks == {"celery": 2}
    assert one_web.states() == {
        "blue-redis": "running",
        "blue-web": "exited",
        "blue-worker": "exited",
        "blue-beat": "exited",
        "green-redis": "running",
        "green-web": "running",
        "green-worker": "running",
        "green-beat": "running",
    }
    assert one_web.policies()["blue-web"] == "no"
    journal = one_web.store.load()
    assert (journal["step"], journal["done"], journal["back"], journal["result"], journal["reason"]) == (
        "awaiting_approval",
        True,
        False,
        "",
        "",
    )
    # Somebody mends it.
    one_web.unhealthy = set()
    assert recover(one_web, UNDO)["result"] == "rolled_back"
    assert one_web.brokers["blue"].tasks == {"celery": 2}


def refuse(given):
    raise BluegreenError("nginx -t says: no.")


def test_where_neither_color_is_whole_the_old_workers_work(one_web):
    one_web.unhealthy = {"blue", "green"}
    with pytest.raises(BluegreenError) as failure:
        recover(one_web, UNDO)
    assert failure.value.message == (
        "Release 2 of app shop could not be rolled back: blue is not healthy. The old web was stopped again, and the old workers "
        f"run. Fix that, then {AGAIN}"
    )
    assert one_web.brokers["blue"].tasks == {"celery": 2}
    assert (one_web.engine.state("blue-worker"), one_web.engine.state("blue-web")) == ("running", "exited")
    assert (one_web.store.load()["result"], one_web.store.load()["back"]) == ("failed", True)
    # The next try makes room of those, too.
    del one_web.calls[:]
    one_web.unhealthy = set()
    assert recover(one_web, UNDO)["result"] == "rolled_back"
    effects = one_web.effects()
    assert effects.index("stop blue-worker") < effects.index("start blue-web") < effects.index("start blue-worker")


def test_both_webs_stay_where_nobody_knows_which_is_served(one_web, monkeypatch):
    record(monkeypatch, one_web.calls, nginx_switch, "switch", "no switch", does=refuse)
    one_web.served = ""
    with pytest.raises(BluegreenError, match="No web was stopped, and the old workers run"):
        recover(one_web, UNDO)
    assert (one_web.engine.state("blue-web"), one_web.engine.state("green-web")) == ("running", "running")


@pytest.mark.parametrize("free, boots", [(400, True), (399, False)])
def test_a_worker_that_does_not_end_keeps_the_memory_of_the_old_web(one_web, monkeypatch, free, boots):
    monkeypatch.setattr(host_resources, "available_memory", lambda: free)
    given = []
    record(monkeypatch, one_web.calls, workers_stop, "stop_workers", "tell them", does=given.append)
    if boots:
        recover(one_web, UNDO)
    else:
        with pytest.raises(BluegreenError, match="shop-green-beat-1, shop-green-worker-1 still runs 120 s after it was told to finish, and the old "):
            recover(one_web, UNDO)
        assert one_web.store.load()["step"] == "awaiting_approval"
    assert (("start", "blue-web") in one_web.calls) is boots
    # Visitors are with the new color, so they get their time.
    assert given[0]["timeout"] == 120


def test_visitors_who_get_no_answer_wait_no_longer_for_tasks_than_was_allowed(one_web, monkeypatch):
    one_web.unhealthy = {"green"}
    given = []
    record(monkeypatch, one_web.calls, workers_stop, "stop_workers", "tell them", does=given.append)
    monkeypatch.setattr(host_resources, "available_memory", lambda: 400)
    recover(one_web, UNDO)
    assert given[0]["timeout"] == 60
