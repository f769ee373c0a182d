# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is never finished."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import move as broker_move
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.move import Moved
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import (
    approval,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import (
    close as close_deployment,
    log,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import recover as recovery
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery.request import Request
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import record
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.finishing import (
    APPROVED,
    WHICHEVER,
    both_colors,
    close,
)


@pytest.fixture
def scene(monkeypatch, tmp_path):
    return both_colors(monkeypatch, tmp_path)


@pytest.mark.parametrize("served, words", [("blue", "it serves blue"), ("", "it serves neither color")])
def test_no_color_goes_without_the_proof_that_nginx_left_it(scene, served, words):
    scene.served = served
    scene.deployment("awaiting_approval")
    with pytest.raises(BluegreenError) as refusal:
        close(scene)
    assert refusal.value.message == (
        f"Could not verify that Nginx serves green ({words}): nothing was removed. Look at Nginx, then run "
        "ansible-playbook smallfleet.bluegreen.finish again, or ansible-playbook smallfleet.bluegreen.rollback."
    )
    assert scene.effects() == []
    # A rollback is still possible.
    assert scene.store.load()["step"] == "awaiting_approval"


def test_a_broker_that_still_holds_tasks_is_not_stopped(scene, monkeypatch):
    scene.brokers["blue"].tasks = {"celery": 1, "mail": 2}
    scene.brokers["green"] = None
    scene.deployment("awaiting_approval")
    with pytest.raises(BluegreenError) as refusal:
        close(scene)
    assert refusal.value.message == (
        "The broker of the old color blue still holds tasks, and the broker of green, to which they have to move, does "
        "not answer: start that one, then run ansible-playbook smallfleet.bluegreen.finish again."
    )
    assert scene.engine.state("blue-redis") == "running"
    assert not [call for call in scene.calls if call[0] == "remove"]


def test_tasks_that_cannot_be_moved_keep_the_old_broker(scene, monkeypatch):
    left = {"mail": 2, "celery": 1}
    record(monkeypatch, scene.calls, broker_move, "move", "move", lambda given: Moved(4, {}, left, 0, 1))
    scene.deployment("awaiting_approval")
    with pytest.raises(BluegreenError) as refusal:
        close(scene)
    assert refusal.value.message == (
        "The broker of the old color blue still holds tasks (1 in celery, 2 in mail), so it was not stopped: look at "
        "them (ansible-playbook smallfleet.bluegreen.status shows them), then run ansible-playbook "
        "smallfleet.bluegreen.finish again."
    )
    assert scene.engine.state("blue-redis") == "running"
    # The point of no return is behind: only forward from here.
    journal = scene.store.load()
    assert (journal["step"], journal["done"], journal["result"]) == ("finish", False, "")


def test_a_finish_that_was_cut_off_is_completed(scene, monkeypatch):
    scene.deployment("awaiting_approval")

    def cut(container, volumes=True):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scene.engine, "remove", cut)
        with pytest.raises(KeyboardInterrupt):
            close(scene)
    assert scene.store.load()["step"] == "finish"
    assert close(scene)["result"] == "committed"
    assert set(scene.states()) == {f"green-{service}" for service in ("redis", "web", "worker", "beat")}


@pytest.mark.parametrize("step", ["health", "cutover", "settle"])
def test_only_what_awaits_approval_can_be_finished(scene, step):
    scene.deployment(step)
    with pytest.raises(Fenced) as refusal:
        close(scene)
    assert refusal.value.message == (
        "Deployment dep-1 by ada@laptop since 2026-11-23T12:00:00Z of app shop is in step "
        f"{step}, not awaiting approval: wait for it, or undo it with "
        "ansible-playbook smallfleet.bluegreen.rollback."
    )
    assert scene.calls == []


def test_what_goes_back_cannot_be_finished(scene):
    scene.deployment("health", rolling_back=True)
    with pytest.raises(Fenced) as refusal:
        close(scene)
    assert refusal.value.message.endswith(
        "of app shop is being undone, and nothing was finished: complete the rollback with "
        "ansible-playbook smallfleet.bluegreen.rollback, then deploy again."
    )
    assert scene.calls == []


@pytest.mark.parametrize(
    "params, words",
    [
        ({**APPROVED, "deployment_id": "dep-0"}, "deployment_id dep-0 is not the open deployment of app shop"),
        ({**APPROVED, "epoch": 2}, "taken over in the meantime"),
        (
            {**WHICHEVER, "release": "3"},
            "bluegreen_release is '3', but the release of app shop that awaits approval is '2': nothing was finished. "
            "To approve that release, run ansible-playbook smallfleet.bluegreen.finish -e bluegreen_release=2.",
        ),
    ],
)
def test_nothing_but_what_was_approved_is_finished(scene, params, words):
    scene.deployment("awaiting_approval")
    with pytest.raises(Fenced, match=words):
        close(scene, params)
    assert scene.calls == []


LATE = (
    "The approval of release 2 of app shop expired after 600 s (bluegreen_approval_timeout), and nothing was finished: "
    "run ansible-playbook smallfleet.bluegreen.finish to approve it anyway, or ansible-playbook "
    "smallfleet.bluegreen.rollback to undo it."
)


def pending_until(scene, seconds_ago):
    journal = scene.deployment("awaiting_approval", approval_timeout=600)
    approval.begin(journal)
    scene.host.clock.now += 600 + seconds_ago
    return journal


@pytest.mark.parametrize("check_mode", [False, True])
def test_an_answer_that_comes_too_late_finishes_nothing(scene, check_mode):
    pending_until(scene, 0)
    with pytest.raises(Fenced) as refusal:
        close(scene, APPROVED, check_mode)
    assert refusal.value.message == LATE
    assert scene.effects() == []


def test_an_answer_in_time_finishes(scene):
    pending_until(scene, -1)
    assert close(scene, APPROVED)["result"] == "committed"


def test_a_decision_of_its_own_is_never_too_late(scene):
    pending_until(scene, 10**6)
    assert close(scene)["result"] == "committed"


def test_what_was_approved_in_time_is_completed_at_any_time(scene):
    pending_until(scene, 10**6).begin(Step.FINISH)
    assert close(scene, APPROVED)["result"] == "committed"


def test_check_mode_changes_nothing(scene):
    scene.deployment("awaiting_approval")
    before = scene.store.load().data
    assert close(scene, check_mode=True) == {"changed": True, "result": "committed", "id": "dep-1"}
    assert scene.calls == [] and scene.store.load().data == before


def test_check_mode_refuses_too(scene):
    scene.deployment("health")
    with pytest.raises(Fenced):
        close(scene, check_mode=True)


def test_who_goes_back_before_the_lock_is_free_wins(scene, monkeypatch):
    journal = scene.deployment("awaiting_approval")
    lock = scene.store.lock
    monkeypatch.setattr(
        scene.store, "lock", lambda purpose, wait: (journal.note(rolling_back=True), lock(purpose, wait))[1]
    )
    with pytest.raises(Fenced):
        close(scene)
    assert scene.calls == []


def test_who_finishes_before_the_lock_is_free_leaves_nothing_to_do(scene, monkeypatch):
    scene.deployment("awaiting_approval")
    lock = scene.store.lock
    entry = {"id": "dep-1", "result": "committed"}
    monkeypatch.setattr(
        scene.store, "lock", lambda purpose, wait: (close_deployment(scene.store, entry), lock(purpose, wait))[1]
    )
    assert close(scene) == {"changed": False, "result": "committed"}
    assert scene.calls == []


def test_who_has_gone_back_before_the_lock_is_free_leaves_nothing_to_finish(scene, monkeypatch):
    scene.deployment("awaiting_approval")
    lock = scene.store.lock
    entry = {"id": "dep-1", "release": "2", "from": "", "result": "rolled_back"}
    monkeypatch.setattr(
        scene.store, "lock", lambda purpose, wait: (close_deployment(scene.store, entry), lock(purpose, wait))[1]
    )
    with pytest.raises(Fenced, match="^Release 2 of app shop was rolled back in the meantime, and no color is live: "):
        close(scene)
    assert scene.calls == []


@pytest.mark.parametrize("served", ["blue", ""])
def test_an_end_that_had_begun_leads_nginx_to_the_new_color_again(scene, served):
    """Somebody has led it elsewhere since, and this command is the approval."""
    scene.served = served
    scene.deployment("finish", done=False)
    assert close(scene)["result"] == "committed"
    assert scene.effects()[:2] == ["wait for green", "switch to green"] and scene.served == "green"


@pytest.mark.parametrize(
    "served, gone, way",
    [
        (
            "blue",
            False,
            "; or go back to release 1 with ansible-playbook smallfleet.bluegreen.rollback -e bluegreen_release=1.",
        ),
        (
            "",
            True,
            "; or go back to release 1 with ansible-playbook smallfleet.bluegreen.rollback -e bluegreen_release=1.",
        ),
        # Visitors may be with it.
        ("", False, "."),
    ],
)
def test_an_end_that_had_begun_for_a_color_that_is_ill_names_the_way_back(scene, served, gone, way):
    scene.served, scene.unhealthy = served, {"green"}
    scene.deployment("finish", done=False)
    if gone:
        del scene.engine.inspected["green-web"]
    undo = Request(prefer="rollback", release="1")
    for attempt in (close, lambda scene: recovery.recover(scene.host, scene.store, undo, False)):
        with pytest.raises(BluegreenError) as refusal:
            attempt(scene)
        assert refusal.value.message.endswith(f"then run ansible-playbook smallfleet.bluegreen.finish again{way}")
    if way == ".":
        with pytest.raises(BluegreenError, match="was approved"):
            recovery.recover(scene.host, scene.store, undo, False)
        return
    assert recovery.recover(scene.host, scene.store, undo, False)["result"] == "rolled_back"
    assert scene.served == "blue" and scene.engine.state("blue-worker") == "running"


def test_the_last_move_ends_its_hop(scene, monkeypatch):
    record(monkeypatch, scene.calls, broker_move, "finish_hop", "end the hop")
    scene.deployment("awaiting_approval")
    close(scene)
    effects = scene.effects()
    assert effects.index("move shop-blue/redis to shop-green/redis") < effects.index("end the hop")
    assert effects.index("end the hop") < effects.index("stop blue-redis")


def test_a_second_finish_changes_nothing(scene):
    scene.deployment("awaiting_approval")
    close(scene, APPROVED)
    del scene.calls[:]
    assert close(scene, APPROVED) == {"changed": False, "result": "committed"}
    assert close(scene) == {"changed": False, "result": ""}
    assert scene.calls == []


def test_what_was_rolled_back_while_a_human_thought_is_not_finished(scene):
    """The guard went back while the playbook asked: a yes must not end as if the release were live."""
    scene.deployment("awaiting_approval")
    given = Request(prefer="rollback", reason="guard: green failed 3 times in a row", guard=True)
    recovery.recover(scene.host, scene.store, given, check_mode=False)
    del scene.calls[:]
    for check_mode in (False, True):
        with pytest.raises(Fenced) as refusal:
            close(scene, APPROVED, check_mode)
        assert refusal.value.message == (
            "Release 2 of app shop was rolled back in the meantime (guard: green failed 3 times in a row), and blue is "
            "live: nothing was finished. Deploy again."
        )
    assert scene.calls == []


def ended(scene, **entry):
    history = {"id": "dep-0", "release": "2", "release_from": "1", "from": "blue", "reason": "", **entry}
    log(scene.store, history)


@pytest.mark.parametrize(
    "entry, release, sentence",
    [
        (
            {"result": "rolled_back", "reason": "rollback.yml"},
            "2",
            "Release 2 of app shop was rolled back in the meantime (rollback.yml), and blue is live: nothing was "
            "finished. Deploy again.",
        ),
        (
            {"result": "rolled_back"},
            "3",
            "bluegreen_release is '3', but nothing awaits approval, and release 1 of app shop is live: nothing was "
            "finished. Deploy release 3 first.",
        ),
        (
            {"result": "committed"},
            "1",
            "bluegreen_release is '1', but nothing awaits approval, and release 2 of app shop is live: nothing was "
            "finished. Deploy release 1 first.",
        ),
        (
            None,
            "1",
            "bluegreen_release is '1', but nothing awaits approval and no deployment of app shop was recorded here: "
            "nothing was finished. Deploy release 1 first.",
        ),
    ],
)
def test_a_release_that_is_not_live_is_not_finished(scene, entry, release, sentence):
    if entry:
        ended(scene, **entry)
    for check_mode in (False, True):
        with pytest.raises(Fenced) as refusal:
            close(scene, {**WHICHEVER, "release": release}, check_mode)
        assert refusal.value.message == sentence
    assert scene.calls == []


@pytest.mark.parametrize("result, release", [("committed", "2"), ("rolled_back", "1")])
def test_a_release_that_is_live_needs_no_finish(scene, result, release):
    ended(scene, result=result)
    assert close(scene, {**WHICHEVER, "release": release}) == {"changed": False, "result": ""}


def test_a_deployment_that_never_was_is_not_finished(scene):
    with pytest.raises(Fenced) as refusal:
        close(scene, APPROVED)
    assert refusal.value.message == (
        "deployment_id dep-1 names no open deployment of app shop: nothing was finished. Look at "
        "ansible-playbook smallfleet.bluegreen.status."
    )
