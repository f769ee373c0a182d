# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A way back that cannot be completed is turned round by finish, with the release by name."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import (
    finish as deployment_finish,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.may_open import require_none_open
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import history_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.schema import STEPS
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import switch as nginx_switch
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import recover as recovery
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery.request import Request
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.deployment_states import keep_new_color
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import start as workers_start, unknown_tasks
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import record

NAMED = {"deployment_id": "", "epoch": 0, "release": "2", "owner": ""}
UNNAMED = {**NAMED, "release": ""}
UNDO = Request(prefer="rollback", reason="rollback.yml")
WAYS = (
    "ansible-playbook smallfleet.bluegreen.finish -e bluegreen_release=2 keeps release 2, and ansible-playbook "
    "smallfleet.bluegreen.rollback goes back"
)


def finish(scene, params=None, check_mode=False):
    return deployment_finish.finish_deployment(scene.host, scene.store, params or NAMED, check_mode, keep_new_color)


def undo(scene, **params):
    return recovery.recover(scene.host, scene.store, UNDO._replace(**params), check_mode=False)


@pytest.fixture
def stuck(monkeypatch, tmp_path):
    """Was begun while the new color was ill; that is well again, the old one is not."""
    scene = Scene(monkeypatch, tmp_path)
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.unhealthy = {"blue", "green"}
    scene.brokers["green"].tasks = {"celery": 3}
    scene.deployment("awaiting_approval")
    with pytest.raises(BluegreenError, match="finish -e bluegreen_release=2 once it is healthy"):
        undo(scene)
    scene.unhealthy = {"blue"}
    assert scene.states()["green-worker"] == "exited" and scene.brokers["blue"].tasks == {"celery": 3}
    del scene.calls[:]
    return scene


def test_the_new_color_is_kept_after_all(stuck):
    result = finish(stuck)
    assert (result["changed"], result["result"]) == (True, "committed")
    effects = stuck.effects()
    order = [
        "stop blue-worker",
        "move shop-blue/redis to shop-green/redis",
        "restart workers",
        "start green-worker",
        "drain",
        "stop blue-web",
        "remove blue-worker",
    ]
    assert [effect for effect in effects if effect in order][:2] == order[:2]
    assert sorted(order, key=effects.index) == order
    assert stuck.brokers["green"].tasks == {"celery": 3}
    assert stuck.store.load() is None and history_of(stuck.store)[-1]["result"] == "committed"
    assert {name: state for name, state in stuck.states().items() if state != "running"} == {}
    assert set(stuck.policies().values()) == {"unless-stopped"}


def test_the_release_has_to_be_named(stuck):
    with pytest.raises(Fenced) as refusal:
        finish(stuck, UNNAMED)
    assert refusal.value.message == (
        "Deployment dep-1 by ada@laptop since 2026-11-23T12:00:00Z of app shop is being undone, and nothing was "
        "finished: complete the rollback with ansible-playbook smallfleet.bluegreen.rollback, or, if Nginx still "
        "serves release 2 and it is to stay, name it (ansible-playbook smallfleet.bluegreen.finish -e "
        "bluegreen_release=2)."
    )
    with pytest.raises(Fenced, match="name it"):
        finish(stuck, {**NAMED, "release": "3"})
    assert stuck.calls == []


def test_a_run_that_asked_before_it_failed_turns_nothing_round(stuck):
    with pytest.raises(Fenced, match="is being undone|was taken over in the meantime"):
        finish(stuck, {"deployment_id": "dep-1", "epoch": 1, "release": "2", "owner": ""})
    assert stuck.calls == []


def test_check_mode_changes_nothing(stuck):
    before = stuck.store.load().data
    assert finish(stuck, check_mode=True)["changed"] is True
    assert stuck.calls == [] and stuck.store.load().data == before


def test_what_nginx_has_left_already_is_not_kept(stuck):
    stuck.served, stuck.unhealthy = "blue", set()
    with pytest.raises(BluegreenError) as refusal:
        finish(stuck)
    assert refusal.value.message == (
        "Release 2 of app shop is being rolled back and cannot be kept, because Nginx serves blue already, which is "
        "healthy. Nothing was changed. Complete the rollback with ansible-playbook smallfleet.bluegreen.rollback."
    )
    assert stuck.effects() == ["wait for blue"]


@pytest.mark.parametrize("served", ["", "blue"])
def test_visitors_of_a_color_that_fell_ill_are_led_to_the_new_one(stuck, served):
    stuck.served = served
    assert finish(stuck)["result"] == "committed"
    effects = stuck.effects()
    assert effects.index("switch to green") < effects.index("stop blue-worker") and stuck.served == "green"


