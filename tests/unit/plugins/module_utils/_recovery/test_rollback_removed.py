# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback to containers that somebody removed meanwhile."""

from __future__ import annotations

import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._recovery.recovering import (
    LOOK,
    UNDO,
    of_blue,
    pruned,
    recover,
    written,
)


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
    assert scene.store.load()["rolling_back"] is True
