# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host before a deployment, blue being live; tests of later steps have a scene of their own."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker import containers as docker_containers
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot import (
    file as snapshot_file,
    restore as snapshot_restore,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import (
    ALWAYS,
    NO_RESTART,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.opening import (
    SERVICES,
    Scene,
)


@pytest.fixture
def plugin(monkeypatch, tmp_path):
    """The file of Compose, where it is certain which one docker takes."""
    path = tmp_path / "docker/cli-plugins/docker-compose"
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    return path


@pytest.fixture
def scene(monkeypatch, tmp_path):
    made = Scene(monkeypatch, tmp_path)
    made.live()
    return made


@pytest.fixture
def kept(scene):
    for service in SERVICES:
        scene.engine.add(service, color="green", status="exited")
        scene.engine.inspected[f"green-{service}"]["HostConfig"]["RestartPolicy"] = dict(NO_RESTART)
    scene.of_release("2")
    scene.policies = {f"green-{service}": dict(ALWAYS) for service in SERVICES}
    scene.store.create()
    containers = docker_containers.of_project(scene.engine, "shop-green")
    snapshot_restore.remember(scene.host, scene.store, "green", "1", containers, lambda container: dict(ALWAYS))
    snapshot_file.keep(scene.store, "green", ["worker"])
    return scene
