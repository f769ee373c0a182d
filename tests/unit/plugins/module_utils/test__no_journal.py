# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _guard_units, _no_journal, _recover, _settings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._color import Color
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import NO_RESTART, record

LOOK = {"deployment_id": "", "epoch": 0, "prefer": "", "reason": "recover.yml"}


@pytest.fixture
def scene(monkeypatch, tmp_path):
    """A deployment after the cutover, whose journal is then damaged."""
    made = Scene(monkeypatch, tmp_path)
    made.color("blue", worker="exited", beat="exited")
    made.color("green")
    journal = made.deployment("settle")
    made.settings = _settings.from_journal(journal.data)
    _no_journal.remember_settings(made.store, made.settings, Color(made.host, made.settings, "green").containers, {})
    for name in ("deployment.json", "deployment.json.previous"):
        with open(made.store.path(name), "w", encoding="utf-8") as damaged:
            damaged.write("{")
    for name in ("blue.env", "green.env", "broker.url"):
        with open(made.store.path(name), "w", encoding="utf-8") as secret:
            secret.write("SECRET='1'\n")
    record(monkeypatch, [], _guard_units, "disarm")
    return made


def recover(scene, check_mode=False):
    return _recover.recover(scene.host, scene.store, LOOK, check_mode)


def workers(scene):
    return {
        color: {scene.engine.state(f"{color}-{service}") for service in ("worker", "beat")} for color in ("blue", "green")
    }


@pytest.mark.parametrize("served, idle", [("blue", "green"), ("green", "blue")])
def test_only_the_workers_of_the_color_that_is_served_run(scene, served, idle):
    for color in ("blue", "green"):
        for service in ("worker", "beat"):
            scene.engine.inspected[f"{color}-{service}"]["State"]["Status"] = "running" if color == idle else "exited"
    scene.served = served
    result = recover(scene)
    assert workers(scene) == {served: {"running"}, idle: {"exited"}}
    assert (result["changed"], result["result"]) == (True, "failed")
    effects = scene.effects()
    assert effects.index(f"stop {idle}-worker") < effects.index(f"start {served}-worker")
    # No web and no broker stops, and nothing goes.
    assert not [each for each in effects if each.startswith(("remove", "switch", "move"))]
    for service in ("web", "redis"):
        assert {scene.engine.state(f"{color}-{service}") for color in ("blue", "green")} == {"running"}


def test_policies_come_back_by_service_and_weights_too(scene):
    worker = scene.engine.inspected["green-worker"]
    worker["HostConfig"].update(RestartPolicy=dict(NO_RESTART), CpuShares=2)
    recover(scene)
    assert scene.engine.policy("green-worker") == "unless-stopped"
    assert worker["HostConfig"]["CpuShares"] == 1024


def test_what_is_served_and_down_is_started(scene):
    scene.engine.inspected["green-web"]["State"]["Status"] = "exited"
    recover(scene)
    assert scene.engine.state("green-web") == "running"


def test_the_journal_is_kept_aside_and_the_secrets_are_not(scene):
    message = recover(scene)["message"]
    names = sorted(os.listdir(scene.store.folder))
    assert [name.partition(".corrupt-")[0] for name in names] == [
        "deployment.json",
        "deployment.json.previous",
        "history.jsonl",
        "lock",
        "settings.json",
    ]
    assert all(name in message for name in names[:2])
    assert scene.store.load() is None
    (entry,) = scene.store.history()
    assert (entry["id"][:8], entry["to"], entry["result"], entry["reason"]) == (
        "damaged-",
        "green",
        "failed",
        "the journal was damaged",
    )


def test_check_mode_changes_nothing(scene):
    before = sorted(os.listdir(scene.store.folder))
    assert recover(scene, check_mode=True)["message"] == (
        "The journal is damaged; green is live, and only its workers would run."
    )
    assert scene.effects() == [] and sorted(os.listdir(scene.store.folder)) == before


@pytest.mark.parametrize("check_mode", [False, True])
def test_without_a_proof_of_what_is_served_nothing_is_done(scene, check_mode):
    scene.served = None
    with pytest.raises(BluegreenError, match="Nginx is not proved to serve either color, so nothing was done: mend Nginx"):
        recover(scene, check_mode)
    assert scene.effects() == [] and os.path.exists(scene.store.path("deployment.json"))


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"settings": {}, "policies": {}, "stop_timeout": null}'])
def test_without_settings_nobody_knows_what_the_app_is_made_of(scene, content):
    os.unlink(scene.store.path("settings.json"))
    if content is not None:
        with open(scene.store.path("settings.json"), "w", encoding="utf-8") as damaged:
            damaged.write(content)
    with pytest.raises(BluegreenError, match=r"settings\.json does not tell what the app is made of: look at both colors"):
        recover(scene)
    assert scene.effects() == []


def test_no_secret_is_remembered(scene):
    settings = scene.settings._replace(broker={**scene.settings.broker, "url": "redis://:hunter2@redis/0"})
    _no_journal.remember_settings(scene.store, settings, [], {"stop_timeout": 7})
    with open(scene.store.path("settings.json"), encoding="utf-8") as source:
        text = source.read()
    assert "hunter2" not in text and '"stop_timeout": 7' in text
