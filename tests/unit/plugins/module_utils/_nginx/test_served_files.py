# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    dump as nginx_dump,
    running as nginx_running,
    served_files,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.served_files import Served
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost

ROOT = "/var/lib/docker"


def parsed(text):
    return nginx_dump.load({"/etc/nginx/nginx.conf": "http { server {\n" + text + "\n} }"})


@pytest.mark.parametrize(
    "text, paths",
    [
        ("location /static/ { alias /srv/shop/static/; }", ["/srv/shop/static"]),
        ("location /static/ { root /srv/shop; }", ["/srv/shop/static"]),
        ("location ^~ /static/ { root /srv/shop; }", ["/srv/shop/static"]),
        ("location = /robots.txt { root /srv/shop; }", ["/srv/shop/robots.txt"]),
        ("location ~ ^/(static|media)/ { root /srv/shop; }", ["/srv/shop"]),
        ("location ~* \\.css$ { root /srv/shop; }", ["/srv/shop"]),
        ("location @files { root /srv/shop; }", ["/srv/shop"]),
        ("location / { location /static/ { if ($a) { root /srv/shop; } } }", ["/srv/shop/static"]),
        ("root /var/www/html;", ["/var/www/html"]),
        ("root html;", ["/usr/share/nginx/html"]),
        ("location ~ ^/s/(.*)$ { alias /srv/shop/static/$1; }", ["/srv/shop/static"]),
        ("root /srv/shop-$color/static;", ["/srv"]),
        ("root $folder;", []),
        ("root /;", []),
        ("location / { proxy_pass http://shop; }", []),
    ],
)
def test_folders_that_nginx_serves(text, paths):
    found = served_files.served(parsed(text), "/usr/share/nginx")
    assert [each.path for each in found] == paths
    assert all(each.place == "/etc/nginx/nginx.conf:2" for each in found)


def test_nothing_but_http_serves_files():
    assert served_files.served(nginx_dump.load({"/f": "events {} stream { server { listen 1; } }"})) == []


MOUNTS = [
    {"Type": "bind", "Source": "/srv/shop", "Destination": "/srv"},
    {"Type": "volume", "Source": "/var/lib/docker/volumes/media/_data", "Destination": "/srv/media"},
    {"Type": "tmpfs", "Source": "", "Destination": "/tmp"},
]


@pytest.mark.parametrize(
    "path, seen",
    [
        ("/srv/static", ["/srv/shop/static"]),
        ("/srv", ["/srv/shop"]),
        ("/srv/media/photos", ["/var/lib/docker/volumes/media/_data/photos"]),
        ("/srvx", []),
        ("/tmp/x", []),
        ("/usr/share/nginx/html", []),
    ],
)
def test_folders_of_an_nginx_in_a_container(path, seen):
    assert [each.path for each in served_files.on_host([Served(path, "f:1")], MOUNTS)] == seen


def bind(source, **more):
    return {"type": "bind", "source": source, "target": "/static", **more}


def volume(**more):
    return {"type": "volume", "source": "static", "target": "/static", **more}


def said(path, blue, green=None, volumes=None):
    rendered = {
        color: {
            "name": f"shop-{color}",
            "services": {"web": {"volumes": mounts}, "worker": {"volumes": mounts}},
            "volumes": volumes or {"static": {"name": f"shop-{color}_static"}},
        }
        for color, mounts in (("blue", [blue]), ("green", [green or blue]))
    }
    return served_files.warnings([Served(path, "/etc/nginx/x.conf:7")], rendered, ["web", "worker"], "1.4.2", ROOT)


def shared(path, folder):
    return [
        f"Nginx serves files from {path} (/etc/nginx/x.conf:7), and web and worker of both colors can write to "
        f"{folder}. "
        "That is right for uploads. But if a new release collects its static files there, they replace those of the "
        "live release before the switch, and a rollback does not bring them back: write ./static/${BG_RELEASE} (and "
        "that name in STATIC_URL), use names with a hash and never clear the folder, or let the web serve them "
        "(WhiteNoise)."
    ]


