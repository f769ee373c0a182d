# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of earlier releases."""

from __future__ import annotations

import json

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import history_of
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.finishing import (
    both_colors,
    close,
)


@pytest.fixture
def scene(monkeypatch, tmp_path):
    return both_colors(monkeypatch, tmp_path)


def committed(scene, *releases):
    with open(scene.store.path("history.jsonl"), "w", encoding="utf-8") as history:
        for number, images in enumerate(releases):
            history.write(json.dumps({"id": f"old-{number}", "result": "committed", "images": images}) + "\n")


def image(scene, image_id, name, now=None):
    scene.engine.images[name] = {"Id": now or image_id, "Size": 1}
    return {image_id: name}


@pytest.mark.parametrize(
    "keep, gone", [(1, {"a:1", "a:2", "a:3"}), (2, {"a:1", "a:2"}), (3, {"a:1"}), (4, set()), (9, set())]
)
def test_the_images_of_the_last_releases_are_kept(scene, keep, gone):
    names = {"a:1", "a:2", "a:3"}
    committed(scene, *(image(scene, f"sha256:{name}", name) for name in sorted(names)))
    scene.deployment("awaiting_approval", keep_images=keep)
    close(scene)
    assert names - set(scene.engine.images) == gone


def test_a_release_that_was_live_again_and_again_counts_once(scene):
    first, second, third = (image(scene, f"sha256:{name}", name) for name in ("a:1", "a:2", "a:3"))
    committed(scene, first, second, third, second, third, {}, second, third)
    scene.deployment("awaiting_approval", keep_images=4)
    close(scene)
    assert {"a:1", "a:2", "a:3"} <= set(scene.engine.images)
    scene.deployment("awaiting_approval", keep_images=3)
    close(scene)
    assert {"a:1", "a:2", "a:3"} - set(scene.engine.images) == {"a:1"}


def test_a_release_that_was_rolled_back_is_none_of_them(scene):
    entries = [("committed", "a:1"), ("rolled_back", "b:1")]
    with open(scene.store.path("history.jsonl"), "w", encoding="utf-8") as history:
        for number, (result, name) in enumerate(entries):
            images = image(scene, f"sha256:{name}", name)
            history.write(json.dumps({"id": f"old-{number}", "result": result, "images": images}) + "\n")
    scene.deployment("awaiting_approval", keep_images=2)
    close(scene)
    assert {"a:1", "b:1"} <= set(scene.engine.images)


def test_an_image_that_the_new_release_runs_too_is_kept(scene):
    committed(scene, image(scene, "sha256:redis-1", "redis:7"))
    scene.deployment("awaiting_approval", keep_images=1)
    close(scene)
    assert "redis:7" in scene.engine.images


def test_a_name_that_means_another_image_by_now_is_left_alone(scene):
    committed(scene, image(scene, "sha256:old", "shop:latest", now="sha256:somebody-elses"))
    scene.deployment("awaiting_approval", keep_images=1)
    close(scene)
    assert "shop:latest" in scene.engine.images


def test_an_image_that_another_container_uses_stays(scene, monkeypatch):
    def refuse(reference):
        raise EngineError("image is being used", 409)

    monkeypatch.setattr(scene.engine, "remove_image", refuse)
    committed(scene, image(scene, "sha256:old", "shop:1"))
    scene.deployment("awaiting_approval", keep_images=1)
    assert close(scene)["result"] == "committed"


def test_images_that_went_long_ago_cost_no_question(scene, monkeypatch):
    asked = []
    for name in ("image", "image_ids"):
        ask = getattr(scene.engine, name)
        monkeypatch.setattr(
            scene.engine, name, lambda *given, ask=ask, name=name: (asked.append((name, *given)), ask(*given))[1]
        )
    releases = [{f"sha256:{number}-{each}": f"{each}:{number}" for each in "abc"} for number in range(300)]
    committed(scene, *releases, image(scene, "sha256:old", "shop:1"))
    scene.deployment("awaiting_approval", keep_images=1)
    close(scene)
    assert asked == [("image_ids",), ("image", "shop:1")]
    assert "shop:1" not in scene.engine.images


@pytest.mark.parametrize("question", ["image", "image_ids"])
def test_an_engine_that_does_not_show_its_images_keeps_no_deployment_open(scene, monkeypatch, question):
    def refuse(*given):
        raise EngineError("boom", 500)

    committed(scene, image(scene, "sha256:old", "shop:1"))
    monkeypatch.setattr(scene.engine, question, refuse)
    scene.deployment("awaiting_approval", keep_images=1)
    assert close(scene)["result"] == "committed"
    assert scene.host.warnings == [
        "Images of earlier releases stay, because the engine does not show them (boom): the next finish removes them."
    ]


def test_images_of_an_ignored_service_are_the_users_own(scene):
    scene.color("green")
    scene.engine.add("db", color="green")
    scene.deployment("awaiting_approval")
    close(scene)
    assert "registry/db:1" not in history_of(scene.store)[-1]["images"].values()
