# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the state of the host decides from the cutover on."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import kept_keys, move as broker_move
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import approval
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._health import gate as health_gate
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install import guard_units
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    public_requests,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._recovery.recovering import (
    LOOK,
    UNDO,
    abandoned,
    full_disk,
    proved,
    recover,
    unstartable,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import ALWAYS, NO_RESTART, record

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
    assert (journal["step"], journal["done"], journal["rolling_back"]) == ("awaiting_approval", True, False)
    # The time since the owner was lost is no human's.
    assert journal["seconds"] == {"between_runs": 1000}
    assert not [effect for effect in scene.effects() if effect.startswith(("stop", "start", "switch"))]


def test_a_candidate_that_is_kept_can_live_on(scene):
    """A run that died before the proof of the new workers restored no policies, and late tasks of the old web wait."""
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
    assert {scene.engine.policy(f"green-{service}") for service in ("redis", "web", "worker", "beat")} == {
        "unless-stopped"
    }
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
        f"The journal {scene.store.path('deployment.json')} cannot be written (no space left on device): make room "
        "there, or fix its file system."
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
    """Nobody continues it, so a user who has fixed the cause need not wait until the failed try counts as dead."""
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
        "Release 2 of app shop was approved, but it could not be verified that Nginx serves green, so nothing more was "
        "removed. Repair Nginx, then run ansible-playbook smallfleet.bluegreen.finish again."
    )
    assert set(scene.states().values()) == {"running", "exited"} and len(scene.states()) == 8


def test_an_nginx_that_cannot_be_asked_is_a_warning(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle")
    down = BluegreenError("Nginx does not run.")
    record(monkeypatch, scene.calls, public_requests, "served_color", "ask nginx", down)
    abandoned(scene)
    recover(scene, LOOK)
    assert scene.host.warnings == ["Nginx does not run."]
    assert "switch to blue" in scene.calls


# What was served and is down


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
    record(monkeypatch, [], public_requests, "served_color", does=lambda given: serves[scene.engine.state("green-web")])
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
    assert (scene.served, scene.engine.state("blue-worker"), scene.engine.state("green-web")) == (
        "blue",
        "running",
        "exited",
    )
    assert scene.host.warnings[0] == (
        f"The journal {scene.store.path('deployment.json')} cannot be written (no space left on device): make room "
        "there, or fix its file system."
    )


def test_a_rescue_that_slept_finds_that_the_guard_was_faster(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle").take_over(guard=True)
    with pytest.raises(Fenced, match=r"was taken over in the meantime \(epoch 2, not 1\): nothing was changed"):
        recover(scene, UNDO._replace(deployment_id="dep-1", epoch=1))
    assert scene.calls == []
