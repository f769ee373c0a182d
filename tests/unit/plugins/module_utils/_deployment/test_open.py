# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import errno
import json
import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _settings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import connection as broker_connection
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery.roles import Process
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import (
    config_hash,
    program as compose_program,
    renderings,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import (
    adoption_routes,
    finish as deployment_finish,
    open as deployment_open,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker import containers as docker_containers
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._health import gate as health_gate
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install import guard_units, program as host_program
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import settings_file
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.fencing import Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import Journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux import sockets
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import running as nginx_running, served_files
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import recover as recovery
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery.request import Request
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources import host as host_resources, memory_use
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot import (
    file as snapshot_file,
    restore as snapshot_restore,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.bg_deployment import recover_abandoned
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import (
    container_roles,
    finish_container,
    unlisted,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import facts
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import (
    ALWAYS,
    NO_RESTART,
    FakeHost,
)

PORTS = {"blue": 18001, "green": 18002}
SERVICES = ("redis", "web", "worker", "beat")
MIB = 1024 * 1024
# The tests' host has no systemd that could be told.
ARM = guard_units.arm
# These ask the Nginx that runs.
REAL = {"of_seen": adoption_routes.of_seen, "preflight": nginx_running.preflight}


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
            "health": {
                "path": "/health/",
                "host": "",
                "status": [200],
                "timeout": 2.0,
                "interval": 0.3,
                "successes": 2,
                "deadline": 60.0,
            },
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
        for service in SERVICES:
            self.engine.images[f"registry/{service}:1"] = {"Id": f"sha256:{service}-1", "Size": 100 * MIB}
        self._replace_the_edges(monkeypatch)

    @staticmethod
    def _rendering(color):
        services = {
            service: {"image": f"registry/{service}:1", "restart": "unless-stopped"} for service in SERVICES
        }
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
        monkeypatch.setattr(nginx_running, "preflight", self._preflight)
        monkeypatch.setattr(guard_units, "has_systemd", lambda: True)
        monkeypatch.setattr(host_program, "install", lambda host, store, nginx_file: True)
        monkeypatch.setattr(guard_units, "arm", lambda host, app, revert_after: True)
        monkeypatch.setattr(guard_units, "disarm", lambda host, app: None)
        monkeypatch.setattr(host_resources, "available_memory", lambda: self.memory)
        monkeypatch.setattr(host_resources, "free_disk", lambda path: self.disk.get(path, 10_000 * MIB))
        monkeypatch.setattr(
            sockets,
            "connections",
            lambda pid, ports=(): [
                sockets.Connection(("127.0.0.1", port), ("0.0.0.0", 0), sockets.LISTENING, inode)
                for port, inode in self.listeners.items()
            ],
        )
        monkeypatch.setattr(
            sockets, "holder_of", lambda inode: f"python3 (process {inode})" if inode else None
        )

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
        return deployment_open.open_deployment(self.host, self.store, {**self.params, **params}, check_mode, recover_abandoned)

    def by_hand(self, project="shop", port=8000, folder=""):
        """Start the app as its owner does, with docker compose up."""
        for service in SERVICES:
            container = self.engine.add(service, color=project, published=port if service == "web" else 0)
            self.engine.inspected[container]["Name"] = f"/{project}-{service}-1"
            self.engine.inspected[container]["Config"]["Labels"].update(
                {"com.docker.compose.project": project, "com.docker.compose.project.working_dir": folder or str(self.src)}
            )

    def passes_to(self, port):
        """Nginx passes to a port by a server block of the user's own."""
        site = f"server {{ location / {{ proxy_set_header Host $host;\nproxy_pass http://127.0.0.1:{port}; }} }}"
        self.ways = adoption_routes.of_files({"/etc/nginx/nginx.conf": "http { include site.conf; }", "/etc/nginx/site.conf": site})

    def refusal(self, error=BluegreenError, **params):
        with pytest.raises(error) as refusal:
            self.open(**params)
        assert self.untouched()
        return refusal.value.message

    def untouched(self):
        return self.host.calls == [] and self.host.commands == [] and not os.path.exists(self.store.folder)


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


# Which color is live


@pytest.mark.parametrize(
    "port, words, live, idle", [(18001, "", "blue", "green"), (18002, "", "green", "blue"), (18001, " down", "", "blue")]
)
def test_the_live_color_is_the_one_whose_port_nginx_has(monkeypatch, tmp_path, port, words, live, idle):
    scene = Scene(monkeypatch, tmp_path)
    if live:
        scene.live(live)
    scene.point_to(port, words)
    result = scene.open()
    assert (result["live"], result["idle"]) == (live, idle)


def test_without_the_file_no_color_is_live(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.file.unlink()
    result = scene.open()
    assert (result["live"], result["idle"], result["up_to_date"]) == ("", "blue", False)
    assert result["diff"]["before"] == ""


def test_a_file_that_points_to_neither_color_is_refused(scene):
    scene.point_to(8000)
    assert "sends requests to 127.0.0.1:8000, which is neither color" in scene.refusal()


def test_nginx_is_to_be_found_before_an_app_that_runs_by_hand_is_adopted(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)

    def refuse(seen):
        raise BluegreenError("No Nginx is there.")

    monkeypatch.setattr(adoption_routes, "of_seen", refuse)
    scene.point_to(18001, " down")
    scene.by_hand()
    assert scene.refusal() == "No Nginx is there."


def test_an_app_that_runs_by_hand_is_adopted_by_its_port(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    for service in SERVICES:
        labels = {"com.docker.compose.project": "blue-app", "com.docker.compose.service": service}
        container = scene.engine.add(service, published=18001 if service == "web" else 0)
        scene.engine.inspected[container]["Config"]["Labels"] = labels
    scene.rendered["green"]["name"] = "green-app"
    scene.rendered["app"] = scene.rendered["blue"]
    scene.host.programs["config --format"] = lambda argv: Completed(
        0, json.dumps(scene.rendered["blue" if "blue-app" in argv else "green"]), ""
    )
    colors = {"blue": {"project": "blue-app"}, "green": {"project": "green-app"}}
    assert scene.open(colors=colors)["live"] == "blue"
    assert [each["service"] for each in scene.store.load()["old_containers"]] == ["beat", "redis", "web", "worker"]


ADOPTED = {"blue": {"project": "shop", "port": 8000}, "green": {"project": "shop-green", "port": 8001}}


@pytest.mark.parametrize("file", ["none", "no live color"])
@pytest.mark.parametrize(
    "colors, folder",
    [
        # Nothing was said of it, its port alone, its project alone, and all of it while the file names no live color.
        ({}, ""),
        ({"blue": {"port": 8000}}, "/home/pi/shop"),
        ({"blue": {"project": "shop"}}, "/home/pi/shop"),
        (ADOPTED, ""),
    ],
)
def test_an_app_that_runs_and_is_served_is_adopted_and_never_stopped(monkeypatch, tmp_path, file, colors, folder):
    scene = Scene(monkeypatch, tmp_path)
    scene.by_hand(folder=folder)
    scene.passes_to(8000)
    scene.point_to(18001, " down", "# Written by smallfleet.bluegreen.\n")
    if file == "none":
        scene.file.unlink()
    # What Nginx itself has against it would lead visitors to an upstream without a server.
    scene.nginx_says = ["No server block uses the upstream shop: write proxy_pass http://shop; in the one of this app."]
    rendered = scene.rendered["blue"]
    scene.host.programs["config --format"] = lambda argv: Completed(
        0, json.dumps(scene.rendered["green"] if "shop-green" in argv else rendered), ""
    )
    for color, port in ((c, g["port"]) for c, g in colors.items() if "port" in g):
        scene.rendered[color]["services"]["web"]["ports"][0]["published"] = str(port)
    refusal = scene.refusal(colors=colors)
    assert "and Nginx sends requests to it (/etc/nginx/site.conf:2)" in refusal
    assert "leave it running, and adopt it as blue" in refusal and "stop" not in refusal
    assert f"it writes blue as the live color into {scene.file}, and does not reload Nginx" in refusal
    assert "proxy_pass http://shop;\nin place of proxy_pass http://127.0.0.1:8000;" in refusal
    assert ("bluegreen_projects: {blue: shop, green: shop-green}" in refusal) is ("project" not in colors.get("blue", {}))
    assert ("bluegreen_ports: {blue: 8000, green: 1" in refusal) is ("port" not in colors.get("blue", {}))


@pytest.mark.parametrize("listeners, warned", [({8000: 812}, True), ({}, False)])
def test_before_the_first_deployment_it_is_said_what_an_upstream_without_a_server_does(monkeypatch, tmp_path, listeners, warned):
    scene = Scene(monkeypatch, tmp_path)
    scene.point_to(18001, " down")
    scene.passes_to(8000)
    scene.listeners = listeners
    scene.nginx_says = ["No server block uses the upstream shop: write proxy_pass http://shop; in the one of this app."]
    scene.refusal()
    sentence = (
        "No color is live yet, so what passes to http://shop answers with 502 until the first deployment has switched Nginx: if "
        "this app is served by /etc/nginx/site.conf:2 (port 8000: python3 (process 812)) now, change that place only when its "
        "visitors can wait so long."
    )
    assert scene.host.warnings == [sentence] * warned


def test_what_runs_beside_the_two_colors_is_warned_of(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.point_to(18001, " down")
    scene.by_hand()
    assert scene.open()["changed"] is True
    assert [words for words in scene.host.warnings if "beside the two colors" in words] != []


def test_a_file_that_somebody_else_wrote_is_not_left_to_prepare(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.point_to(18001, " down")
    scene.by_hand()
    scene.passes_to(8000)
    assert f"Write into {scene.file}, which prepare.yml cannot do here" in scene.refusal()


def test_of_two_colors_that_run_the_one_that_nginx_serves_is_live(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.point_to(18001, " down", "# Written by smallfleet.bluegreen.\n")
    scene.live("blue")
    scene.live("green")
    scene.passes_to(18002)
    refusal = scene.refusal()
    assert "adopt it as green" in refusal and "upstream shop { server 127.0.0.1:18002; }" in refusal


def test_a_file_that_points_to_an_app_by_hand_is_told_its_names(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.point_to(8000)
    scene.by_hand(folder="/home/pi/shop")
    assert scene.refusal() == (
        f"{scene.file} sends requests to port 8000, which shop-web-1 of project shop publishes, and no color is both: leave it "
        "running, and make it blue, the live color. Write into the inventory:\n"
        "bluegreen_projects: {blue: shop, green: shop-green}\n"
        "bluegreen_ports: {blue: 8000, green: 18002}\n"
        "Then deploy again."
    )


def test_a_live_color_of_another_project_is_told_its_name(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.by_hand(port=18001)
    assert "make it blue, the live color. Write into the inventory:\nbluegreen_projects: {blue: shop, green: shop-green}\nThen" in (
        scene.refusal()
    )


@pytest.mark.parametrize("web", ["exited", "created"])
def test_a_live_color_that_does_not_run_is_refused(monkeypatch, tmp_path, web):
    scene = Scene(monkeypatch, tmp_path)
    scene.live(web=web)
    assert scene.refusal() == (
        "Nginx sends requests to blue (port 18001), but service web of project shop-blue does not run: start it, or, if "
        f"no color is to be live, remove {tmp_path / 'bluegreen-shop.conf'} and run prepare.yml."
    )


def test_a_live_color_under_another_name_is_told_the_name(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.engine.add("api", color="prod", app="store", published=18001)
    assert scene.refusal() == (
        "Nginx sends requests to blue (port 18001), which container store-prod-api-1 of project store-prod publishes, but "
        "bluegreen_projects.blue is 'shop-blue' and its web service 'web': name the project and the services that run."
    )


# The color that becomes live


def test_an_idle_color_that_runs_is_refused(scene):
    scene.live("green", web="exited", redis="running")
    assert scene.refusal() == (
        "Color green is idle, but beat, worker of project shop-green runs: stop it first (docker compose -p shop-green "
        "stop beat worker)."
    )


IGNORED = {"ignored": ["db", "adminer"]}


@pytest.mark.parametrize("running", [["db"], ["db", "adminer"]])
def test_an_ignored_service_of_the_idle_project_is_in_nobodys_way(scene, running):
    """Such as the database of an app that was adopted, which finish has left."""
    for service in running:
        scene.engine.add(service, color="green")
    for color in PORTS:
        scene.rendered[color]["services"].update(dict.fromkeys(IGNORED["ignored"], {"image": "postgres", "restart": "always"}))
    result = scene.open(services=IGNORED)
    assert result["changed"] is True
    assert not set(running) & set(result["fetch"]["services"])


@pytest.mark.parametrize(
    "service, services, sentence",
    [
        (
            "db",
            IGNORED,
            "bluegreen_ports.green is 18002, but container shop-green-db-1 (service db, bluegreen_ignored_services) holds "
            "that port: give it another port in the Compose file, or choose another one for the color.",
        ),
        (
            "toolbox",
            IGNORED,
            "Color green is idle, but toolbox of project shop-green runs: stop it first (docker compose -p shop-green stop "
            "toolbox).",
        ),
    ],
)
def test_what_stands_in_the_way_of_the_idle_color_is_refused(scene, service, services, sentence):
    scene.engine.add(service, color="green", published=18002 if service == "db" else 0)
    for color in PORTS:
        scene.rendered[color]["services"].update(dict.fromkeys(IGNORED["ignored"], {"image": "postgres", "restart": "always"}))
    assert scene.refusal(services=services) == sentence


@pytest.mark.parametrize("served", [True, False])
def test_an_idle_color_that_nginx_serves_past_the_file_is_not_stopped(scene, served):
    scene.live("green")
    if served:
        scene.passes_to(18002)
    assert ("leave it running, write http://shop there" in scene.refusal()) is served
    assert ("stop it first" in scene.refusal()) is not served


def test_an_idle_broker_may_run_because_it_may_hold_tasks(scene):
    scene.engine.add("redis", color="green")
    result = scene.open()
    assert result["fetch"]["leftover"] is True
    assert "fetch: tasks that the broker of shop-green still holds move to shop-blue" in result["plan"]


def test_a_stopped_idle_color_holds_no_tasks_for_anybody(scene):
    scene.engine.add("redis", color="green", status="exited")
    assert scene.open()["fetch"]["leftover"] is False


def test_another_support_service_holds_no_tasks(scene):
    scene.engine.add("cache", color="green")
    for color in PORTS:
        scene.rendered[color]["services"]["cache"] = {"image": "memcached", "restart": "always"}
    scene.hashes["cache"] = "hash-cache"
    assert scene.open(services={"support": ["redis", "cache"]})["fetch"]["leftover"] is False


def test_a_port_that_a_foreign_container_holds_is_refused(scene):
    scene.engine.add("grafana", color="1", app="monitoring", published=18002)
    assert scene.refusal() == (
        "bluegreen_ports.green is 18002, but container monitoring-1-grafana-1 holds that port: choose another port."
    )


def test_a_port_that_a_process_holds_is_refused(scene):
    scene.listeners = {18002: 812}
    assert scene.refusal() == (
        "bluegreen_ports.green is 18002, but python3 (process 812) listens on that port: choose another port."
    )


def test_a_port_that_somebody_out_of_sight_holds_is_refused(scene):
    scene.listeners = {18002: 0}
    assert "but a process that cannot be seen from here listens on that port" in scene.refusal()


def test_other_ports_may_be_held_by_anybody(scene):
    scene.listeners = {22: 1, 18001: 2, 18003: 3}
    assert scene.open()["changed"] is True


# The Compose files


@pytest.mark.parametrize("name", ["BG_COLOR", "BG_PORT", "BG_PROJECT", "BG_RELEASE"])
def test_names_that_the_role_sets_itself_are_refused(scene, name):
    assert scene.refusal(colors={"green": {"env": {name: "x"}}}) == (
        f"bluegreen_env sets {name}, which the role sets itself: take it out, or choose another name."
    )


def test_each_color_is_rendered_with_variables_of_its_own(scene):
    scene.open(colors={"green": {"env": {"A": "1"}}}, check_mode=True)
    assert scene.seen_env == {
        "shop-blue": "BG_COLOR='blue'\nBG_PORT='18001'\nBG_PROJECT='shop-blue'\nBG_RELEASE='2'\n",
        "shop-green": "A='1'\nBG_COLOR='green'\nBG_PORT='18002'\nBG_PROJECT='shop-green'\nBG_RELEASE='2'\n",
    }


def test_the_env_files_of_a_look_are_gone_after_it(scene, monkeypatch, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(renderings.tempfile, "tempdir", str(scratch))
    scene.open(check_mode=True)
    assert os.listdir(scratch) == []
    scene.host.programs["config --format"] = Completed(1, "", "yaml: line 3: did not find expected key")
    scene.refusal()
    assert os.listdir(scratch) == []


def test_all_that_is_wrong_in_the_compose_file_is_said_at_once(scene):
    for color in PORTS:
        scene.rendered[color]["services"]["redis"]["container_name"] = "redis"
        scene.rendered[color]["services"]["db"] = {"image": "postgres:16", "restart": "always"}
    with pytest.raises(BluegreenError) as refusal:
        scene.open()
    assert len(refusal.value.details["findings"]) == 2
    assert refusal.value.message == "\n".join(refusal.value.details["findings"])
    assert scene.untouched()


def test_warnings_stop_nothing(scene):
    for color in PORTS:
        del scene.rendered[color]["services"]["worker"]["restart"]
    assert scene.open()["changed"] is True
    assert scene.host.warnings == [
        "Service worker has no restart policy, so it is gone after a reboot: give it restart: unless-stopped."
    ]


def test_files_that_nginx_serves_are_looked_at_with_what_the_color_has(scene, monkeypatch):
    seen = []
    monkeypatch.setattr(served_files, "look", lambda host, asked, rendered, services, release: seen.append(rendered) or ["Nginx serves."])
    for color in PORTS:
        services = scene.rendered[color]["services"]
        services["db"] = {"image": "postgres:16", "container_name": "db"}
        services["web"]["depends_on"] = {"db": {"condition": "service_started"}, "redis": {"condition": "service_started"}}
    scene.params["services"] = {"ignored": ["db"]}
    assert scene.open()["changed"] is True
    assert "Nginx serves." in scene.host.warnings
    # What no color starts is not waited for, and not hashed.
    assert [list(each["services"]["web"]["depends_on"]) for each in seen[0].values()] == [["redis"], ["redis"]]


@pytest.mark.parametrize("live", [True, False])
def test_nginx_is_asked_for_its_configuration_once(monkeypatch, tmp_path, live):
    scene, asked = Scene(monkeypatch, tmp_path), []

    class Running:
        prefix = "/usr/share/nginx"
        container = file = ""

        def __init__(self, host, nginx):
            asked.append("found")

        def check(self):
            asked.append("nginx -T")
            return nginx_running.Checked(True, "", "# configuration file /etc/nginx/nginx.conf:\nhttp { root /srv/static; }\n")

        def written_as(self):
            return {}

    monkeypatch.setattr(adoption_routes, "of_seen", REAL["of_seen"])
    monkeypatch.setattr(nginx_running, "preflight", REAL["preflight"])
    monkeypatch.setattr(nginx_running, "Running", Running)
    monkeypatch.setattr(nginx_running, "_public_side", lambda *about: None)
    monkeypatch.setattr(nginx_running, "_answer_findings", lambda *about: ([], []))
    monkeypatch.setattr(nginx_running.nginx_proof, "findings", lambda *about: [])
    for color in PORTS:
        mount = {"type": "bind", "source": "/srv/static", "target": "/static"}
        scene.rendered[color]["services"]["web"]["volumes"] = [mount]
    if live:
        scene.live()
    else:
        scene.point_to(18001, " down")
        scene.by_hand()
    assert scene.open(release="2")["changed"] is True
    # Each of the parts got something to look at.
    assert live or any("beside the two colors" in words for words in scene.host.warnings)
    assert any("serves files from /srv/static" in words for words in scene.host.warnings)
    assert asked == ["found", "nginx -T"]


def test_an_engine_that_is_down_is_the_first_thing_said(scene, monkeypatch):
    def refuse():
        raise EngineError("The Docker Engine does not answer: start it.")

    monkeypatch.setattr(scene.engine, "ping", refuse)
    assert scene.refusal(project_src="/srv/none") == "The Docker Engine does not answer: start it."


def test_a_folder_that_is_not_there_is_refused_before_compose_is_asked(scene):
    del scene.host.programs["compose version"]
    assert "bluegreen_project_src is '/srv/none', but there is no such folder" in scene.refusal(project_src="/srv/none")


def test_an_old_compose_is_refused(scene):
    scene.host.programs["compose version"] = Completed(0, "2.21.0\n", "")
    assert "Docker Compose is 2.21.0 on this host, but 2.22 or later is needed" in scene.refusal()


def test_what_nginx_has_against_it_is_refused(scene):
    scene.nginx_says = ["Nginx is broken already.", "And more."]
    assert scene.refusal() == "Nginx is broken already.\nAnd more."


def test_nginx_is_told_what_else_the_live_color_publishes(scene):
    scene.engine.add("web", published=18001)
    scene.engine.add("worker", published=15555)
    # Nothing of the app's own is moved.
    scene.engine.add("grafana", published=13000)
    scene.nginx_says = ["Stop here."]
    assert scene.refusal() == "Stop here."
    assert scene.published == {15555: "worker"}


def test_a_release_outside_of_the_grammar_is_refused(scene):
    assert "bluegreen_release is '-1', but it must begin with" in scene.refusal(release="-1")


# Is there anything to do


def test_the_same_release_again_is_up_to_date(scene):
    scene.of_release("2")
    result = scene.open()
    assert (result["changed"], result["up_to_date"], result["plan"], result["id"]) == (False, True, [], "")
    # Nothing is asked to see whether a switch could be proved.
    assert scene.switches is False
    assert "diff" not in result
    assert scene.untouched()


# What Compose is asked: each question starts its 60 MB


RENDER, HASH, VERSION = "config --format json", "config --no-normalize --hash *", "version --short"


def asked(scene):
    """What Compose is asked from here on, for which color."""
    found, run = [], scene.host.run

    def noting(argv, **options):
        words = " ".join(argv)
        if "compose" in argv:
            color = next((f"{color}: " for color in PORTS if f"shop-{color}" in argv), "")
            found.append(color + next(question for question in (RENDER, HASH, VERSION) if words.endswith(question)))
        return run(argv, **options)

    scene.host.run = noting
    return found


def labelled(scene):
    """The live containers have the hashes that Compose makes of their services."""
    for service in SERVICES:
        label = config_hash._hash(scene.rendered["blue"]["services"][service], config_hash._NEVER)
        scene.engine.inspected[f"blue-{service}"]["Config"]["Labels"]["com.docker.compose.config-hash"] = label


@pytest.mark.parametrize("image", ["registry/web:1", "bluegreen-demo:2"])
def test_the_same_release_again_is_proved_by_the_live_color_alone(scene, image):
    scene.of_release("2")
    scene.engine.images[image] = {"Id": "sha256:web-1", "Size": 1}
    for color in PORTS:
        scene.rendered[color]["services"]["web"]["image"] = image
    labelled(scene)
    questions = asked(scene)
    assert scene.open()["up_to_date"] is True
    assert questions == [VERSION, f"blue: {RENDER}"]


def test_what_is_not_proved_is_asked_of_compose_once(scene):
    scene.of_release("2")
    questions = asked(scene)
    assert scene.open()["up_to_date"] is True
    assert questions == [VERSION, f"blue: {RENDER}", f"blue: {HASH}"]
    scene.hashes["worker"] = "other"
    del questions[:]
    assert "configuration of worker differs" in scene.open(check_mode=True)["plan"][0]
    assert questions == [VERSION, f"blue: {RENDER}", f"blue: {HASH}", f"green: {RENDER}"]


def test_another_release_needs_no_hashes(scene):
    scene.of_release("1")
    scene.hashes["worker"] = "other"
    questions = asked(scene)
    assert scene.open()["plan"][0] == "plan: shop: green becomes live (release 1 becomes 2)"
    assert questions == [VERSION, f"blue: {RENDER}", f"green: {RENDER}"]


def test_a_first_deployment_needs_no_hashes(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.point_to(18001, " down")
    questions = asked(scene)
    scene.open()
    assert questions == [VERSION, f"blue: {RENDER}", f"green: {RENDER}"]


def test_once_the_images_are_here_the_live_color_alone_is_compared(scene):
    scene.of_release("2")
    labelled(scene)
    scene.open(pull="always")
    scene.live("green")
    questions = asked(scene)
    assert scene.open(pull="always")["up_to_date"] is True
    assert questions == [f"blue: {RENDER}"]


@pytest.mark.parametrize("image", ["registry/shop-green:1", "registry/web:green", "registry/green_web:1"])
def test_where_each_color_has_images_of_its_own_both_are_looked_at(scene, image):
    """Somebody built the next one for green: under the same label it is another release."""
    scene.of_release("2")
    labelled(scene)
    scene.rendered["blue"]["services"]["web"]["image"] = image.replace("green", "blue")
    scene.rendered["green"]["services"]["web"]["image"] = image
    scene.engine.images[image.replace("green", "blue")] = {"Id": "sha256:web-1", "Size": 1}
    scene.engine.images[image] = {"Id": "sha256:web-2", "Size": 1}
    labelled(scene)
    assert scene.open()["plan"][0].endswith("(image of web differs)")


def test_a_service_that_is_gone_from_the_file_is_named_and_no_crash(scene):
    scene.of_release("2")
    for color in PORTS:
        del scene.rendered[color]["services"]["beat"]
    assert "bluegreen_worker_services names 'beat', but the Compose file has no such service" in scene.refusal()


def test_the_version_of_compose_is_asked_for_once(scene, plugin):
    scene.of_release("1")
    questions = asked(scene)
    scene.open(check_mode=True)
    assert scene.untouched()
    scene.open()
    assert questions.count(VERSION) == 2
    deployment_finish.end(scene.store, scene.store.load(), "rolled_back", "")
    scene.open(check_mode=True)
    assert questions.count(VERSION) == 2
    plugin.write_text("#!/bin/sh\n# 2.21\n")
    scene.host.programs["compose version"] = Completed(0, "2.21.0\n", "")
    with pytest.raises(BluegreenError, match="Docker Compose is 2.21.0 on this host"):
        scene.open(check_mode=True)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"file": [], "version": [2, 30]}', '{"file": ["x"], "version": ["2"]}', "\xff"])
def test_a_version_that_nobody_can_read_is_asked_for(scene, plugin, text):
    scene.store.create()
    with open(scene.store.path("compose.json"), "wb") as target:
        target.write(text.encode("latin-1"))
    questions = asked(scene)
    scene.open()
    assert questions[0] == VERSION
    with open(scene.store.path("compose.json"), encoding="utf-8") as source:
        assert json.load(source)["version"] == [2, 30, 1]


def test_the_disk_is_waited_for_only_where_a_power_cut_matters(scene, plugin, monkeypatch):
    """A card of a Raspberry Pi takes up to a tenth of a second each time."""
    synced, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (synced.append(os.readlink(f"/proc/self/fd/{descriptor}")), fsync(descriptor)))
    files = []
    for release in "23":
        scene.open(release=release)
        files.append([os.path.basename(path) for path in synced if not os.path.isdir(path)])
        deployment_finish.end(scene.store, scene.store.load(), "rolled_back", "")
        del synced[:]
    lasting = [".settings.json.tmp", ".deployment.json.tmp", ".containers.json.tmp", ".deployment.json.tmp"]
    # The second time the app is made of the same.
    assert files == [lasting, lasting[1:]]


def test_where_docker_finds_its_plugin_itself_nothing_is_remembered(scene):
    questions = asked(scene)
    scene.open()
    assert VERSION in questions and not os.path.exists(scene.store.path("compose.json"))


def test_another_label_is_another_release(scene):
    scene.of_release("1")
    result = scene.open()
    assert result["plan"][0] == "plan: shop: green becomes live (release 1 becomes 2)"


def test_another_configuration_is_something_to_do(scene):
    scene.of_release("2")
    scene.hashes["worker"] = "other"
    assert "configuration of worker differs" in scene.open()["plan"][0]


@pytest.mark.parametrize("now", [{"Id": "sha256:web-2", "Size": 1}, None])
def test_another_image_under_the_same_name_is_something_to_do(scene, now):
    scene.of_release("2")
    scene.engine.images["registry/web:1"] = now
    assert "image of web differs" in scene.open()["plan"][0]


@pytest.mark.parametrize("service", ["worker", "beat", "redis"])
def test_a_live_color_of_which_a_part_is_down_is_not_up_to_date(monkeypatch, tmp_path, service):
    scene = Scene(monkeypatch, tmp_path)
    scene.live(**{service: "exited"})
    scene.of_release("2")
    assert f"service {service} does not run" in scene.open()["plan"][0]


def test_a_container_that_is_no_part_of_a_color_does_not_count(scene):
    scene.of_release("2")
    scene.engine.add("adminer", status="exited")
    for color in PORTS:
        scene.rendered[color]["services"]["adminer"] = {"image": "adminer"}
    assert scene.open(services={"ignored": ["adminer"]})["up_to_date"] is True


@pytest.mark.parametrize("code, up_to_date", [(0, True), (1, False)])
def test_an_init_service_has_done_its_work_when_it_ended_well(scene, code, up_to_date):
    scene.of_release("2")
    scene.engine.add("migrate", status="exited")
    scene.engine.inspected["blue-migrate"]["State"]["ExitCode"] = code
    scene.engine.images["registry/migrate:1"] = {"Id": "sha256:migrate-1", "Size": 1}
    for color in PORTS:
        scene.rendered[color]["services"]["migrate"] = {"image": "registry/migrate:1"}
    scene.hashes["migrate"] = "hash-migrate"
    assert scene.open(services={"init": ["migrate"]})["up_to_date"] is up_to_date


UNKNOWN = (
    "Init service migrate has no container in color blue, and the history does not say whether it ever had one: it counts as "
    "done. If it is new, give the release another label."
)


@pytest.mark.parametrize(
    "history, up_to_date, warnings",
    [
        ([{"to": "blue", "init": ["migrate"]}], True, []),
        ([{"to": "blue", "init": ["migrate"]}, {"to": "green", "init": [], "result": "rolled_back"}], True, []),
        # The last one that made this color live counts, and no attempt that came to nothing.
        ([{"to": "blue", "init": []}], False, []),
        ([{"to": "blue", "init": ["migrate"]}, {"to": "green", "init": ["migrate"]}, {"to": "blue", "init": []}], False, []),
        ([{"to": "blue", "init": []}, {"to": "green", "init": ["migrate"], "result": "rolled_back"}], False, []),
        # An adopted color, and one that an earlier version deployed.
        ([], True, [UNKNOWN]),
        ([{"to": "blue"}], True, [UNKNOWN]),
    ],
)
def test_an_init_service_without_a_container_was_pruned_or_is_new(scene, history, up_to_date, warnings):
    scene.of_release("2")
    scene.add_init("migrate")
    scene.store.create()
    for number, entry in enumerate(history):
        scene.store.log({"id": f"old-{number}", "result": "committed", **entry})
    result = scene.open(check_mode=True, services={"init": ["migrate"]})
    assert result["up_to_date"] is up_to_date
    assert [each for each in scene.host.warnings if "Init service" in each] == warnings
    assert ("new" in " ".join(result["plan"])) is not up_to_date


def test_nothing_is_said_of_an_init_service_that_runs_with_the_next_release(scene):
    scene.of_release("1")
    scene.add_init("migrate")
    scene.open(services={"init": ["migrate"]})
    assert not [each for each in scene.host.warnings if "Init service" in each]


@pytest.mark.parametrize("init, is_pending", [(["migrate"], True), ([], False)])
def test_of_a_release_that_awaits_approval_its_journal_knows_the_init_services(scene, init, is_pending):
    scene.add_init("migrate")
    journal = pending(scene)
    journal.data["settings"]["services"]["init"] = init
    journal.save()
    if is_pending:
        assert scene.open(services={"init": ["migrate"]})["pending"]
    else:
        with pytest.raises(Fenced):
            scene.open(services={"init": ["migrate"]})


def test_pulling_always_is_undecided_until_the_images_are_here(scene):
    scene.of_release("2")
    result = scene.open(pull="always")
    assert (result["changed"], result["up_to_date"], result["undecided"]) == (True, False, True)
    assert result["fetch"]["pull"] == "always"
    # The containers were created from what was pulled; they are the live ones.
    for service in SERVICES:
        scene.engine.add(service, color="green", status="created")
    again = scene.open(pull="always")
    assert (again["changed"], again["up_to_date"], again["undecided"]) == (False, True, False)


def test_a_pull_that_brought_another_image_goes_on(scene):
    scene.of_release("2")
    scene.open(pull="always")
    for service in SERVICES:
        scene.engine.add(service, color="green", status="created")
    scene.engine.inspected["green-web"]["Image"] = "sha256:web-2"
    assert scene.open(pull="always")["up_to_date"] is False


def test_a_service_that_is_built_without_a_name_is_built_to_know(scene):
    scene.of_release("2")
    for color in PORTS:
        scene.rendered[color]["services"]["web"]["build"] = {"context": "."}
        del scene.rendered[color]["services"]["web"]["image"]
    scene.engine.images["shop-green-web"] = {"Id": "sha256:web-1", "Size": 1}
    result = scene.open(check_mode=True)
    assert (result["undecided"], result["fetch"]["build"]) == (True, "always")
    assert "fetch: build web; create" in "\n".join(result["plan"])
    assert scene.open(check_mode=True, pull="never")["fetch"]["build"] == "never"


@pytest.mark.parametrize(
    "pull, fetch, words",
    [
        ("missing", ("missing", "policy"), "pull images that are missing"),
        ("always", ("always", "policy"), "pull all images"),
        ("never", ("never", "never"), "pull nothing"),
        ("build", ("missing", "policy"), "pull images that are missing"),
    ],
)
def test_how_images_are_got(scene, pull, fetch, words):
    result = scene.open(check_mode=True, pull=pull)
    assert (result["fetch"]["pull"], result["fetch"]["build"]) == fetch
    assert any(line.startswith(f"fetch: {words}") for line in result["plan"])


def test_building_builds_what_can_be_built(scene):
    for color in PORTS:
        scene.rendered[color]["services"]["web"]["build"] = {"context": "."}
    assert scene.open(check_mode=True, pull="build")["fetch"]["build"] == "always"
    assert scene.open(check_mode=True, pull="missing")["fetch"]["build"] == "policy"


def test_an_image_that_is_missing_and_must_not_be_pulled_is_refused(scene):
    del scene.engine.images["registry/web:1"]
    assert scene.refusal(pull="never") == (
        "Image registry/web:1 of service web is not on this host, and bluegreen_pull is never: load it there, or set "
        "bluegreen_pull to missing."
    )


# Room


def test_not_enough_memory_for_a_second_web_is_refused_with_the_figures(scene):
    scene.memory = 50 * MIB
    scene.engine.memory = {"blue-web": 100 * MIB, "blue-redis": 20 * MIB, "blue-worker": 30 * MIB, "blue-beat": 10 * MIB}
    assert scene.refusal() == (
        "Not enough memory for a second web: 184 MiB needed (what the live color's web and support services hold now, and 64 "
        "MiB to spare), 50 MiB free and 40 MiB more once the old workers have stopped. Free memory on this host, or give the "
        "app fewer web processes."
    )


def test_stopping_the_old_workers_makes_room(scene):
    scene.memory = 149 * MIB
    scene.engine.memory = {"blue-web": 100 * MIB, "blue-redis": 20 * MIB, "blue-worker": 35 * MIB}
    assert scene.open()["changed"] is True


@pytest.fixture
def roomy(scene):
    """A live color that holds 100 MiB, of which 40 are its workers'."""
    scene.engine.memory = {"blue-web": 50 * MIB, "blue-redis": 10 * MIB, "blue-worker": 30 * MIB, "blue-beat": 10 * MIB}
    return scene


def workers(strategy):
    return {"stop_timeout": None, "on_timeout": "fail", "strategy": strategy}


@pytest.mark.parametrize("free, strategy", [(164, "throttle"), (163, "stop")])
def test_auto_goes_by_what_the_host_can_hold_and_says_so(roomy, free, strategy):
    roomy.memory = free * MIB
    result = roomy.open(workers=workers("auto"))
    assert result["worker_strategy"] == roomy.store.load()["worker_strategy"] == strategy
    assert (
        f"plan: worker strategy: auto chose {strategy}: the new color needs 164 MiB beside the old one, 64 MiB of "
        f"them to spare, and {free} MiB are free" in result["plan"]
    )


def test_what_was_chosen_stays_when_the_memory_changes(roomy):
    roomy.open(workers=workers("auto"))
    roomy.memory = 0
    assert roomy.open(workers=workers("auto"))["worker_strategy"] == "throttle"


# 50 MiB of web, 10 of Redis, 40 of workers: two webs and the new workers need 124 free.


@pytest.mark.parametrize(
    "wanted, free, chosen", [("auto", 124, "running"), ("auto", 123, "stopped"), ("stopped", 500, "stopped"), ("running", 124, "running")]
)
def test_an_old_web_that_does_not_fit_is_to_stop(roomy, wanted, free, chosen):
    roomy.memory = free * MIB
    result = roomy.open(old_web=wanted)
    journal = roomy.store.load()
    assert result["old_web"] == journal["old_web"] == chosen
    assert journal["memory_budget"] == {
        "free": free * MIB,
        "web": 50 * MIB,
        "support": 10 * MIB,
        "workers": 40 * MIB,
        "app": 0,
        "oom_kills": journal["memory_budget"]["oom_kills"],
    }
    why = [line for line in result["plan"] if line.startswith("plan: old web: auto chose stopped: ")]
    assert bool(why) is (wanted == "auto" and chosen == "stopped")
    assert f"start_candidate: the new web needs 124 MiB of memory, and {free + 40} MiB are free once the old workers have stopped" in (
        result["plan"]
    )


def test_what_was_decided_about_the_old_web_stays(roomy):
    roomy.open(old_web="stopped")
    assert roomy.open(old_web="running")["old_web"] == "stopped"


def test_an_old_web_that_is_to_run_where_it_does_not_fit_is_refused(roomy):
    roomy.memory = 123 * MIB
    assert roomy.refusal(old_web="running") == (
        "bluegreen_old_web is running, which leaves the old web in memory, but a second set of workers needs 104 MiB of memory, "
        "and 103 MiB are free beside two webs: set it to stopped or auto, or free memory on this host."
    )


@pytest.mark.parametrize("old_web, backup", [("stopped", False), ("running", True)])
def test_a_web_that_stops_is_no_backup(roomy, old_web, backup):
    nginx = {**roomy.params["nginx"], "backup": True}
    result = roomy.open(old_web=old_web, nginx=nginx)
    assert roomy.store.load()["settings"]["nginx"]["backup"] is backup
    assert ("18001 backup" in result["diff"]["after"]) is backup
    assert bool(roomy.host.warnings) is not backup


INIT = {"services": {"init": ["collect", "migrate", "seed"]}, "init_before_stop": ["seed", "collect"]}


@pytest.fixture
def with_init(roomy, monkeypatch):
    """A live color whose workers hold 30 MiB each once they have loaded the app."""
    monkeypatch.setattr(memory_use, "app_of", lambda workers: 30 * MIB)
    for service in INIT["services"]["init"]:
        roomy.add_init(service)
    return roomy


def test_init_services_that_need_not_wait_run_before_the_stop(with_init):
    # 30 of the app, 10 of Redis, 64 to spare.
    with_init.memory = 104 * MIB
    result = with_init.open(**INIT)
    # In the order of all.
    assert result["init_before_stop"] == with_init.store.load()["init_before_stop"] == ["collect", "seed"]
    assert "before_stop: start redis, then run collect, seed of shop-green while worker, beat of shop-blue work" in result["plan"]
    assert "before_stop: an init service of the new release needs 104 MiB of memory, and 104 MiB are free now" in result["plan"]
    assert "start_candidate: start migrate, web of shop-green" in result["plan"]
    # Repeated, as when the images decide.
    with_init.memory = 0
    assert with_init.open(**INIT)["init_before_stop"] == ["collect", "seed"]


def test_where_they_do_not_fit_they_wait_for_the_stop(with_init):
    with_init.memory = 103 * MIB
    result = with_init.open(**INIT)
    assert result["init_before_stop"] == with_init.store.load()["init_before_stop"] == []
    assert (
        "plan: init after the stop: collect, seed, because an init service of the new release needs 104 MiB of memory, and 103 "
        "MiB are free now" in result["plan"]
    )
    assert "start_candidate: start redis, collect, migrate, seed, web of shop-green" in result["plan"]


def test_without_workers_that_work_there_is_no_stop_to_wait_for(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    for service in INIT["services"]["init"]:
        scene.add_init(service)
    scene.file.unlink()
    assert scene.open(check_mode=True, **INIT)["init_before_stop"] == []
    scene.point_to(18001)
    scene.live(worker="exited", beat="exited")
    assert scene.open(**INIT)["init_before_stop"] == []


def test_one_that_is_no_init_service_is_refused_in_the_plan(scene):
    scene.add_init("migrate")
    assert scene.refusal(services={"init": ["migrate"]}, init_before_stop=["migrat"]) == (
        "bluegreen_init_before_stop names 'migrat', but bluegreen_init_services does not: did you mean 'migrate'?"
    )


def test_without_figures_nothing_is_reckoned_with(scene):
    scene.memory = 0
    assert scene.open()["old_web"] == "running"
    assert scene.store.load()["memory_budget"]["web"] == 0


def test_throttle_without_room_is_refused(roomy):
    roomy.memory = 163 * MIB
    assert roomy.refusal(workers=workers("throttle")).startswith("bluegreen_worker_strategy is throttle, which leaves")
    assert roomy.open(workers=workers("stop"))["worker_strategy"] == "stop"


def test_throttle_at_one_broker_is_warned_of(roomy):
    result = roomy.open(workers=workers("throttle"), broker={"mode": "shared"})
    assert result["worker_strategy"] == "throttle"
    assert "both colors use one broker" in roomy.host.warnings[0]


def test_the_first_deployment_has_nobody_to_throttle(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.file.unlink()
    scene.memory = 0
    assert scene.open(workers=workers("throttle"))["worker_strategy"] == "stop"


# The broker


def test_the_broker_is_found_in_the_compose_file(scene):
    scene.environment("worker", CELERY_BROKER_URL="redis://:hunter2@cache:6379/0")
    for color in PORTS:
        scene.rendered[color]["services"]["cache"] = {"image": "redis:8", "restart": "always"}
    scene.hashes["cache"] = "hash-cache"
    result = scene.open(services={"support": ["redis", "cache"]})
    assert (result["broker"], result["broker_service"]) == ("color", "cache")
    assert (
        "plan: broker color, each color has its own: CELERY_BROKER_URL of service worker is redis://cache:6379/0, and cache "
        "is a support service" in result["plan"]
    )
    assert scene.store.load()["settings"]["broker"] == {"mode": "color", "service": "cache", "url": ""}
    again = scene.open(services={"support": ["redis", "cache"]})
    assert (again["broker"], again["broker_service"]) == ("color", "cache")


def test_a_shared_broker_that_is_found_is_used_as_far_as_it_is_known(scene):
    scene.environment("worker", CELERY_BROKER_URL="redis://:hunter2@redis.lan:6379/0")
    result = scene.open(services={"support": [], "ignored": ["redis"]})
    assert result["broker"] == "shared"
    assert not [line for line in result["plan"] if line.startswith("handover")]
    with open(scene.store.path("deployment.json"), encoding="utf-8") as source:
        assert "hunter2" not in source.read()
    assert scene.store.broker_url() == "redis://:hunter2@redis.lan:6379/0"


def test_a_broker_that_contradicts_the_variables_is_refused(scene):
    scene.environment("worker", CELERY_BROKER_URL="amqp://:hunter2@redis//")
    assert scene.refusal().startswith(
        "CELERY_BROKER_URL of service worker is amqp://redis//, and redis is a support service, but tasks can be moved"
    )


def test_a_url_that_cannot_be_read_is_warned_of(scene):
    scene.environment("worker", CELERY_BROKER_URL="redis://:hun/ter2@redis/0")
    assert scene.open()["broker"] == "color"
    assert ["cannot be read" in sentence for sentence in scene.host.warnings] == [True]


def test_what_the_compose_file_has_wrong_is_said_before_what_follows_from_it(scene):
    scene.environment("worker", CELERY_BROKER_URL="redis://redis.lan/0")
    message = scene.refusal(services={"support": ["reddis"]}, broker={"mode": "color"})
    assert "reddis" in message and "CELERY_BROKER_URL" not in message


class Locked:
    container = None

    def __init__(self, code):
        self.code = code

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        pass

    def databases(self):
        raise RedisError("Redis at 10.0.0.2:6379 asks for a password.", self.code)


def test_a_redis_that_lets_nobody_in_is_refused_before_anything_is_touched(scene):
    scene.redis = Locked("NOAUTH")
    assert scene.refusal() == "Redis at 10.0.0.2:6379 asks for a password."


def test_a_redis_that_cannot_be_asked_is_no_obstacle(scene):
    scene.redis = Locked("")
    assert scene.open()["changed"] is True
    assert scene.host.warnings == []


# Code of the host


def test_code_that_is_mounted_is_warned_of(scene):
    (scene.folder / "src" / "shop.py").write_text("")
    for color in PORTS:
        scene.rendered[color]["services"]["web"]["volumes"] = [
            {"type": "bind", "source": str(scene.src), "target": "/app"}
        ]
    assert scene.open()["changed"] is True
    assert [sentence.partition(":")[0] for sentence in scene.host.warnings] == [
        f"{scene.src} holds code and is mounted into web"
    ]


def test_not_enough_disk_for_new_images_is_refused_with_the_figures(scene):
    scene.engine.root = "/var/lib/docker"
    scene.disk = {"/var/lib/docker": 100 * MIB}
    del scene.engine.images["registry/web:1"]
    for service in SERVICES:
        scene.engine.images[f"sha256:{service}-1"] = {"Id": f"sha256:{service}-1", "Size": 100 * MIB}
    assert scene.refusal() == (
        "Not enough disk for images and layers: 464 MiB needed, 100 MiB free at /var/lib/docker. Remove what is not needed "
        "there (docker image prune), or use a larger disk."
    )


def test_images_that_are_here_need_no_room(scene):
    scene.engine.root = "/var/lib/docker"
    scene.disk = {"/var/lib/docker": 100 * MIB}
    assert scene.open()["changed"] is True


@pytest.mark.parametrize("place", ["lib", "run", "nginx"])
def test_a_disk_that_is_read_only_is_refused_with_nothing_made(scene, monkeypatch, place):
    path = {"lib": scene.store.folder, "run": os.path.dirname(scene.store.lease_mark), "nginx": str(scene.folder)}[place]
    monkeypatch.setattr(
        host_resources, "writing_finding", lambda asked, why: f"{path} is read-only, and {why}" if asked == path else ""
    )
    before = sorted(os.listdir(scene.folder))
    assert f"{path} is read-only" in scene.refusal()
    assert sorted(os.listdir(scene.folder)) == before


@pytest.mark.parametrize("number", range(9))
def test_a_disk_that_fills_up_while_it_is_opened_leaves_nothing(scene, monkeypatch, number):
    """Whichever write it is that finds no room, nothing of the deployment stays, and no secret."""
    left, fsync = [number], os.fsync

    def fill(descriptor):
        # What is rendered before that lies elsewhere.
        if os.path.isdir(scene.store.folder):
            if not left[0]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            left[0] -= 1
        fsync(descriptor)

    with monkeypatch.context() as patch, pytest.raises(BluegreenError) as failure:
        patch.setattr(os, "fsync", fill)
        scene.open(broker={"url": "redis://:hunter2@redis:6379/0"})
    assert "(no space left on device): make room" in failure.value.message
    assert "\n" not in failure.value.message and "hunter2" not in failure.value.message
    assert not set(os.listdir(scene.store.folder)) - {"lock", "settings.json"}
    assert not os.path.exists(scene.store.lease_mark)
    assert scene.host.calls == []
    # With room again it is opened as if nothing had been.
    assert scene.open()["id"] == "dep-1"


def test_a_full_disk_under_the_journal_is_refused(scene):
    scene.disk = {scene.store.folder: 1 * MIB}
    assert "Not enough disk for the journal: 4 MiB needed, 1 MiB free" in scene.refusal()


# Opening


def test_check_mode_shows_plan_and_diff_and_changes_nothing(scene):
    result = scene.open(check_mode=True)
    assert (result["changed"], result["id"], result["epoch"]) == (True, "", 0)
    assert [line.partition(":")[0] for line in result["plan"]] == [
        "plan",
        "plan",
        "fetch",
        "stop_workers",
        "start_candidate",
        "health",
        "cutover",
        "handover",
        "start_workers",
        "settle",
        "finish",
    ]
    assert result["diff"]["before"] == scene.file.read_text()
    assert "server 127.0.0.1:18002;" in result["diff"]["after"]
    assert "for release 2 (deployment dep-1)" in result["diff"]["after"]
    assert scene.untouched()


@pytest.mark.parametrize("workers, limit", [({"stop_timeout": 90}, "90 s"), ({}, "its stop_grace_period"), (None, "its stop_")])
def test_the_plan_says_how_long_workers_get(scene, workers, limit):
    (line,) = [line for line in scene.open(check_mode=True, workers=workers)["plan"] if line.startswith("stop_workers")]
    assert f"(up to {limit}" in line


def test_an_open_deployment_has_all_that_going_back_needs(scene):
    result = scene.open(colors={"blue": {"env": {"SECRET": "hunter2"}}}, broker={"url": "redis://:hunter2@redis/0"})
    assert (result["changed"], result["id"], result["epoch"]) == (True, "dep-1", 1)
    journal = scene.store.load()
    assert (journal["step"], journal["done"], journal["from"], journal["to"]) == ("open", True, "blue", "green")
    assert (journal["release"], journal["release_from"], journal["who"]) == ("2", "", "ada@laptop")
    assert [each["id"] for each in journal["old_containers"]] == ["blue-beat", "blue-redis", "blue-web", "blue-worker"]
    assert journal["drain_timeout"] == 30.0 and journal["workers"] == scene.params["workers"]
    assert journal["worker_strategy"] == "stop"
    assert journal["unknown_tasks"] == "hold" and journal["keep_keys"] == ["session:*"]
    expected = _settings.settings_of({**scene.params, "broker": {"url": "redis://:hunter2@redis/0"}})
    assert _settings.from_journal(journal.data, scene.store.broker_url()) == expected
    for name in ("blue-dep-1.env", "green-dep-1.env", "broker.url"):
        assert os.stat(scene.store.path(name)).st_mode & 0o777 == 0o600
    with open(scene.store.path("deployment.json"), encoding="utf-8") as source:
        assert "hunter2" not in source.read()
    with open(scene.store.env_file("blue", "dep-1"), encoding="utf-8") as source:
        assert "SECRET='hunter2'\n" in source.read()


def test_a_secret_is_in_no_file_but_those_of_root_alone_and_in_no_command_line(scene, monkeypatch):
    secret, url = "hunter2-and-longer", "redis://me:p%40ssword@redis/0"
    ran = []
    run = scene.host.run
    monkeypatch.setattr(scene.host, "run", lambda argv, *given, **more: (ran.append((argv, more)), run(argv, *given, **more))[1])
    colors = {color: {"env": {"SECRET": secret, "NESTED": {"inner": secret}}} for color in PORTS}
    result = scene.open(colors=colors, broker={"url": url})
    told = json.dumps([result, scene.host.commands, scene.host.warnings, ran], default=str)
    secrets = (secret, "p%40ssword", "p@ssword")
    assert ran and not [each for each in secrets if each in told]
    modes = {}
    for folder, dummy, names in os.walk(scene.folder):
        for name in names:
            path = os.path.join(folder, name)
            modes[name] = os.stat(path).st_mode & 0o777
            with open(path, encoding="utf-8") as source:
                text = source.read()
            assert modes[name] == 0o600 or not [each for each in secrets if each in text], name
    assert {name for name, mode in modes.items() if mode == 0o600} == {"blue-dep-1.env", "green-dep-1.env", "broker.url", "containers.json"}
    assert modes["deployment.json"] == 0o640 and modes["lock"] & ~0o640 == 0
    for folder in (scene.store.folder, os.path.dirname(scene.store.folder), os.path.dirname(scene.store.lease_mark)):
        assert os.stat(folder).st_mode & 0o777 == 0o750, folder


@pytest.mark.parametrize("version, refused", [("2.37.2", False), ("2.37.3", True), ("5.5.0", True)])
def test_what_only_a_start_by_compose_does_is_refused_in_the_plan(scene, version, refused):
    scene.host.programs["compose version"] = Completed(0, f"{version}\n", "")
    for rendered in scene.rendered.values():
        rendered["secrets"] = {"key": {"environment": "KEY"}}
        rendered["services"]["worker"]["secrets"] = [{"source": "key"}]
    begin = "Secret key of service worker is given by environment, which Docker Compose "
    if refused:
        assert scene.refusal().startswith(f"{begin}{version} copies into a container only when it starts it itself")
    else:
        scene.open(check_mode=True)
        assert [each for each in scene.host.warnings if each.startswith(f"{begin}copies into a container once")]


def test_what_compose_is_given_ends_with_its_deployment(scene):
    """A controller may sleep before it runs Compose: until then its deployment was undone, and another one leads to this color."""
    first = scene.open()
    undo = Request(prefer="rollback")
    recovery.recover(scene.host, scene.store, undo, False)
    second = scene.open(deployment_id="dep-2")
    assert first["idle"] == second["idle"] == "green"
    (gone,), (there,) = first["fetch"]["env_files"], second["fetch"]["env_files"]
    assert not os.path.exists(gone) and os.path.exists(there)
    assert sorted(name for name in os.listdir(scene.store.folder) if name.endswith(".env")) == ["blue-dep-2.env", "green-dep-2.env"]


def test_the_same_open_again_changes_nothing(scene):
    first = scene.open()
    before = scene.store.load().data
    again = scene.open()
    assert (again["changed"], again["id"], again["epoch"]) == (False, "dep-1", 1)
    assert (again["live"], again["idle"]) == (first["live"], first["idle"])
    assert scene.store.load().data == before


def test_the_same_open_again_after_it_was_undone_is_refused(scene):
    scene.open()
    scene.store.load().note(back=True)
    with pytest.raises(Fenced, match="is being undone: deploy again under another id"):
        scene.open()


def test_a_deployment_is_opened_under_an_id(scene):
    assert scene.refusal(deployment_id="") == (
        "deployment_id is empty, but a deployment is opened under an id: give it one."
    )
    assert "deployment_id is 'a/b', but it must be" in scene.refusal(deployment_id="a/b")


OPEN = "Deployment dep-0 by eve@desk since 2026-11-23T12:00:00Z of app shop"


@pytest.mark.parametrize(
    "step, noted, later, sentence",
    [
        ("health", {}, 0, f"{OPEN} is open, in step health: wait for it, or undo it with rollback.yml."),
        (
            "awaiting_approval",
            {},
            1000,
            f"{OPEN} awaits approval of release 1: approve it with finish.yml, or go back with rollback.yml.",
        ),
        (
            "settle",
            {"result": "failed"},
            0,
            f"{OPEN} is open, in step settle: look at it (status.yml), then undo it with ansible-playbook "
            "smallfleet.bluegreen.rollback, or keep release 1, which Nginx may still serve, with ansible-playbook "
            "smallfleet.bluegreen.finish -e bluegreen_release=1.",
        ),
    ],
)
def test_another_open_deployment_is_refused_with_the_way_out(scene, step, noted, later, sentence):
    scene.store.create()
    journal = Journal.create(scene.store, "dep-0", "eve@desk", facts(release="1"))
    journal.begin(step)
    journal.note(**noted)
    scene.host.clock.now += later
    before = copy.deepcopy(scene.store.load().data)
    for check_mode in (False, True):
        with pytest.raises(Fenced) as refusal:
            scene.open(check_mode=check_mode)
        assert refusal.value.message == sentence
    assert scene.store.load().data == before


def pending(scene, release="2", **facts_of_it):
    """The release is live as green and awaits approval, since a while; blue is still there."""
    scene.live("green")
    for worker in ("blue-worker", "blue-beat"):
        scene.engine.inspected[worker]["State"]["Status"] = "exited"
    scene.point_to(18002)
    scene.file.write_text(f"# Written by smallfleet.bluegreen for release {release} (deployment dep-0).\n{scene.file.read_text()}")
    return earlier(scene, "awaiting_approval", release=release, **facts_of_it)


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("pull", ["missing", "never", "always"])
def test_the_release_that_awaits_approval_is_deployed_already(scene, check_mode, pull):
    pending(scene)
    before = copy.deepcopy(scene.store.load().data)
    result = scene.open(check_mode=check_mode, pull=pull)
    assert (result["changed"], result["up_to_date"], result["pending"]) == (False, True, True)
    assert (result["id"], result["epoch"], result["live"], result["idle"]) == ("dep-0", 1, "blue", "green")
    assert result["plan"] == [] and result["undecided"] is False
    assert scene.store.load().data == before and scene.host.calls == []


def test_a_release_that_is_only_live_awaits_nothing(scene):
    scene.of_release("2")
    assert scene.open()["pending"] is False


@pytest.mark.parametrize(
    "differs",
    [
        lambda scene: scene.hashes.update(web="hash-of-another"),
        lambda scene: scene.engine.images["registry/web:1"].update(Id="sha256:another"),
        lambda scene: scene.engine.inspected["green-worker"]["State"].update(Status="exited"),
        lambda scene: scene.store.load().note(back=True),
        lambda scene: scene.store.load().note(result="failed"),
        lambda scene: scene.params.update(release="3"),
    ],
    ids=["configuration", "image", "a worker that is down", "going back", "failed", "another release"],
)
def test_anything_else_that_awaits_approval_keeps_the_next_one_out(scene, differs):
    pending(scene)
    differs(scene)
    before = copy.deepcopy(scene.store.load().data)
    with pytest.raises(Fenced, match="finish.yml|status.yml|rollback.yml"):
        scene.open()
    assert scene.store.load().data == before and scene.host.calls == []


@pytest.mark.parametrize("seconds", [-1, 10**9])
def test_a_time_for_the_approval_that_was_not_meant_is_refused(scene, seconds):
    assert scene.refusal(approval_timeout=seconds).startswith(f"bluegreen_approval_timeout is {seconds} s, but it must be")


def earlier(scene, step, done=True, later=1000, release="1", **noted):
    """A deployment of somebody else's, from blue to green, whose controller died a while ago."""
    scene.store.create()
    given = facts(release=release)
    given["settings"]["nginx"]["file"] = str(scene.file)
    journal = Journal.create(scene.store, "dep-0", "eve@desk", given)
    journal.begin(step)
    if done:
        journal.done(step)
    if noted:
        journal.note(**noted)
    scene.host.clock.now += later
    return journal


GONE = "An earlier deployment was open whose owner is gone. Release 1 was rolled back: blue is live with release 1."


@pytest.mark.parametrize(
    "step, later, noted",
    [
        ("open", 1000, {}),
        ("fetch", 1000, {}),
        # Nobody goes on with what goes back, or is decided, however fresh its lease is.
        ("fetch", 0, {"back": True}),
        ("fetch", 0, {"guard": True}),
        ("fetch", 0, {"result": "rolled_back"}),
    ],
)
def test_what_was_abandoned_is_brought_to_an_end_first(scene, step, later, noted):
    scene.engine.add("web", color="green", status="created")
    earlier(scene, step, later=later, **noted)
    result = scene.open()
    assert (result["changed"], result["id"]) == (True, "dep-1")
    assert scene.host.warnings == [GONE]
    (entry,) = scene.store.history()
    assert (entry["id"], entry["result"], entry["reason"]) == (
        "dep-0",
        "rolled_back",
        "its owner was gone when the next one was deployed",
    )
    assert (scene.store.load()["id"], scene.store.load()["epoch"]) == ("dep-1", 1)


def test_what_was_abandoned_is_only_planned_for_in_check_mode(scene):
    scene.engine.add("web", color="green", status="created")
    earlier(scene, "fetch")
    before = copy.deepcopy(scene.store.load().data)
    result = scene.open(check_mode=True)
    assert (result["changed"], result["id"], result["live"], result["idle"]) == (True, "", "blue", "green")
    assert result["fetch"] == {"leftover": False} and result["up_to_date"] is False
    assert result["plan"] == [
        "recover: bring deployment dep-0 by eve@desk since 2026-11-23T12:00:00Z to an end, whose owner is gone (step fetch)",
        "deploy: look at the host again, and go on",
    ]
    assert scene.store.load().data == before and scene.host.calls == []
    assert scene.host.warnings == [] and scene.seen_env == {}


def test_what_turns_out_to_be_whole_is_left_to_a_human(scene, monkeypatch):
    """The release of before is live and well: only finish or rollback may end that, not the next deployment."""
    scene.host.programs["systemctl"] = Completed(0, "", "")
    monkeypatch.setattr(health_gate, "wait_healthy", lambda *given: None)
    monkeypatch.setattr(nginx_running, "served_color", lambda host, nginx: "green")
    scene.live("green")
    for worker in ("blue-worker", "blue-beat"):
        scene.engine.inspected[worker]["State"]["Status"] = "exited"
    scene.point_to(18002)
    earlier(scene, "settle")
    with pytest.raises(Fenced) as refusal:
        scene.open()
    assert refusal.value.message == (
        f"{OPEN} awaits approval of release 1: approve it with finish.yml, or go back with rollback.yml."
    )
    journal = scene.store.load()
    assert (journal["id"], journal["step"], journal["result"]) == ("dep-0", "awaiting_approval", "")
    assert scene.host.warnings[0] == (
        "An earlier deployment was open whose owner is gone. Release 1 is live and healthy, and awaits approval: run "
        "ansible-playbook smallfleet.bluegreen.finish or ansible-playbook smallfleet.bluegreen.rollback."
    )


def test_what_cannot_be_brought_to_an_end_keeps_the_next_one_out(scene, monkeypatch):
    scene.live("green")
    monkeypatch.setattr(nginx_running, "served_color", lambda host, nginx: "green")
    monkeypatch.setattr(health_gate, "wait_healthy", unhealthy)
    earlier(scene, "settle")
    with pytest.raises(BluegreenError, match="stopped in step settle, and neither color is healthy"):
        scene.open()
    # The next one finds that a human must look, and does not try it again.
    with pytest.raises(Fenced, match="look at it"):
        scene.open()
    assert scene.store.load()["id"] == "dep-0"


def unhealthy(*_given):
    raise BluegreenError("It is not healthy.")


# The guard on the host


@pytest.mark.parametrize("seconds", [20, 900, 0])
def test_seconds_without_a_sign_of_life(scene, seconds):
    assert scene.open(revert_after=seconds)["id"] == "dep-1"
    assert scene.store.load()["revert_after"] == seconds


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("seconds", [1, 10, 19])
def test_too_few_seconds_without_a_sign_of_life_are_refused(scene, seconds, check_mode):
    assert scene.refusal(revert_after=seconds, check_mode=check_mode) == (
        f"bluegreen_revert_after is {seconds} s, but between two steps up to 20 s may pass without a sign of life on a slow "
        "host, and then a deployment would be undone that goes well: give it 20 s or more, or 0 to turn the way back without "
        "a controller off."
    )


def test_the_guard_is_there_before_the_journal(scene, monkeypatch):
    """A power cut in between leaves a guard without a deployment, never a deployment without a guard."""
    done, names = [], ("guard installed", "timer armed", "settings", "journal")

    def note(module, attribute, name, result=None):
        real = getattr(module, attribute)

        def noted(*given):
            done.append((name, scene.store.load() is not None, given))
            return real(*given) if result is None else result

        monkeypatch.setattr(module, attribute, noted)

    note(host_program, "install", names[0], True)
    note(guard_units, "arm", names[1], True)
    note(settings_file, "write", names[2])
    note(Journal, "create", names[3])
    scene.open(revert_after=300)
    assert [each[0] for each in done] == list(names)
    assert not any(open_already for name, open_already, given in done)
    assert done[0][2] == (scene.host, scene.store, str(scene.file))
    assert done[1][2] == (scene.host, "shop", 300)
    assert scene.store.load()["armed"] is True
    with open(scene.store.path("settings.json"), encoding="utf-8") as source:
        kept = json.load(source)
    assert kept["settings"]["app"] == "shop" and kept["policies"]["worker"] == ALWAYS


@pytest.mark.parametrize("revert_after, systemd, guard", [(0, True, True), (900, False, False)])
def test_without_a_timer_none_is_noted(scene, monkeypatch, revert_after, systemd, guard):
    monkeypatch.setattr(guard_units, "arm", ARM)
    monkeypatch.setattr(guard_units, "has_systemd", lambda: systemd)
    monkeypatch.setattr(host_program, "install", lambda *given: guard)
    scene.open(revert_after=revert_after)
    assert scene.store.load()["armed"] is False
    assert scene.host.warnings == ([] if systemd else [guard_units.WITHOUT_SYSTEMD])


def test_a_host_without_systemd_is_told_so_in_the_plan(scene, monkeypatch):
    monkeypatch.setattr(guard_units, "has_systemd", lambda: False)
    scene.open(check_mode=True)
    assert scene.host.warnings == [guard_units.WITHOUT_SYSTEMD]


@pytest.mark.parametrize("part", ["install", "arm"])
def test_without_its_guard_no_deployment_is_opened(scene, monkeypatch, part):
    def refuse(*_given):
        raise BluegreenError("The guard does not run on this host.")

    with monkeypatch.context() as patch:
        patch.setattr(host_program if part == "install" else guard_units, part, refuse)
        with pytest.raises(BluegreenError, match="The guard does not run on this host"):
            scene.open()
    assert scene.store.load() is None
    assert os.listdir(scene.store.folder) == ["lock"] and not os.path.exists(scene.store.lease_mark)
    assert scene.host.calls == [] and scene.store.history() == []
    assert scene.open()["id"] == "dep-1"


def test_who_opens_between_the_look_and_the_lock_wins(scene, monkeypatch):
    lock = scene.store.lock

    def late(purpose):
        if "opening" in purpose:
            Journal.create(scene.store, "dep-0", "eve@desk", facts(release="1"))
        return lock(purpose)

    scene.store.create()
    monkeypatch.setattr(scene.store, "lock", late)
    with pytest.raises(Fenced, match="dep-0 by eve@desk"):
        scene.open()
    assert scene.store.load()["id"] == "dep-0"


# Back to the color that was kept


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


def test_the_kept_color_comes_back_without_compose_and_its_files(kept):
    kept.host.programs.clear()
    result = kept.open(prefer="rollback", release="", project_src="/srv/none", pull="always")
    assert (result["changed"], result["live"], result["idle"], result["release"]) == (True, "blue", "green", "1")
    assert result["plan"][0] == "plan: shop: green becomes live (back to release 1, which was kept)"
    assert not [line for line in result["plan"] if line.startswith("fetch")]
    assert result["plan"][-1] == "finish: after approval, stop and keep shop-blue"
    assert (result["undecided"], result["fetch"]) == (False, {"leftover": False})
    journal = kept.store.load()
    assert journal["policies"] == kept.policies
    # Whoever goes back may want to come forward again.
    assert journal["old_color"] == "stopped"


def test_the_kept_color_goes_by_the_broker_that_its_containers_name(kept):
    kept.engine.inspected["blue-worker"]["Config"]["Env"] = ["CELERY_BROKER_URL=redis://redis.lan/0"]
    kept.engine.inspected["blue-redis"]["Config"]["Image"] = "cache:1"
    assert kept.open(prefer="rollback", release="")["broker"] == "shared"


def test_an_open_question_keeps_nobody_from_going_back(kept):
    kept.engine.inspected["blue-worker"]["Config"]["Env"] = ["REDIS_URL=redis://redis.lan/0"]
    result = kept.open(prefer="rollback", release="")
    assert result["broker"] == "color"
    assert "plan: broker color, each color has its own: by the lists of services" in result["plan"]


def test_the_same_way_back_again_changes_nothing(kept):
    kept.host.programs.clear()
    kept.open(prefer="rollback", release="")
    again = kept.open(prefer="rollback", release="")
    assert (again["changed"], again["id"], again["release"], again["up_to_date"]) == (False, "dep-1", "1", False)


def test_nothing_was_kept(scene):
    assert scene.refusal(prefer="rollback") == (
        "There is nothing to go back to: no deployment of app shop is open, and no old color was kept. Deploy the earlier "
        "release instead; with bluegreen_old_color: stopped the old color is kept from the next deployment on."
    )


@pytest.mark.parametrize(
    "entry, way",
    [
        ({"result": "committed", "release_from": "1"}, " (ansible-playbook smallfleet.bluegreen.deploy -e bluegreen_release=1)"),
        # Nothing says which one was live before.
        ({"result": "committed", "release_from": ""}, ""),
        ({"result": "failed", "release_from": "1"}, ""),
    ],
)
def test_where_nothing_was_kept_the_release_from_before_is_named(scene, entry, way):
    scene.store.create()
    scene.store.log({"id": "dep-0", "release": "2", "from": "green", "to": "blue", "ended": "", "reason": "", **entry})
    with pytest.raises(BluegreenError) as refusal:
        scene.open(prefer="rollback", release="")
    assert f"no old color was kept. Deploy the earlier release instead{way}; with" in refusal.value.message


def created(scene, service):
    (found,) = docker_containers.of_project(scene.engine, "shop-green", [service])
    return found


def test_a_kept_color_that_somebody_removed_is_created_again(kept):
    kept.engine.prune()
    kept.engine.images["sha256:web-1"] = kept.engine.images.pop("registry/web:1")
    result = kept.open(prefer="rollback", release="")
    assert result["plan"][0] == (
        "plan: shop: green becomes live (back to release 1, which was kept; somebody removed shop-green-beat-1, "
        "shop-green-redis-1, shop-green-web-1, shop-green-worker-1, created again)"
    )
    assert {each.status for each in docker_containers.of_project(kept.engine, "shop-green")} == {"created"}
    # The tag has moved on; what comes back is what was there.
    assert created(kept, "web").image == "sha256:web-1"
    journal = kept.store.load()
    assert journal["policies"][created(kept, "worker").id] == ALWAYS
    assert journal["recreated"][0] == "network shop-green_default"
    assert kept.host.warnings[-1].startswith("Of color green, somebody had removed network shop-green_default, ")


def test_the_plan_creates_nothing(kept):
    kept.engine.prune()
    assert kept.open(check_mode=True, prefer="rollback", release="")["changed"] is True
    assert kept.host.calls == []


def test_a_kept_color_that_cannot_be_created_again_is_refused(kept):
    kept.engine.prune()
    del kept.engine.images["registry/worker:1"]
    with pytest.raises(BluegreenError) as refusal:
        kept.open(prefer="rollback", release="")
    assert refusal.value.message == (
        "Container shop-green-worker-1 was removed by somebody, and its image registry/worker:1 (sha256:worker-1) is no "
        "longer on this host (docker system prune -a removes it too): bring that very image back with docker pull or "
        "docker load, then run rollback.yml again."
    )
    assert kept.host.calls == []
    assert kept.store.load() is None


def test_a_kept_color_whose_place_a_later_release_has_taken_is_refused(kept):
    kept.engine.inspected["green-worker"].update(Id="green-worker-2", Image="sha256:worker-2")
    kept.engine.inspected["green-worker-2"] = kept.engine.inspected.pop("green-worker")
    with pytest.raises(BluegreenError) as refusal:
        kept.open(prefer="rollback", release="")
    assert refusal.value.message == (
        "Containers of the kept color green were replaced by others (shop-green-worker-1): deploy release 1 again instead."
    )
    assert kept.host.calls == []


def test_a_way_back_that_fails_at_its_begin_keeps_nobody_out(kept, monkeypatch):
    kept.engine.prune()

    def refuse(name, body):
        raise EngineError("no space left on device", 500)

    monkeypatch.setattr(kept.engine, "create", refuse)
    with pytest.raises(BluegreenError, match=r"shop-green-beat-1 of color green .* \(no space left on device\)"):
        kept.open(prefer="rollback", release="")
    assert kept.store.load() is None
    assert kept.store.history()[-1]["result"] == "rolled_back"


def test_a_way_back_that_failed_is_tried_again_by_the_same_command(kept):
    """Else a release that is live and bad would stay, and the rollback would pass for done."""
    kept.open(prefer="rollback", release="")
    undo = Request(prefer="rollback")
    deployment_finish.end(kept.store, kept.store.load(), "rolled_back", "green is not healthy.")
    assert kept.store.history()[-1]["to_kept"] is True
    found = recovery.recover(kept.host, kept.store, undo, check_mode=False)
    assert (found["found"], found["already"], found["again"], found["kept"]) == (False, False, True, "1")
    assert kept.open(prefer="rollback", release="", deployment_id="dep-2")["release"] == "1"


def test_a_release_that_was_undone_was_on_no_way_to_a_kept_color(kept):
    kept.open(release="3")
    deployment_finish.end(kept.store, kept.store.load(), "rolled_back", "green is not healthy.")
    assert "to_kept" not in kept.store.history()[-1]
    assert snapshot_file.kept_color(kept.store)["color"] == "green"


def test_what_brings_the_live_color_back_is_written_down(scene):
    scene.of_release("1")
    scene.engine.inspected["blue-web"]["Config"]["Env"] = ["PASSWORD=secret"]
    # No color starts it, so nobody has to bring it back.
    scene.engine.add("db")
    scene.open()
    remembered = snapshot_file.of_color(scene.store, "blue")
    assert remembered["release"] == "1"
    assert [each["name"] for each in remembered["containers"]] == [
        f"shop-blue-{service}-1" for service in ("beat", "redis", "web", "worker")
    ]
    assert [each["Name"] for each in remembered["networks"]] == ["shop-blue_default"]
    assert os.stat(scene.store.path("containers.json")).st_mode & 0o777 == 0o600
    # A secret is there, and nowhere else.
    for name in os.listdir(scene.store.folder):
        if name != "containers.json":
            with open(scene.store.path(name), encoding="utf-8") as file:
                assert "secret" not in file.read()


def test_the_color_that_is_kept_is_not_forgotten_for_the_live_one(kept):
    kept.open(release="3")
    assert snapshot_file.kept_color(kept.store)["color"] == "green"
    assert snapshot_file.of_color(kept.store, "blue") is not None


# Celery where the lists do not say so


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
        "celery of the live color blue runs Celery and is in no list: it is stopped with the old workers, started again by a "
        "rollback, and removed with the old color. If the new release has a service of this name too, add it to "
        "bluegreen_worker_services."
    ) in scene.host.warnings
    scene.open()
    assert scene.store.load()["old_workers"] == ["celery"]


def test_a_release_without_workers_is_refused_while_the_live_color_has_some(scene, monkeypatch):
    runs(scene, monkeypatch, "worker", "celery -A shop worker")
    for rendered in scene.rendered.values():
        del rendered["services"]["worker"], rendered["services"]["beat"]
    sentence = scene.refusal(services={"workers": []})
    assert "bluegreen_worker_services is [], but worker of the live color blue runs Celery" in sentence


def test_a_web_that_runs_celery_too_is_refused(scene, monkeypatch):
    runs(scene, monkeypatch, "web", "gunicorn shop", "celery -A shop worker", "celery -A shop beat")
    sentence = scene.refusal()
    assert sentence.startswith(
        "Container shop-blue-web-1 (service web, bluegreen_web_services) runs a Celery worker and a Celery beat beside the web"
    )
    assert "give Celery a service of its own in the Compose file" in sentence
    # A new Compose file alone changes nothing in what runs.
    assert "Then start the live color again in that way" in sentence


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
