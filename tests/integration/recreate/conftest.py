# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real engine, with a color on it whose containers have all that a Compose file can give them."""

from __future__ import annotations

import ipaddress
import json
import random
import uuid

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _settings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.color import Color
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import PROJECT_LABEL
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Host
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import facts

IMAGE = "bluegreen-demo:1"


@pytest.fixture(scope="session", autouse=True)
def image(lab_setup):
    lab_setup("app")


class Shop:
    """A color of an app; everything carries its name, and is gone with the test."""

    def __init__(self, folder):
        self.name = f"bluegreen-test-{uuid.uuid4().hex[:8]}"
        self.host = Host()
        self.engine = self.host.engine
        self.store = Store("shop", self.host, root=str(folder / "lib"), run_root=str(folder / "run"))
        self.store.create()
        self.settings = _settings.settings_of(
            {
                "app": "shop",
                "colors": {"blue": {"project": self.name}},
                "services": {"web": ["web"], "support": [], "workers": ["worker", "beside"]},
                "broker": {},
                "health": None,
                "nginx": {},
            }
        )
        self._volumes, self._networks, self._images = set(), set(), set()

    def network(self, name, **body):
        self._networks.add(f"{self.name}_{name}")
        self.engine.create_network({"Name": f"{self.name}_{name}", "Labels": {PROJECT_LABEL: self.name}, **body})
        return f"{self.name}_{name}"

    def free_subnet(self):
        """A subnet that no network of this engine has: a run that was killed may have left its own behind."""
        taken = [
            ipaddress.ip_network(config["Subnet"])
            for network in json.loads(self.engine.request("GET", "/networks"))
            for config in network["IPAM"]["Config"] or ()
        ]
        subnets = list(ipaddress.ip_network("198.18.0.0/15").subnets(new_prefix=24))
        random.shuffle(subnets)
        return next(each for each in subnets if not any(map(each.overlaps, taken)))

    def volume(self, name):
        self._volumes.add(f"{self.name}_{name}")
        body = {"Name": f"{self.name}_{name}", "Labels": {PROJECT_LABEL: self.name}}
        self.engine.request("POST", "/volumes/create", body=body)
        return f"{self.name}_{name}"

    def create(self, service, body):
        labels = {
            PROJECT_LABEL: self.name,
            "com.docker.compose.service": service,
            "com.docker.compose.container-number": "1",
            "com.docker.compose.oneoff": "False",
            "com.docker.compose.config-hash": f"hash-of-{service}",
            "org.example.note": "kept",
        }
        container = self.engine.create(f"{self.name}-{service}-1", {"Image": IMAGE, "Labels": labels, **body})
        self._volumes |= {
            mount["Name"] for mount in self.engine.inspect(container)["Mounts"] if mount["Type"] == "volume"
        }
        return container

    def color(self):
        return Color(self.host, self.settings, "blue")

    def inspected(self):
        return {each.service: self.engine.inspect(each.id) for each in self.color().containers}

    def deployment(self):
        old = [{"id": each.id, "name": each.name, "service": each.service} for each in self.color().containers]
        given = facts(settings=self.settings.journaled(), old_containers=old)
        return create_journal(self.store, "dep-1", "ada@laptop", given)

    def stop(self, *services):
        for container in self.color().containers:
            if container.service in services:
                self.engine.stop(container.id, 1)

    def prune(self):
        """What ``docker system prune -f`` does, to what is this test's own: the machine may have others."""
        for container in self.color().containers:
            if not container.running:
                self.engine.remove(container.id, volumes=False)
        for network in self.engine.networks(f"{PROJECT_LABEL}={self.name}"):
            if not self.engine.network(network["Id"])["Containers"]:
                self.engine.remove_network(network["Id"])

    def close(self):
        for container in self.color().containers:
            self.engine.remove_by_force(container.id)
        for kind, names in (("networks", self._networks), ("volumes", self._volumes), ("images", self._images)):
            for name in names:
                try:
                    self.engine.request("DELETE", f"/{kind}/{name}")
                except EngineError as error:
                    if error.status != 404:
                        raise

    def commit(self, container):
        """An image of its own, made of a container."""
        query = {"container": container, "repo": self.name, "tag": "1"}
        self.engine.request("POST", "/commit", query, body={"Labels": {"of": container}})
        self._images.add(f"{self.name}:1")
        return f"{self.name}:1"

    def tag(self, image, tag):
        self.engine.request("POST", f"/images/{image}/tag", {"repo": self.name, "tag": tag})
        self._images.add(f"{self.name}:{tag}")

    def execute(self, service, *argv):
        (container,) = [each for each in self.color().containers if each.service == service]
        code, out, err = self.engine.execute(container.id, argv)
        return code, out.decode().strip() or err.decode().strip()


@pytest.fixture
def shop(tmp_path):
    made = Shop(tmp_path)
    yield made
    made.close()