def of_blue(path):
    return [
        f"Nginx serves files from {path} (/etc/nginx/x.conf:7), which only blue has, so visitors get files of blue "
        "while green is live: mount one folder into both colors, or let the web serve its files (WhiteNoise)."
    ]


@pytest.mark.parametrize("path", ["/srv/shop/static", "/srv/shop/static/css", "/srv/shop"])
def test_a_folder_that_both_colors_write_to(path):
    assert said(path, bind("/srv/shop/static")) == shared(path, "/srv/shop/static")


def test_a_volume_that_both_colors_write_to():
    volumes = {"static": {"external": True, "name": "static"}}
    path = f"{ROOT}/volumes/static/_data"
    assert said(path, volume(), volumes=volumes) == shared(path, path)


def test_a_folder_of_one_color():
    assert said("/srv/blue/static", bind("/srv/blue/static"), bind("/srv/green/static")) == of_blue("/srv/blue/static")


def test_a_volume_of_one_color_that_web_only_reads():
    path = f"{ROOT}/volumes/shop-blue_static/_data"
    assert said(path, volume(read_only=True)) == of_blue(path)


@pytest.mark.parametrize(
    "path, blue, green",
    [
        ("/srv/shop/static", bind("/srv/shop/static", read_only=True), None),
        ("/srv/shop/static", bind("/srv/shop/static/1.4.2"), None),
        ("/srv/shop/statics", bind("/srv/shop/static"), None),
        ("/srv/www", bind("/srv/shop/static"), None),
        # Above the folders of both colors: a file of either can be asked for.
        ("/srv", bind("/srv/blue"), bind("/srv/green")),
        ("/srv/www", volume(), None),
    ],
)
def test_folders_without_a_warning(path, blue, green):
    assert said(path, blue, green) == []


def test_both_colors_served_each_for_itself():
    rendered = {
        color: {"name": f"shop-{color}", "services": {"web": {"volumes": [bind(f"/srv/{color}")]}}}
        for color in ("blue", "green")
    }
    found = [Served("/srv/blue", "f:1"), Served("/srv/green", "f:2")]
    assert served_files.warnings(found, rendered, ["web"], "1.4.2", ROOT) == []


RENDERED = {
    color: {"name": f"shop-{color}", "services": {"web": {"volumes": [bind("/srv/static")]}}}
    for color in ("blue", "green")
}


class Nginx:
    """Stands for the running one."""

    prefix = "/usr/share/nginx"
    container = ""
    dump = (
        "# configuration file /etc/nginx/nginx.conf:\nhttp { server { location /static/ { alias /srv/static/; } } }\n"
    )

    def __init__(self, host, nginx):
        pass

    def check(self):
        return nginx_running.Checked(True, "", self.dump)


def test_the_nginx_that_runs_is_asked(monkeypatch):
    monkeypatch.setattr(nginx_running, "Running", Nginx)
    (sentence,) = served_files.find_warnings(FakeHost(), nginx_running.Seen(None, None), RENDERED, ["web"], "1.4.2")
    assert sentence.startswith(
        "Nginx serves files from /srv/static (/etc/nginx/nginx.conf:1), and web of both colors can write"
    )


@pytest.mark.parametrize("dump", ["", "# configuration file /f:\nhttp {", "# configuration file /f:\nhttp { }\n"])
def test_a_configuration_that_cannot_be_read_stops_nothing(monkeypatch, dump):
    monkeypatch.setattr(nginx_running, "Running", type("Broken", (Nginx,), {"dump": dump}))
    assert served_files.find_warnings(FakeHost(), nginx_running.Seen(None, None), RENDERED, ["web"], "1.4.2") == []


def test_nginx_is_not_asked_when_nothing_is_mounted(monkeypatch):
    monkeypatch.setattr(nginx_running, "Running", None)
    assert (
        served_files.find_warnings(
            FakeHost(),
            nginx_running.Seen(None, None),
            {color: {"name": color, "services": {"web": {}}} for color in RENDERED},
            ["web"],
            "",
        )
        == []
    )
