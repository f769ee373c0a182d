# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import running as nginx_running
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._settings import Nginx
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._nginx.fake_nginx import (
    FakeEngine,
    container,
)

NAMES = {"blue": "web-blue:80", "green": "web-green:80"}


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
    with pytest.raises(
        BluegreenError, match="mounted as a single file into the container proxy.*mount its folder /srv/proxy instead"
    ):
        nginx_running.path_inside(
            [{"Source": "/srv/proxy/shop.conf", "Destination": "/x"}], "/srv/proxy/shop.conf", "proxy"
        )


def test_a_file_that_is_not_mounted_is_refused():
    with pytest.raises(BluegreenError, match="no folder with that file is mounted into the container proxy"):
        nginx_running.path_inside([{"Source": "/srv/proxy2", "Destination": "/x"}], "/srv/proxy/shop.conf", "proxy")


MOUNT = {"Source": "/srv/proxy", "Destination": "/etc/nginx/conf.d"}
SETTINGS = Nginx("shop", "/srv/proxy/shop.conf", "proxy", NAMES, "http://127.0.0.1/", "")


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


@pytest.mark.parametrize(
    "container_id, networks, sentence",
    [
        (
            "proxy",
            {"front": {"IPAddress": "172.20.0.2"}},
            "no running container on a network of Nginx (front) has that name: put the web service of green on such a "
            "network under that name or alias.",
        ),
        (
            "proxy",
            {"host": {"IPAddress": ""}},
            "the container of Nginx (proxy) has no network of its own: remove bluegreen_nginx_servers if that "
            "container uses the host's network, or attach it to the network of the web service of green.",
        ),
        (
            "",
            {},
            "Nginx runs on the host, where it reaches only the ports of the colors: remove bluegreen_nginx_servers, "
            "or, if Nginx runs in a container, name that in bluegreen_nginx_container.",
        ),
    ],
)
def test_a_name_without_an_address_is_refused(running, container_id, networks, sentence):
    running.container, running.networks = container_id, networks
    with pytest.raises(BluegreenError) as refusal:
        running.require_resolvable("green")
    assert refusal.value.message == f"bluegreen_nginx_servers.green is 'web-green:80', but {sentence}"


def test_names_may_have_addresses_of_both_kinds(running):
    facts = running.host.engine.everything["shop-blue-web-1"]["NetworkSettings"]["Networks"]["front"]
    facts["GlobalIPv6Address"] = "fd00::3"
    running.networks["front"]["GlobalIPv6Address"] = "fd00::2"
    assert running.endpoints("blue")[0] == {("172.20.0.3", 80), ("fd00::3", 80)}
    assert running.addresses == {"172.20.0.2", "fd00::2"}


def test_each_name_and_address_of_a_color(running):
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
    with pytest.raises(
        BluegreenError, match="bluegreen_nginx_container is 'proxy', but there is no container of that name"
    ):
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


def test_nginx_on_the_host_is_called_as_it_was_found(host, monkeypatch):
    found = nginx_running.nginx_search.Found(
        12, ["/usr/sbin/nginx", "-c", "/x.conf"], "build", "/usr/share/nginx", "/run/x.pid"
    )
    monkeypatch.setattr(nginx_running.nginx_search, "find", lambda host, nginx: found)
    asked = []
    host.run = lambda argv, **options: asked.append((argv, options["cwd"])) or Completed(1, "", "nginx: [emerg] no\n")
    settings = SETTINGS._replace(container="")
    running = nginx_running.Running(host, settings)
    assert running.pid == 12
    assert running.check() == (False, "no", "")
    assert asked == [(["/usr/sbin/nginx", "-c", "/x.conf", "-T"], "/proc/12/cwd")]
    host.run = lambda argv, **options: Completed(0, "text", "")
    assert running.check() == (True, "", "text")


@pytest.mark.parametrize(
    "log, reason",
    [
        ("", ""),
        ("2026/11/23 17:00:00 [notice] 1#1: signal process started", ""),
        (
            "2026/11/23 17:00:00 [emerg] 1#1: bind() to 0.0.0.0:80 failed (98: Address already in use)\n"
            "2026/11/23 17:00:01 [emerg] 1#1: still could not bind()",
            "bind() to 0.0.0.0:80 failed (98: Address already in use)",
        ),
        (
            'nginx: [emerg] unknown directive "x" in /a:1\nnginx: configuration file /n test failed',
            'unknown directive "x" in /a:1',
        ),
        ("2026/11/23 17:00:00 [error] 1#1: *5 connect() failed (111: Connection refused)", ""),
    ],
)
def test_reason_of(log, reason):
    assert nginx_running.reason_of(log) == reason
