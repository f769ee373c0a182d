# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import running as nginx_running

PARAMS = {
    "app": "shop",
    "upstream": "",
    "file": "",
    "container": "",
    "ports": {"blue": 18001, "green": 18002},
    "servers": None,
    "public_url": "http://127.0.0.1/",
    "public_host": "",
    "validate_certs": True,
    "backup": False,
}
NAMES = {"blue": "web-blue:80", "green": "web-green:80"}


def test_settings_follow_from_app_and_ports():
    nginx = nginx_running.nginx_settings(PARAMS)
    assert nginx.upstream == "shop"
    assert nginx.file == "/etc/nginx/conf.d/bluegreen-shop.conf"
    assert nginx.servers == {"blue": "127.0.0.1:18001", "green": "127.0.0.1:18002"}


def test_settings_as_given():
    nginx = nginx_running.nginx_settings(
        {**PARAMS, "upstream": "web", "file": "/srv/n.conf", "servers": NAMES, "container": "proxy"}
    )
    assert (nginx.upstream, nginx.file, nginx.servers, nginx.container) == ("web", "/srv/n.conf", NAMES, "proxy")


@pytest.mark.parametrize(
    "params, words",
    [
        ({"upstream": "a;b"}, "upstream is 'a;b'"),
        ({"file": "../x"}, "file is '../x'"),
        ({"ports": {"blue": 80, "green": 81}}, "ports.blue is 80"),
        ({"ports": {"blue": 18001, "green": 18001}}, "ports gives both colors 18001"),
        ({"servers": {"blue": "a:1", "green": None}}, "servers has no green"),
        ({"servers": {"blue": "a:1", "green": "10.0.0.1:1"}}, "servers.green is '10.0.0.1:1'"),
        ({"public_url": "127.0.0.1"}, "public_url is '127.0.0.1'"),
        ({"public_host": "a b"}, "public_host is 'a b'"),
    ],
)
def test_settings_that_are_refused(params, words):
    with pytest.raises(BluegreenError) as refusal:
        nginx_running.nginx_settings({**PARAMS, **params})
    assert words in refusal.value.message


@pytest.mark.parametrize(
    "source, destination, expected",
    [
        ("/srv/proxy", "/etc/nginx/conf.d", "/etc/nginx/conf.d/shop.conf"),
        ("/srv", "/etc/nginx/", "/etc/nginx/proxy/shop.conf"),
        ("/", "/host", "/host/srv/proxy/shop.conf"),
    ],
)
def test_path_inside(source, destination, expected):
    mounts = [{"Source": "/data", "Destination": "/d"}, {"Source": source, "Destination": destination}]
    assert nginx_running.path_inside(mounts, "/srv/proxy/shop.conf", "proxy") == expected


def test_path_inside_takes_the_deepest_mount():
    mounts = [{"Source": "/srv", "Destination": "/a"}, {"Source": "/srv/proxy", "Destination": "/b"}]
    assert nginx_running.path_inside(mounts, "/srv/proxy/shop.conf", "proxy") == "/b/shop.conf"


def test_a_file_that_is_mounted_by_itself_is_refused():
    with pytest.raises(BluegreenError, match="mounted into the container proxy by itself.*mount its folder /srv/proxy instead"):
        nginx_running.path_inside([{"Source": "/srv/proxy/shop.conf", "Destination": "/x"}], "/srv/proxy/shop.conf", "proxy")


def test_a_file_that_is_not_mounted_is_refused():
    with pytest.raises(BluegreenError, match="no folder with that file is mounted into the container proxy"):
        nginx_running.path_inside([{"Source": "/srv/proxy2", "Destination": "/x"}], "/srv/proxy/shop.conf", "proxy")


class FakeEngine:
    def __init__(self, containers, error=None):
        self.everything = containers
        self.error = error
        self.answers = {}
        self.executed = []

    def inspect(self, name):
        if self.error:
            raise self.error
        return self.everything[name]

    def containers(self):
        return [
            {"Id": name, "NetworkSettings": {"Networks": data["NetworkSettings"]["Networks"]}}
            for name, data in self.everything.items()
        ]

    def execute(self, container, argv):
        self.executed.append((container, argv))
        return self.answers[tuple(argv)]


