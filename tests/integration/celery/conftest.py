# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of the demo's image, made as Compose makes them, on a real engine."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

import pytest
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._containers import (
    PROJECT_LABEL,
    SERVICE_LABEL,
    look,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Host

HERE = Path(__file__).parent
IMAGE = "bluegreen-demo:1"


def pytest_collection_modifyitems(items):
    try:
        reason = "" if Host().engine.image(IMAGE) else f"there is no image {IMAGE} (lab/setup app)"
    except EngineError as error:
        reason = error.message
    for item in items if reason else ():
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.skip(reason=reason))


class Project:
    """A Compose project with a name of its own, in the default network; all of it is gone with the test."""

    def __init__(self, host):
        self.host = host
        self.engine = host.engine
        self.name = f"bluegreen-test-{uuid.uuid4().hex[:8]}"
        self._made = []

    def create(self, service, command, env=(), files=(), **host_config):
        """A container that was never started.

        :param files: names and texts of modules that stand beside the app's.
        """
        body = {
            "Image": IMAGE,
            "Entrypoint": command,
            "Env": list(env),
            "Labels": {PROJECT_LABEL: self.name, SERVICE_LABEL: service},
            "HostConfig": host_config,
        }
        query = {"name": f"{self.name}-{service}-{len(self._made)}"}
        created = json.loads(self.engine.request("POST", "/containers/create", query, body=body))["Id"]
        self._made.append(created)
        return look(self.engine, created)

    def start(self, *args, **kwargs):
        container = self.create(*args, **kwargs)
        self.engine.start(container.id)
        return look(self.engine, container.id)

    def others(self):
        """Names of containers that nobody but the code under test can have made."""
        return [each["Names"] for each in self.engine.containers() if f"/{self.name}-task-names" in each["Names"]]

    def close(self):
        for container in self._made:
            self.engine.remove_by_force(container)


@pytest.fixture
def project():
    made = Project(Host())
    yield made
    made.close()


def wait_for(condition, seconds=20):
    for _attempt in range(int(seconds * 20)):
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to that")
