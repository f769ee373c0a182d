# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    preflight as nginx_preflight,
    search as nginx_search,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._settings import Nginx
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._nginx.fake_nginx import (
    SERVERS,
    FakeEngine,
    container,
)

SETTINGS = Nginx("shop", "/srv/proxy/shop.conf", "proxy", SERVERS, "http://127.0.0.1/", "")


def test_it_says_why_nginx_is_not_found(host):
    host.engine = FakeEngine({"proxy": container("proxy", "front", "", running=False)})
    assert nginx_preflight.preflight(host, SETTINGS) == [
        "Nginx does not run: its container proxy is exited. Start it (docker start proxy)."
    ]


def test_an_engine_that_does_not_answer_is_an_error(host):
    host.engine = FakeEngine({}, EngineError("no engine"))
    with pytest.raises(EngineError):
        nginx_preflight.preflight(host, SETTINGS)


def test_an_invalid_configuration_cannot_be_switched(host, monkeypatch):
    found = nginx_search.Found(12, ["/usr/sbin/nginx"], "build", "/usr/share/nginx", "/run/x.pid")
    monkeypatch.setattr(nginx_search, "find", lambda host, nginx: found)
    settings = SETTINGS._replace(container="")
    host.run = lambda argv, **options: Completed(1, "", "nginx: [emerg] no\n")
    assert nginx_preflight.cannot_switch(host, settings) == "nginx -t says: no."
    host.run = lambda argv, **options: Completed(0, "", "")
    assert nginx_preflight.cannot_switch(host, settings) == ""


def test_what_cannot_be_found_cannot_be_switched(host):
    host.engine = FakeEngine({"proxy": container("proxy", "front", "", running=False)})
    assert nginx_preflight.cannot_switch(host, SETTINGS).startswith(
        "Nginx does not run: its container proxy is exited."
    )
    host.engine = FakeEngine({}, EngineError("no engine"))
    with pytest.raises(EngineError):
        nginx_preflight.cannot_switch(host, SETTINGS)


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
    assert nginx_preflight.live_color(SETTINGS._replace(file=str(file))) == color
