# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.ensure import ensure_running, ensure_stopped


@pytest.fixture
def host(host_with_containers):
    for service, status in (("redis", "running"), ("web", "exited"), ("worker", "created"), ("beat", "restarting")):
        host_with_containers.engine.add(service, status=status)
    return host_with_containers


def test_only_what_is_down_is_started(host):
    ensured = ensure_running(host.engine, of_project(host.engine, "shop-blue"))
    assert [container.service for container in ensured.started] == ["web", "worker"]
    assert ensured.failed == []
    assert [call for call in host.calls if call[0] == "start"] == [("start", "blue-web"), ("start", "blue-worker")]


def test_one_that_does_not_start_delays_no_other(host, monkeypatch):
    start = host.engine.start

    def refuse_web(container):
        if container == "blue-web":
            raise EngineError("port is already allocated", 500)
        start(container)

    monkeypatch.setattr(host.engine, "start", refuse_web)
    ensured = ensure_running(host.engine, of_project(host.engine, "shop-blue"))
    assert [container.service for container in ensured.started] == ["worker"]
    [(container, error)] = ensured.failed
    assert (container.service, error.message) == ("web", "port is already allocated")


def test_what_runs_now_is_stopped_whatever_it_did_before(host):
    before = of_project(host.engine, "shop-blue")
    host.engine.start("blue-web")
    host.engine.stop("blue-redis")
    host.calls.clear()
    ensure_stopped(host.engine, before)
    assert host.calls == [("stop", "blue-beat"), ("stop", "blue-web")]