def container(name, network, address, aliases=(), running=True, pid=7, mounts=()):
    return {
        "Id": f"id-{name}",
        "Name": f"/{name}",
        "State": {"Running": running, "Status": "running" if running else "exited", "Pid": pid},
        "Mounts": list(mounts),
        "NetworkSettings": {"Networks": {network: {"IPAddress": address, "Aliases": list(aliases)}}},
    }


MOUNT = {"Source": "/srv/proxy", "Destination": "/etc/nginx/conf.d"}
SETTINGS = nginx_running.Nginx("shop", "/srv/proxy/shop.conf", "proxy", NAMES, "http://127.0.0.1/", "")


@pytest.fixture
def running(host, monkeypatch):
    host.engine = FakeEngine(
        {
            "proxy": container("proxy", "front", "172.20.0.2", mounts=[MOUNT]),
            "shop-blue-web-1": container("shop-blue-web-1", "front", "172.20.0.3", ["web-blue"], pid=31),
            "shop-green-web-1": container("shop-green-web-1", "other", "172.21.0.3", ["web-green"], pid=41),
            "stopped": container("stopped", "front", "", ["web-green"], running=False, pid=0),
        }
    )
    monkeypatch.setattr(nginx_running.nginx_master, "below", lambda pid: pid)
    monkeypatch.setattr(nginx_running.nginx_master, "title", lambda pid: "nginx: master process nginx -g daemon off;")
    return nginx_running.Running(host, SETTINGS)


def test_nginx_in_a_container_is_asked_there_with_its_own_arguments(running):
    argv = ("nginx", "-g", "daemon off;", "-T")
    running.host.engine.answers[argv] = (1, b"", b"nginx: [emerg] unknown directive \"x\" in /a:1\n")
    assert running.check() == (False, 'unknown directive "x" in /a:1', "")
    running.host.engine.answers[argv] = (0, b"# configuration file /a:\n", b"")
    assert running.check() == (True, "", "# configuration file /a:\n")
    assert running.host.commands == []
    assert (running.pid, running.file) == (7, "/etc/nginx/conf.d/shop.conf")


def test_a_reload_is_told(running):
    running.host.engine.answers[("nginx", "-g", "daemon off;", "-s", "reload")] = (1, b"", b"")
    assert running.reload() == "nginx -s reload ended with 1"
    assert running.host.commands == ["docker exec proxy nginx -g daemon off; -s reload"]


def test_names_are_looked_up_on_the_networks_of_nginx(running):
    assert running.endpoints("blue") == ({("172.20.0.3", 80)}, {31})
    assert running.endpoints("green") == (set(), set())
    running.require_resolvable("blue")
    with pytest.raises(BluegreenError, match="no running container on a network of Nginx .front. has that name"):
        running.require_resolvable("green")


def test_names_may_have_addresses_of_both_kinds(running):
    facts = running.host.engine.everything["shop-blue-web-1"]["NetworkSettings"]["Networks"]["front"]
    facts["GlobalIPv6Address"] = "fd00::3"
    running.networks["front"]["GlobalIPv6Address"] = "fd00::2"
    assert running.endpoints("blue")[0] == {("172.20.0.3", 80), ("fd00::3", 80)}
    assert running.addresses == {"172.20.0.2", "fd00::2"}


def test_whatever_a_color_can_be_called_by(running):
    assert running.written_as() == {
        "web-blue:80": "blue",
        "shop-blue-web-1:80": "blue",
        "172.20.0.3:80": "blue",
    }
    running.nginx = SETTINGS._replace(servers={"blue": "127.0.0.1:18001", "green": "[::1]:18002"})
    assert running.written_as() == {}


def test_loopback_needs_no_look_up(running):
    running.nginx = SETTINGS._replace(servers={"blue": "127.0.0.1:18001", "green": "[::1]:18002"})
    assert running.endpoints("blue") == ({("127.0.0.1", 18001)}, set())
    assert running.endpoints("green") == ({("::1", 18002)}, set())


def test_a_container_that_is_not_there(host):
    host.engine = FakeEngine({}, EngineError("No such container: proxy", 404))
    with pytest.raises(BluegreenError, match="bluegreen_nginx_container is 'proxy', but there is no container of that name"):
        nginx_running.Running(host, SETTINGS)


