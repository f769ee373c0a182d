# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback of what lies in a color's Redis, and of the schedule of beat."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import kept_keys
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import unknown_tasks
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._recovery.recovering import (
    LOOK,
    UNDO,
    proved,
    recover,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import record

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
    scene.deployment(
        "cutover", done=bool(proved_to), keep_keys=["session:*"], cutover={**proved(scene), "proved": proved_to}
    )
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
    record(
        monkeypatch,
        scene.calls,
        unknown_tasks,
        "park_unknown",
        lambda given: f"sort, to_candidate={given['to_candidate']}",
    )
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