def test_an_nginx_that_cannot_be_led_there_moves_nothing(stuck, monkeypatch):
    stuck.served = ""
    record(monkeypatch, [], nginx_switch, "switch", does=BluegreenError("nginx -t says: no."))
    with pytest.raises(BluegreenError) as refusal:
        finish(stuck)
    assert refusal.value.message == (
        "Release 2 of app shop could not be kept: nginx -t says: no. No task was moved. Repair Nginx first; then "
        f"{WAYS}."
    )
    assert stuck.states()["blue-worker"] == "running"


def test_a_color_that_is_not_healthy_is_not_kept(stuck):
    stuck.unhealthy = {"blue", "green"}
    with pytest.raises(BluegreenError) as refusal:
        finish(stuck)
    assert refusal.value.message == (
        "Release 2 of app shop cannot be kept, because green is not healthy. No task was moved. Make one of the two "
        f"colors healthy (ansible-playbook smallfleet.bluegreen.status shows both); then {WAYS}."
    )
    assert stuck.effects() == ["wait for green"]


def test_workers_that_do_not_come_up_leave_all_as_it_was(stuck, monkeypatch):
    restart = workers_start.restart_workers

    def fail(host, journal, containers, *args, **kwargs):
        if any("green" in each.id for each in containers):
            raise BluegreenError("Container shop-green-worker-1 exited.")
        return restart(host, journal, containers, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(workers_start, "restart_workers", fail)
        with pytest.raises(BluegreenError) as failure:
            finish(stuck)
    assert failure.value.message == (
        "Release 2 of app shop could not be kept: Container shop-green-worker-1 exited. The old workers run again. "
        f"Fix the cause named first; then {WAYS}."
    )
    assert stuck.states()["blue-worker"] == "running" and stuck.brokers["blue"].tasks == {"celery": 3}
    journal = stuck.store.load()
    assert (journal["rolling_back"], journal["result"]) == (True, "failed")
    assert finish(stuck)["result"] == "committed"


@pytest.mark.parametrize("then", ["finish", "guard", "rollback"])
def test_whatever_ends_it_in_the_middle_can_be_taken_up(stuck, monkeypatch, then):
    """Killed before the new color is whole, it is a way back that the others take up."""

    class Killed(BaseException):
        pass

    save = stuck.store.save
    saves_left = {"n": 10**6}

    def counted(data):
        save(data)
        saves_left["n"] -= 1
        if not saves_left["n"]:
            raise Killed()

    monkeypatch.setattr(stuck.store, "save", counted)
    saves_left["n"] = {"finish": 2, "guard": 2, "rollback": 1}[then]
    with pytest.raises(Killed):
        finish(stuck)
    saves_left["n"] = 10**6
    journal = stuck.store.load()
    assert journal["rolling_back"] is True and journal["step"] in STEPS
    if then == "finish":
        assert finish(stuck)["result"] == "committed"
        return
    stuck.unhealthy = set()
    params = {} if then == "rollback" else {"prefer": "", "guard": True}
    assert undo(stuck, **params)["result"] == "rolled_back"
    assert stuck.brokers["blue"].tasks == {"celery": 3} and stuck.states()["blue-worker"] == "running"


def test_killed_at_every_save_it_ends_whole(stuck, monkeypatch):
    class Killed(BaseException):
        pass

    save = stuck.store.save

    def some_saves(data):
        save(data)
        left[0] -= 1
        if left[0] <= 0:
            raise Killed()

    # Each try gets one save further than the one before.
    for number in range(1, 40):
        left = [number]
        with monkeypatch.context() as patch:
            patch.setattr(stuck.store, "save", some_saves)
            try:
                assert finish(stuck)["result"] == "committed"
                break
            except Killed:
                journal = stuck.store.load()
                assert journal is not None
    assert stuck.store.load() is None
    assert stuck.brokers["green"].tasks == {"celery": 3} and stuck.served == "green"
    assert set(stuck.states().values()) == {"running"}


def test_one_that_lost_its_owner_before_its_workers_started_can_be_kept(monkeypatch, tmp_path):
    """The old color is ill, so nobody goes back, and nobody goes on: a human does."""
    scene = Scene(monkeypatch, tmp_path)
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", worker="created", beat="created")
    scene.unhealthy = {"blue"}
    scene.deployment("handover", done=False)
    scene.host.clock.now += 1000
    with pytest.raises(BluegreenError, match="finish -e bluegreen_release=2"):
        recovery.recover(scene.host, scene.store, UNDO._replace(prefer="", guard=True), check_mode=False)
    journal = scene.store.load()
    assert (journal["rolling_back"], journal["result"]) == (False, "failed")
    with pytest.raises(
        Fenced, match="or keep release 2, which Nginx may still serve, with .*finish -e bluegreen_release=2"
    ):
        require_none_open(scene.store, journal)
    assert finish(scene)["result"] == "committed"
    assert scene.states()["green-worker"] == "running"


def test_in_a_shared_broker_what_the_new_workers_know_is_sorted(stuck, monkeypatch):
    sorted_to = []
    record(monkeypatch, [], unknown_tasks, "park_unknown", does=lambda given: sorted_to.append(given["to_candidate"]))
    journal = stuck.store.load()
    journal.data["settings"]["broker"].update(mode="shared", service="redis")
    journal.save()
    finish(stuck)
    assert sorted_to == [True]


def test_where_two_webs_do_not_fit_the_old_one_stops_first(stuck):
    stuck.store.load().note(old_web="stopped")
    finish(stuck)
    effects = stuck.effects()
    assert effects.index("stop blue-web") < effects.index("start green-worker")


def test_a_first_deployment_that_could_not_be_undone_is_kept(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.color("green", worker="exited", beat="exited")
    scene.deployment("settle", rolling_back=True, **{"from": "", "release_from": ""})
    assert finish(scene)["result"] == "committed"
    assert scene.states()["green-worker"] == "running"


# Both are ill, and a human takes one as it is


def test_where_both_are_ill_the_named_release_is_taken_as_it_is(stuck):
    stuck.unhealthy = {"blue", "green"}
    with pytest.raises(
        BluegreenError,
        match="if both are unhealthy, .*rollback -e bluegreen_release=1 makes release 1 live even though it is not",
    ):
        undo(stuck)
    result = undo(stuck, release="1")
    assert result["result"] == "rolled_back" and stuck.served == "blue"
    assert "blue is not healthy, and neither is green: blue is not healthy." in stuck.host.warnings


def test_workers_that_fail_too_leave_it_to_the_named_release(stuck, monkeypatch):
    stuck.unhealthy = {"blue", "green"}
    stuck.store.load().note(result="")

    def fail(*args, **kwargs):
        raise BluegreenError("Container shop-blue-worker-1 does not start.")

    with monkeypatch.context() as patch:
        patch.setattr(workers_start, "restart_workers", fail)
        with pytest.raises(BluegreenError):
            undo(stuck)
        assert undo(stuck, release="1")["result"] == "rolled_back"
    assert stuck.store.load() is None


def test_nobody_is_led_from_a_healthy_color_to_one_that_is_ill(stuck):
    with pytest.raises(BluegreenError, match="blue is not healthy"):
        undo(stuck, release="1")
    assert stuck.served == "green"


@pytest.mark.parametrize("named, warned", [("0.9", True), ("1", False), ("2", False), ("", False)])
def test_what_is_open_is_undone_whatever_release_is_named(stuck, named, warned):
    """It may stand in the inventory."""
    stuck.unhealthy = set()
    assert undo(stuck, release=named)["result"] == "rolled_back"
    sentence = (
        "bluegreen_release is '0.9', but the open deployment is of release 2: release 2 is rolled back, and release "
        "1 is live again."
    )
    assert (sentence in stuck.host.warnings) is warned


def test_what_cannot_be_had_any_more_is_given_up_by_name(stuck, monkeypatch):
    stuck.unhealthy = set()

    def fail(*args, **kwargs):
        raise BluegreenError("Container shop-blue-worker-1 does not start.")

    monkeypatch.setattr(workers_start, "restart_workers", fail)
    stuck.store.load().note(result="")
    with pytest.raises(BluegreenError, match="Or run .*rollback -e bluegreen_release=1, which makes release 1 live"):
        # Named by the inventory, say: that is no decision before anybody was told.
        undo(stuck, release="1")
    assert stuck.store.load()["result"] == "failed"
    assert undo(stuck, release="1")["result"] == "rolled_back"
    assert any("not all of blue runs" in sentence for sentence in stuck.host.warnings)


def test_a_switch_that_nginx_refuses_is_turned_round_too(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("awaiting_approval")
    with monkeypatch.context() as patch:
        record(patch, [], nginx_switch, "switch", does=BluegreenError("nginx -t says: no."))
        with pytest.raises(BluegreenError, match="could not be rolled back"):
            undo(scene)
    assert finish(scene)["result"] == "committed"
