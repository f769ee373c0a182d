# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may end a deployment, and what is said at the end."""

from __future__ import annotations

import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import cli as compose_cli
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import fencing
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import (
    close,
    history_of,
    log,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux import files
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import recover as recovery
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._recovery.recovering import (
    LOOK,
    UNDO,
    abandoned,
    recover,
    written,
)

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
    log(scene.store, {"id": "dep-0"})
    assert recover(scene, UNDO)["message"] == "No deployment of app shop is open."


def test_who_undoes_what_the_guard_has_undone_is_told_so(scene):
    log(scene.store, {"id": "dep-1", "result": "rolled_back", "reason": "guard: no heartbeat for 20 s in step health"})
    assert recover(scene, UNDO._replace(deployment_id="dep-1"))["message"] == (
        "Deployment dep-1 has ended in the meantime: rolled back (guard: no heartbeat for 20 s in step health)."
    )
    log(scene.store, {"id": "dep-2", "result": "committed", "reason": ""})
    assert (
        recover(scene, UNDO._replace(deployment_id="dep-2"))["message"]
        == "Deployment dep-2 has ended in the meantime: committed."
    )


def test_another_deployment_is_left_alone(scene):
    scene.deployment("health")
    with pytest.raises(Fenced) as refusal:
        recover(scene, UNDO._replace(deployment_id="dep-0"))
    assert refusal.value.message == (
        "deployment_id dep-0 is not the open deployment of app shop, which is dep-1 by ada@laptop since "
        "2026-11-23T12:00:00Z: nothing was changed. Check with ansible-playbook smallfleet.bluegreen.status."
    )
    assert scene.store.load()["epoch"] == 1


def test_a_deployment_whose_owner_lives_is_left_to_it(scene):
    scene.deployment("health")
    with pytest.raises(Fenced) as refusal:
        recover(scene, LOOK)
    assert refusal.value.message == (
        "Deployment dep-1 by ada@laptop since 2026-11-23T12:00:00Z of app shop is in step health, and the controller "
        "that runs it still sends heartbeats: wait until it has ended, or undo it with ansible-playbook "
        "smallfleet.bluegreen.rollback."
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
        scene.store, "lock", lambda purpose, wait: (close(scene.store, {"id": "dep-1"}), lock(purpose, wait))[1]
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
        "Deployment dep-1 of app shop was taken over in the meantime (epoch 2, not 1): nothing was changed. Check with "
        "ansible-playbook smallfleet.bluegreen.status."
    )
    # Nor can it go on where it slept.
    for step in ("settle", "awaiting_approval"):
        with pytest.raises(Fenced, match=r"was taken over in the meantime \(epoch 2, not 1\)"):
            with fencing.fenced(scene.store, "dep-1", epoch, Step(step)):
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


@pytest.mark.parametrize("mark", [{"rolling_back": True}, {"guard": True}])
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


# Secrets

SECRETS = ("hunter2!hunter2!", "p@ss word")


def test_a_reason_that_quotes_a_secret_is_kept_without_it(scene):
    """The text of a failure comes from anywhere, and the history keeps it for years."""
    scene.color("blue")
    scene.color("green", status="created")
    scene.deployment("fetch")
    files.write_atomically(
        scene.store.env_file("green", "dep-1"), compose_cli.env_text({"TOKEN": SECRETS[0], "DEBUG": "1"}), mode=0o600
    )
    files.write_atomically(scene.store.path("broker.url"), "redis://:p%40ss%20word@redis/0", mode=0o600)
    said = f"Start: bad value {SECRETS[0]!r}, 1 of redis://:p%40ss%20word@redis/0, {SECRETS[1]},\n\x1b[31mgreen"
    recover(scene, UNDO._replace(reason=said))
    assert history_of(scene.store)[-1]["reason"] == "Start: bad value '(hidden)', 1 of (hidden), (hidden), [31mgreen"
    for name in os.listdir(scene.store.folder):
        with open(scene.store.path(name), encoding="utf-8") as source:
            text = source.read()
        assert not [secret for secret in (*SECRETS, "p%40ss") if secret in text], name
