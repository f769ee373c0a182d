# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Celery in services where the lists do not expect it."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._process import Process
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot import (
    file as snapshot_file,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import (
    container_roles,
    finish_container,
    unlisted,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.opening import (
    Scene,
)


def runs(scene, monkeypatch, service, *commands, color="blue"):
    """What runs in a container, process 1 first; the others are its children."""
    state = scene.engine.inspect(f"{color}-{service}")["State"]
    state["Pid"] = pid = 100 + len(getattr(scene, "trees", {})) * 10
    scene.trees = {
        **getattr(scene, "trees", {}),
        pid: [
            Process(pid + number, pid if number else 1, command.split()[0], command.split())
            for number, command in enumerate(commands)
        ],
    }
    for module in (unlisted, container_roles):
        monkeypatch.setattr(module, "processes_of", lambda pid: scene.trees.get(pid, []))


def test_a_worker_service_that_the_release_renames_goes_with_the_old_workers(scene, monkeypatch):
    scene.engine.add("celery", Path="/start", Args=[])
    runs(scene, monkeypatch, "celery", "sh /start", "celery -A shop worker")
    scene.engine.add("flower", Path="celery", Args=["flower"])
    runs(scene, monkeypatch, "flower", "celery -A shop flower")
    plan = scene.open(check_mode=True)
    assert plan["worker_services"] == {"old": ["worker", "beat", "celery"], "new": ["worker", "beat"]}
    assert (
        "celery of the live color blue runs Celery, but no list of services names this service. It is stopped with "
        "the old workers, started again by a rollback, and removed with the old color. If the new release has a "
        "service of this name too, add this name to bluegreen_worker_services."
    ) in scene.host.warnings
    scene.open()
    assert scene.store.load()["old_workers"] == ["celery"]


def test_a_release_without_workers_is_refused_while_the_live_color_has_some(scene, monkeypatch):
    runs(scene, monkeypatch, "worker", "celery -A shop worker")
    for rendered in scene.rendered.values():
        del rendered["services"]["worker"], rendered["services"]["beat"]
    sentence = scene.refusal(services={"workers": []})
    assert "The release has no worker services, but worker of the live color blue runs Celery" in sentence


def test_a_web_that_runs_celery_too_is_refused(scene, monkeypatch):
    runs(scene, monkeypatch, "web", "gunicorn shop", "celery -A shop worker", "celery -A shop beat")
    sentence = scene.refusal()
    assert sentence.startswith(
        "Container shop-blue-web-1 (service web, bluegreen_web_services) runs a Celery worker and a Celery beat beside "
        "the web"
    )
    assert "give Celery a service of its own in the Compose file" in sentence
    # A new Compose file alone changes nothing in what runs.
    assert "Then start the live color again with this change (docker compose -p shop-blue up -d; if" in sentence


@pytest.mark.parametrize(
    "script, refused",
    [
        ("celery -A shop worker & exec gunicorn shop", True),
        ("cd /app && gunicorn shop.wsgi --workers 4 --bind 0.0.0.0:8000", False),
        ("/wait-for-it.sh db:5432 -- gunicorn --config=/app/gunicorn_workers.py shop", False),
    ],
)
def test_a_web_whose_command_starts_celery_is_refused(monkeypatch, tmp_path, script, refused):
    scene = Scene(monkeypatch, tmp_path)
    scene.point_to(18001, " down")
    for rendered in scene.rendered.values():
        rendered["services"]["web"]["command"] = ["sh", "-c", script]
    if refused:
        assert "Service web (bluegreen_web_services) starts a Celery worker beside the web" in scene.refusal()
    else:
        assert scene.open(check_mode=True)["changed"]


def test_the_kept_color_starts_the_workers_that_it_had(kept, monkeypatch):
    snapshot_file.keep(kept.store, "green", ["celery"])
    runs(kept, monkeypatch, "worker", "celery -A shop worker")
    plan = kept.open(check_mode=True, prefer="rollback", release="")
    assert plan["worker_services"] == {"old": ["celery", "worker"], "new": ["celery"]}


@pytest.mark.parametrize(
    "role, names, of_kept",
    [
        ("init", ["migrate"], []),
        ("support", ["redis", "cache"], ["redis"]),
        ("web", ["web", "ws"], ["web"]),
        ("ignored", ["db"], ["db"]),
    ],
)
def test_a_service_that_only_the_newer_release_has_keeps_nobody_from_going_back(kept, role, names, of_kept):
    kept.open(prefer="rollback", release="", services={role: names})
    assert kept.store.load()["settings"]["services"][role] == of_kept


def test_a_kept_color_without_the_web_of_the_newer_release_is_refused(kept):
    with pytest.raises(BluegreenError) as refusal:
        kept.open(prefer="rollback", release="", services={"web": ["site"]})
    assert refusal.value.message == (
        "The kept color green has no container of web service site (bluegreen_web_services): name the web service of "
        "release 1 there, or deploy release 1 again."
    )
    assert kept.store.load() is None


@pytest.mark.parametrize("frozen, refused", [(True, False), (False, True)])
def test_a_worker_that_outlived_its_deployment_is_over_when_its_celery_is(scene, monkeypatch, frozen, refused):
    scene.engine.add("worker", color="green")
    scene.engine.inspect("green-worker")["State"]["Pid"] = 900
    shell = Process(900, 1, "sh", ["sh", "/start"], is_frozen=frozen)
    monkeypatch.setattr(finish_container, "processes_of", lambda pid: [shell] if pid == 900 else [])
    if refused:
        assert "Color green is idle, but worker of project shop-green runs: stop it first" in scene.refusal()
    else:
        assert scene.open(check_mode=True)["changed"]
