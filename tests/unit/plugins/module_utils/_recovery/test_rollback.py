# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback before the cutover."""

from __future__ import annotations

import threading
import time

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import rollback
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import (
    start as workers_start,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._recovery.recovering import (
    UNDO,
    recover,
    sorted_pairs,
    unstartable,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import ALWAYS, NO_RESTART, record

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
        "Docker Compose still runs for deployment dep-1 of app shop and cannot be killed (processes 4711 and 4712): "
        "once it has ended, run ansible-playbook smallfleet.bluegreen.rollback again."
    )
    assert scene.store.load()["rolling_back"] is True
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
    "step, served, candidate",
    [("fetch", "blue", "created"), ("health", "blue", "running"), ("handover", "green", "running")],
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
    monkeypatch.setattr(workers_start, "restart_workers", lambda *given: timeouts.append(given[3]))
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


@pytest.mark.parametrize(
    "written, grace, expected", [(10, None, 120), (300, None, 300), (None, 200, 200), (None, None, 120)]
)
def test_a_worker_gets_longer_to_end_than_when_it_failed_to(scene, monkeypatch, written, grace, expected):
    scene.color("blue")
    scene.engine.inspected["blue-worker"]["Config"]["StopTimeout"] = grace
    scene.color("green", "created")
    scene.deployment("stop_workers", workers={"stop_timeout": written, "on_timeout": "fail"})
    given = []
    record(monkeypatch, [], workers_start, "restart_workers", does=given.append)
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
    record(monkeypatch, scene.calls, workers_start, "restart_workers", does=restart_meanwhile)
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
        f"Release 2 of app shop was rolled back, but not all of blue runs: Container shop-blue-{broken}-1 could not be "
        "started: port is already allocated. Fix this cause, then run ansible-playbook smallfleet.bluegreen.rollback "
        "again. Or run ansible-playbook smallfleet.bluegreen.rollback -e bluegreen_release=1, which makes release 1 "
        "live even though not all of it runs."
    )
    assert (scene.engine.state("blue-worker"), scene.engine.state("blue-beat")) == ("running", "running")
    assert scene.engine.state("green-web") == "exited"
    assert (scene.store.load()["result"], scene.store.load()["rolling_back"]) == ("failed", True)
    # Somebody frees the port.
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert scene.engine.state(f"blue-{broken}") == "running"


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
        raise BluegreenError(
            "Container shop-blue-worker-1 could not be started: a bind mount is gone.", logs={"w": ["line"]}
        )

    with monkeypatch.context() as patch:
        patch.setattr(workers_start, "restart_workers", fails)
        with pytest.raises(
            BluegreenError, match="rolled back, but not all of blue runs: Container shop-blue-worker-1"
        ) as failure:
            recover(scene, UNDO)
    assert failure.value.details["logs"]["w"] == ["line"]
    assert [scene.engine.state(f"green-{service}") for service in ("web", "worker", "redis")] == ["exited"] * 3
    assert (scene.store.load()["result"], scene.store.load()["rolling_back"]) == ("failed", True)
    assert recover(scene, UNDO)["result"] == "rolled_back"
