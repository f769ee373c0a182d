# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import old_web, settle
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.color import colors_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import NullJournal
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene


@pytest.fixture
def scene(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    return scene


@pytest.mark.parametrize(
    "facts, stopped",
    [
        ({"old_web": "stopped"}, True),
        ({"old_web": "running"}, False),
        ({"old_web": None}, False),
        # Not decided yet.
        ({}, False),
        # A first deployment has none.
        ({"old_web": "stopped", "from": ""}, False),
    ],
)
def test_whether_it_does_not_run(scene, facts, stopped):
    assert old_web.is_stopped(scene.deployment("handover", **facts)) is stopped


def test_by_itself_a_module_knows_of_none():
    assert old_web.is_stopped(NullJournal()) is False


def stop(scene, journal):
    settings, old, candidate = colors_of(scene.host, scene.store, journal)
    return old_web.stop(scene.host, journal, old)


def test_it_stops_after_the_drain_and_does_not_come_back_at_a_boot(scene):
    journal = scene.deployment("handover", done=False, old_web="stopped")
    assert stop(scene, journal) == []
    assert scene.calls == ["drain", ("policy no", "blue-web"), ("stop", "blue-web")]
    assert scene.store.load()["policies"]["blue-web"]["Name"] == "unless-stopped"
    # The Redis stays: it may hold tasks.
    assert (scene.engine.state("blue-redis"), scene.engine.policy("blue-redis")) == ("running", "unless-stopped")


def test_what_holds_the_drain_is_cut_off_and_named(scene):
    scene.held_by = ["worker process 7 of Nginx serves a websocket"]
    journal = scene.deployment("handover", done=False, old_web="stopped")
    assert stop(scene, journal) == scene.held_by == scene.store.load()["held_by"]
    assert scene.host.warnings == [
        "The web of blue was stopped to make room for the new workers, although worker process 7 of Nginx serves a "
        "websocket."
    ]
    # Once it is stopped, nobody is waited for any more.
    del scene.calls[:]
    assert stop(scene, journal) == scene.held_by
    assert scene.calls == []


@pytest.mark.parametrize(
    "web", ["running", "exited"], ids=["an app without workers", "one whose web was stopped before"]
)
def test_settle_ends_with_the_old_web_stopped(scene, monkeypatch, web):
    monkeypatch.setattr(settle.guard_units, "watch_pending", lambda host, app: None)
    scene.engine.inspected["blue-web"]["State"]["Status"] = web
    journal = scene.deployment("start_workers", old_web="stopped")
    params = {
        "deployment_id": "dep-1",
        "epoch": journal["epoch"],
        "approval_follows": False,
        "approval_timeout": 0,
        "on_timeout": "keep",
    }
    settle.settle(scene.host, scene.store, params, check_mode=False)
    assert scene.engine.state("blue-web") == "exited"
    assert scene.effects().count("drain") == (web == "running")
    assert scene.store.load()["step"] == "awaiting_approval"
