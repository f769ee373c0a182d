# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests of the switch."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    switch as nginx_switch,
    upstream_text,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.routes import PublicSide
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._nginx.fake_nginx import (
    SERVERS,
    FakeLog,
    FakeNginx,
    FakeRequests,
)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "bluegreen-shop.conf"
    path.write_text(upstream_text.render("shop", "blue", SERVERS, "1"))
    return path


@pytest.fixture
def nginx(path, monkeypatch):
    fake = FakeNginx(path)
    monkeypatch.setattr(nginx_switch, "Running", lambda host, settings: fake)
    monkeypatch.setattr(nginx_switch, "ErrorLog", FakeLog)
    monkeypatch.setattr(nginx_switch.public_requests, "PublicRequests", FakeRequests)
    monkeypatch.setattr(
        nginx_switch.public_requests,
        "public_side",
        lambda running: PublicSide("http://127.0.0.1/", 80, "127.0.0.1", "127.0.0.1"),
    )
    return fake


@pytest.fixture
def move(host, journal, nginx):
    def move(color, **options):
        return nginx_switch.switch(host, journal, nginx.nginx, color, "2", **options)

    return move
