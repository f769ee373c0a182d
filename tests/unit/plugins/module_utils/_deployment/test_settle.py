# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What settles after the cutover, before the approval."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import (
    approval,
    settle as deployment_settle,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.finishing import (
    both_colors,
    settle,
)


@pytest.fixture
def scene(monkeypatch, tmp_path):
    return both_colors(monkeypatch, tmp_path)


def test_after_the_drain_late_tasks_move_and_approval_is_pending(scene):
    scene.brokers["blue"].tasks = {"celery": 3}
    scene.deployment("start_workers")
    result = settle(scene)
    assert scene.effects() == ["drain", "move shop-blue/redis to shop-green/redis", "wait for green"]
    assert result["changed"] is True and result["figures"]["tasks_moved"] == 3
    assert result["message"].startswith("Release 2 of shop is live (green). It took ")
    assert "3 tasks moved" in result["message"]
    journal = scene.store.load()
    assert (journal["step"], journal["done"], journal["held_by"]) == ("awaiting_approval", True, [])


def test_a_drain_that_runs_out_of_time_is_no_failure(scene):
    scene.held_by = ["worker process 7 of Nginx serves a websocket"]
    scene.deployment("start_workers")
    settle(scene)
    assert scene.store.load()["held_by"] == scene.held_by
    assert scene.store.load()["step"] == "awaiting_approval"


def test_the_time_for_the_approval_begins_when_it_has_settled_and_anew_when_it_is_asked_for(scene):
    scene.deployment("start_workers", approval_timeout=600)
    scene.host.clock.now += 60
    settle(scene)
    assert approval.seconds_left(scene.store.load()) == 600
    scene.host.clock.now += 400
    assert settle(scene, approval_timeout=600)["changed"] is False
    assert approval.seconds_left(scene.store.load()) == 600


def test_whoever_asks_again_says_for_how_long(scene):
    scene.deployment("start_workers", approval_timeout=3, on_timeout="rollback")
    settle(scene)
    scene.host.clock.now += 4
    assert approval.is_over(scene.store.load())
    settle(scene, approval_timeout=60, on_timeout="keep")
    journal = scene.store.load()
    assert (approval.seconds_left(journal), journal["on_timeout"]) == (60, "keep")
    settle(scene, approval_timeout=0)
    scene.host.clock.now += 10**6
    assert approval.seconds_left(scene.store.load()) is None


def test_settling_twice_changes_nothing(scene):
    scene.deployment("start_workers")
    settle(scene)
    del scene.calls[:]
    assert settle(scene)["changed"] is False
    assert scene.calls == []


def test_what_fell_after_its_start_is_no_release_to_approve(scene):
    scene.engine.stop("green-beat")
    scene.deployment("start_workers")
    with pytest.raises(BluegreenError) as failure:
        settle(scene)
    assert failure.value.message.startswith("shop-green-beat-1 of the new color exited after the start")
    assert list(failure.value.details["logs"]) == ["shop-green-beat-1"]
    assert scene.store.load()["step"] == "settle" and not scene.store.load()["done"]


def test_a_color_that_fell_ill_after_the_cutover_is_no_release_to_approve(scene):
    scene.unhealthy = {"green"}
    scene.deployment("start_workers")
    with pytest.raises(BluegreenError, match="green is not healthy"):
        settle(scene)
    assert scene.store.load()["step"] == "settle" and not scene.store.load()["done"]


def test_settling_in_check_mode_changes_nothing(scene):
    assert settle(scene, check_mode=True)["changed"] is True
    assert scene.calls == [] and scene.store.load() is None


def test_without_a_broker_of_its_own_no_color_has_tasks_to_move(scene):
    journal = scene.deployment("start_workers")
    journal.note(settings={**journal["settings"], "broker": {"mode": "shared", "service": "redis", "url": ""}})
    settle(scene)
    assert scene.effects() == ["drain", "wait for green"]


def test_without_a_deployment_nothing_settles(scene):
    params = {"deployment_id": "", "epoch": 0, "approval_follows": False, "approval_timeout": 0, "on_timeout": "keep"}
    with pytest.raises(BluegreenError) as refusal:
        deployment_settle.settle(scene.host, scene.store, params, check_mode=False)
    assert refusal.value.message == "deployment_id is empty, but only an open deployment settles: give the id of one."
    assert scene.calls == []
