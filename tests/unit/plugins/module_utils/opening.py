# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host before a deployment, for tests of the checks and of opening it."""

from __future__ import annotations

import json
import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import connection as broker_connection
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import (
    program as compose_program,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import (
    adoption_routes,
    health_preflight,
    open as deployment_open,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._http import Answer
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install import guard_units, program as host_program
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux import memory as host_memory, sockets
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import preflight as nginx_preflight
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources import disk as host_disk
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.deployment_states import recover_abandoned
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import HEALTH, facts
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import (
    LISTS,
    FakeHost,
)

PORTS = {"blue": 18001, "green": 18002}
SERVICES = ("redis", "web", "worker", "beat")
MIB = 1024 * 1024
# The tests' host has no systemd that could be told.
ARM = guard_units.arm
# These ask the Nginx that runs.
REAL = {"of_seen": adoption_routes.of_seen, "preflight": nginx_preflight.preflight}


class Scene:
    """A host with a sound Compose file, on which blue is live with release 1.

    :ivar params: parameters of bg_deployment, ready to be changed.
    :ivar rendered: for each color, what Compose renders.
    :ivar seen_env: for each project, the text of the color's env file as Compose found it.
    """

    def __init__(self, monkeypatch, folder):
        self.folder = folder
        self.host = FakeHost()
        self.engine = self.host.engine
        self.store = Store("shop", self.host, root=str(folder / "lib"), run_root=str(folder / "run"))
        self.src = folder / "src"
        self.src.mkdir()
        (self.src / "compose.yml").write_text("services: {}\n")
        self.file = folder / "bluegreen-shop.conf"
        self.point_to(18001)
        self.params = {
            "app": "shop",
            "deployment_id": "dep-1",
            "owner": "ada@laptop",
            "prefer": "",
            "release": "2",
            "colors": {},
            "services": {},
            "nginx": {"file": str(self.file)},
            "broker": {},
            "project_src": str(self.src),
            "files": [],
            "profiles": [],
            "color_volumes": [],
            "pull": "missing",
            "health": dict(HEALTH),
            "workers": {"stop_timeout": None, "on_timeout": "fail", "strategy": "stop"},
            "old_web": "auto",
            "unknown_tasks": "hold",
            "keep_keys": ["session:*"],
            "drain_timeout": 30.0,
            "revert_after": 900,
            "watch": True,
            "approval_timeout": 3600,
            "on_timeout": "keep",
            "old_color": "removed",
            "remove_volumes": False,
            "keep_images": 3,
        }
        self.rendered = {color: self._rendering(color) for color in PORTS}
        self.hashes = {service: f"hash-{service}" for service in SERVICES}
        self.seen_env = {}
        self.listeners = {}
        self.nginx_says = []
        self.ways = adoption_routes.NONE
        self.memory, self.disk = 500 * MIB, {}
        self.redis = None
        self.answer = Answer(200, "", 0.1)
        for service in SERVICES:
            self.engine.images[f"registry/{service}:1"] = {"Id": f"sha256:{service}-1", "Size": 100 * MIB}
        self._replace_the_edges(monkeypatch)

    @staticmethod
    def _rendering(color):
        services = {service: {"image": f"registry/{service}:1", "restart": "unless-stopped"} for service in SERVICES}
        services["web"]["ports"] = [{"target": 8000, "published": str(PORTS[color]), "host_ip": "127.0.0.1"}]
        return {"name": f"shop-{color}", "services": services}

    def _preflight(self, host, nginx, published, seen, switches):
        self.published, self.switches = published, switches
        return self.nginx_says

    def _replace_the_edges(self, monkeypatch):
        self.host.programs = {
            "compose version": Completed(0, "2.30.1\n", ""),
            "config --format": self._render,
            "--hash": lambda argv: Completed(0, "".join(f"{s} {h}\n" for s, h in self.hashes.items()), ""),
        }
        monkeypatch.setenv("DOCKER_CONFIG", str(self.folder / "docker"))
        monkeypatch.setattr(compose_program, "FOLDERS", ())
        monkeypatch.setattr(broker_connection, "connect", lambda host, containers, settings, workers=None: self.redis)
        monkeypatch.setattr(adoption_routes, "of_seen", lambda seen: self.ways)
        monkeypatch.setattr(nginx_preflight, "preflight", self._preflight)
        monkeypatch.setattr(health_preflight._http, "ask", lambda *about: self.answer)
        monkeypatch.setattr(guard_units, "has_systemd", lambda: True)
        monkeypatch.setattr(host_program, "install", lambda host, store, nginx_file: True)
        monkeypatch.setattr(guard_units, "arm", lambda host, app, revert_after: True)
        monkeypatch.setattr(guard_units, "disarm", lambda host, app: None)
        monkeypatch.setattr(host_memory, "available_memory", lambda: self.memory)
        monkeypatch.setattr(host_disk, "free_disk", lambda path: self.disk.get(path, 10_000 * MIB))
        monkeypatch.setattr(
            sockets,
            "connections",
            lambda pid, ports=(): [
                sockets.Connection(("127.0.0.1", port), ("0.0.0.0", 0), sockets.LISTENING, inode)
                for port, inode in self.listeners.items()
            ],
        )
        monkeypatch.setattr(sockets, "holder_of", lambda inode: f"python3 (process {inode})" if inode else None)

    def _render(self, argv):
        project = argv[argv.index("--project-name") + 1]
        with open(argv[len(argv) - argv[::-1].index("--env-file")], encoding="utf-8") as source:
            self.seen_env[project] = source.read()
        return Completed(0, json.dumps(self.rendered[project.rpartition("-")[2]]), "")

    def add_init(self, service):
        """An init service of the Compose file, of which there is no container."""
        self.engine.images[f"registry/{service}:1"] = {"Id": f"sha256:{service}-1", "Size": 1}
        for rendered in self.rendered.values():
            rendered["services"][service] = {"image": f"registry/{service}:1"}
        self.hashes[service] = f"hash-{service}"

    def environment(self, service, **values):
        for rendered in self.rendered.values():
            rendered["services"][service]["environment"] = values

    def point_to(self, port, words="", header=""):
        self.file.write_text(f"{header}upstream shop {{ server 127.0.0.1:{port}{words}; }}\n")

    def live(self, color="blue", **statuses):
        for service in SERVICES:
            published = PORTS[color] if service == "web" else 0
            self.engine.add(service, color=color, status=statuses.get(service, "running"), published=published)

    def of_release(self, release):
        self.point_to(18001, header=f"# Written by smallfleet.bluegreen for release {release} (deployment dep-0).\n")

    def open(self, check_mode=False, **params):
        params = {**self.params, **params}
        params["services"] = {**LISTS, **params["services"]}
        return deployment_open.open_deployment(self.host, self.store, params, check_mode, recover_abandoned)

    def by_hand(self, project="shop", port=8000, folder=""):
        """Start the app as its owner does, with docker compose up."""
        for service in SERVICES:
            container = self.engine.add(service, color=project, published=port if service == "web" else 0)
            self.engine.inspected[container]["Name"] = f"/{project}-{service}-1"
            self.engine.inspected[container]["Config"]["Labels"].update(
                {
                    "com.docker.compose.project": project,
                    "com.docker.compose.project.working_dir": folder or str(self.src),
                }
            )

    def passes_to(self, port):
        """Nginx passes to a port by a server block of the user's own."""
        site = f"server {{ location / {{ proxy_set_header Host $host;\nproxy_pass http://127.0.0.1:{port}; }} }}"
        self.ways = adoption_routes.of_files(
            {"/etc/nginx/nginx.conf": "http { include site.conf; }", "/etc/nginx/site.conf": site}
        )

    def refusal(self, error=BluegreenError, **params):
        with pytest.raises(error) as refusal:
            self.open(**params)
        assert self.untouched()
        return refusal.value.message

    def untouched(self):
        return self.host.calls == [] and self.host.commands == [] and not os.path.exists(self.store.folder)


ROLLBACK, FINISH, STATUS = (
    f"ansible-playbook smallfleet.bluegreen.{name}" for name in ("rollback", "finish", "status")
)


def pending(scene, release="2", **facts_of_it):
    """The release is live as green and awaits approval, since a while; blue is still there."""
    scene.live("green")
    for worker in ("blue-worker", "blue-beat"):
        scene.engine.inspected[worker]["State"]["Status"] = "exited"
    scene.point_to(18002)
    scene.file.write_text(
        f"# Written by smallfleet.bluegreen for release {release} (deployment dep-0).\n{scene.file.read_text()}"
    )
    return earlier(scene, "awaiting_approval", release=release, **facts_of_it)


def earlier(scene, step, done=True, later=1000, release="1", **noted):
    """A deployment of somebody else's, from blue to green, whose controller died a while ago."""
    scene.store.create()
    given = facts(release=release)
    given["settings"]["nginx"]["file"] = str(scene.file)
    journal = create_journal(scene.store, "dep-0", "eve@desk", given)
    journal.begin(Step(step))
    if done:
        journal.done(Step(step))
    if noted:
        journal.note(**noted)
    scene.host.clock.now += later
    return journal