def test_a_container_that_is_stopped(host):
    host.engine = FakeEngine({"proxy": container("proxy", "front", "", running=False)})
    with pytest.raises(BluegreenError, match="its container proxy is exited. Start it"):
        nginx_running.Running(host, SETTINGS)


def test_a_container_without_nginx(host, monkeypatch):
    host.engine = FakeEngine({"proxy": container("proxy", "front", "172.20.0.2", mounts=[MOUNT])})
    monkeypatch.setattr(nginx_running.nginx_master, "below", lambda pid: None)
    with pytest.raises(BluegreenError, match="no Nginx runs in it"):
        nginx_running.Running(host, SETTINGS)


def test_preflight_says_what_keeps_nginx_from_being_found(host):
    host.engine = FakeEngine({"proxy": container("proxy", "front", "", running=False)})
    assert nginx_running.preflight(host, SETTINGS) == [
        "Nginx does not run: its container proxy is exited. Start it (docker start proxy)."
    ]


def test_an_engine_that_does_not_answer_is_no_finding(host):
    host.engine = FakeEngine({}, EngineError("no engine"))
    with pytest.raises(EngineError):
        nginx_running.preflight(host, SETTINGS)


def test_nginx_on_the_host_is_called_as_it_was_found(host, monkeypatch):
    found = nginx_running.nginx_search.Found(12, ["/usr/sbin/nginx", "-c", "/x.conf"], "build", "/usr/share/nginx", "/run/x.pid")
    monkeypatch.setattr(nginx_running.nginx_search, "find", lambda host, nginx: found)
    asked = []
    host.run = lambda argv, **options: asked.append((argv, options["cwd"])) or Completed(1, "", "nginx: [emerg] no\n")
    settings = SETTINGS._replace(container="")
    assert nginx_running.Running(host, settings).pid == 12
    assert nginx_running.cannot_switch(host, settings) == "nginx -t says: no."
    assert asked == [(["/usr/sbin/nginx", "-c", "/x.conf", "-T"], "/proc/12/cwd")]
    host.run = lambda argv, **options: Completed(0, "", "")
    assert nginx_running.cannot_switch(host, settings) == ""


def test_what_cannot_be_found_cannot_be_switched(host):
    host.engine = FakeEngine({"proxy": container("proxy", "front", "", running=False)})
    assert nginx_running.cannot_switch(host, SETTINGS).startswith("Nginx does not run: its container proxy is exited.")
    host.engine = FakeEngine({}, EngineError("no engine"))
    with pytest.raises(EngineError):
        nginx_running.cannot_switch(host, SETTINGS)


def test_the_error_log_is_read_from_the_moment_on(running, tmp_path):
    log = tmp_path / "error.log"
    log.write_text("2026/11/23 17:00:00 [emerg] 1#1: of before\n")
    running.container = ""
    running.prefix = str(tmp_path)
    watched = nginx_running.ErrorLog(running, "# configuration file /n.conf:\nerror_log error.log notice;\n")
    assert watched.reason() == ""
    with log.open("a") as target:
        target.write("2026/11/23 17:00:01 [emerg] 1#1: bind() failed\n")
    assert watched.reason() == "bind() failed"


def test_an_error_log_that_is_no_file_says_nothing(running):
    running.container = ""
    assert nginx_running.ErrorLog(running, "# configuration file /n.conf:\nerror_log stderr;\n").reason() == ""


@pytest.mark.parametrize(
    "text, color",
    [
        ("upstream shop { server 127.0.0.1:18002; }", "green"),
        ("upstream shop { server 127.0.0.1:18001 down; }", None),
        ("upstream shop { server 127.0.0.1:9; }", None),
        ("nonsense", None),
        (None, None),
    ],
)
def test_the_live_color_by_the_file(tmp_path, text, color):
    file = tmp_path / "shop.conf"
    if text:
        file.write_text(text)
    nginx = nginx_running.nginx_settings({**PARAMS, "file": "/srv/n.conf"})._replace(file=str(file))
    assert nginx_running.live_color(nginx) == color
