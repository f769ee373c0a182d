# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of the demo's image, made as Compose makes them, on a real engine."""

from __future__ import annotations

import json
import time
import uuid

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import (
    PROJECT_LABEL,
    SERVICE_LABEL,
    inspect_container,
)

IMAGE = "bluegreen-demo:1"


class Project:
    """A Compose project with a name of its own, in the default network; all of it is gone with the test."""

    def __init__(self, host):
        self.host = host
        self.engine = host.engine
        self.name = f"bluegreen-test-{uuid.uuid4().hex[:8]}"
        self._made = []

    def create(self, service, command, env=(), image=IMAGE, **host_config):
        """A container that was never started."""
        body = {
            "Image": image,
            "Entrypoint": command,
            "Env": list(env),
            "Labels": {PROJECT_LABEL: self.name, SERVICE_LABEL: service},
            "HostConfig": host_config,
        }
        query = {"name": f"{self.name}-{service}-{len(self._made)}"}
        created = json.loads(self.engine.request("POST", "/containers/create", query, body=body))["Id"]
        self._made.append(created)
        return inspect_container(self.engine, created)

    def start(self, *args, **kwargs):
        container = self.create(*args, **kwargs)
        self.engine.start(container.id)
        return inspect_container(self.engine, container.id)

    def others(self):
        """Names of containers that nobody but the code under test can have made."""
        return [each["Names"] for each in self.engine.containers() if f"/{self.name}-task-names" in each["Names"]]

    def close(self):
        for container in self._made:
            self.engine.remove_by_force(container)


def wait_for(condition, seconds=20):
    for _attempt in range(int(seconds * 20)):
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to that")
