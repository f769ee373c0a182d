# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker Compose itself in several versions (lab/setup compose), and projects that it creates on a real engine."""

from __future__ import annotations

import re
import subprocess
import uuid
from pathlib import Path

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import (
    cli as compose_cli,
    config_hash,
    outside as compose_outside,
    project,
    references as compose_references,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import fetch as deployment_fetch
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import PROJECT_LABEL, of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Host
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store

ROOT = Path(__file__).parents[3]
PROGRAMS = ROOT / ".cache" / "compose"
VERSIONS = re.search(r"for version in ([\d. ]+);", (ROOT / "lab/lib/compose.sh").read_text(encoding="utf-8"))[1].split()
IMAGE = "bluegreen-demo:1"


@pytest.fixture(scope="session", autouse=True)
def programs(lab_setup):
    lab_setup("app")
    lab_setup("compose", or_skip=True)


class Compose:
    """A project in a folder of its own, and a Compose that creates its containers. All of it is gone with the test."""

    def __init__(self, folder, version):
        self.version = tuple(map(int, version.split(".")))
        self.host = Host()
        self.store = Store("shop", self.host, root=str(folder / "lib"), run_root=str(folder / "run"))
        self.src = folder / "src"
        self.src.mkdir()
        self.env_file = folder / "green.env"
        self.variables({})
        self.name = f"bluegreen-test-{uuid.uuid4().hex[:8]}"

    def write(self, files):
        for name, text in files.items():
            (self.src / name).parent.mkdir(parents=True, exist_ok=True)
            (self.src / name).write_text(text.replace("IMAGE", IMAGE), encoding="utf-8")

    def variables(self, own):
        self.env_file.write_text(compose_cli.env_text({**own, "BG_RELEASE": "1", "BG_PORT": 18001}), encoding="utf-8")

    @property
    def project(self):
        files = compose_cli.env_files(str(self.src), str(self.env_file))
        return project.Project(self.name, str(self.src), ["compose.yml"], ["used"], files)

    def rendered(self):
        return compose_cli.render(self.host, self.project)

    def hashes(self, services):
        rendered = compose_outside.of_color(self.rendered(), services)
        return compose_cli.service_hashes(self.host, self.project, rendered, of_project(self.host.engine, self.name))

    def proved(self, services):
        """The services whose containers have the hash that the collection makes by itself."""
        containers = of_project(self.host.engine, self.name)
        rendered = compose_outside.of_color(self.rendered(), services)
        resolved = compose_references.resolve(rendered, containers)["services"]
        return {each.service for each in containers if config_hash.is_proved(resolved[each.service], each.config_hash)}

    def create(self, *services):
        """Create containers as the role does; start none. Without names, those of all services."""
        self.fetch(services or sorted(self.rendered()["services"]))
        return {each.service: each for each in of_project(self.host.engine, self.name)}

    def fetch(self, services, pull="missing", build="policy", caller=("", 0)):
        deployment_fetch.fetch(self.host, self.store, self.project, services, pull, build, caller)

    def close(self):
        engine = self.host.engine
        for container in of_project(engine, self.name):
            engine.remove_by_force(container.id)
        for kind in ("network", "volume"):
            found = subprocess.run(
                ["docker", kind, "ls", "-q", "--filter", f"label={PROJECT_LABEL}={self.name}"],
                stdout=subprocess.PIPE, text=True, check=True,
            ).stdout.split()
            if found:
                subprocess.run(["docker", kind, "rm", *found], stdout=subprocess.DEVNULL, check=True)


# What the oldest and the newest do alike, those between them rarely do otherwise.
PARAMS = [
    pytest.param(each, marks=() if each in (VERSIONS[0], VERSIONS[-1]) else pytest.mark.long) for each in VERSIONS
]


@pytest.fixture(params=PARAMS)
def compose(request, tmp_path, monkeypatch):
    plugins = tmp_path / "docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-compose").symlink_to(PROGRAMS / request.param / "docker-compose")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    made = Compose(tmp_path, request.param)
    yield made
    made.close()
