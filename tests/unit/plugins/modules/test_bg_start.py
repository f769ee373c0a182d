# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import Journal, Store
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._start import Started
from ansible_collections.smallfleet.bluegreen.plugins.modules import bg_start

PARAMS = {
    "app": "shop",
    "deployment_id": "",
    "epoch": 0,
    "project": "shop-blue",
    "services": {"support": ["redis"], "init": ["migrate"], "web": ["web"], "workers": None},
    "wait": True,
    "timeout": 20.0,
    "broker": None,
}


@pytest.fixture
def host(host_with_containers):
    return host_with_containers


@pytest.fixture
def store(host, monkeypatch, tmp_path):
    def make(app, host):
        return Store(app, host, str(tmp_path / "lib"), str(tmp_path / "run"))

    monkeypatch.setattr(bg_start, "Store", make)
    return make("shop", host)


@pytest.fixture
def calls(host, monkeypatch, store):
    calls = []
    for service in ("redis", "migrate", "web", "worker"):
        host.engine.add(service, status="created")

    def start(host, journal, containers, roles, timeout, broker, wait):
        calls.append(({role: [each.service for each in found] for role, found in containers.items()}, timeout, wait))
        return Started(["shop-blue-web-1"], 1.5)

    monkeypatch.setattr(bg_start, "start", start)
    return calls


def test_only_the_roles_given(host, calls):
    result = bg_start.bring_up(PARAMS, host, False)
    assert calls == [({"support": ["redis"], "init": ["migrate"], "web": ["web"]}, 20.0, True)]
    assert (result["changed"], result["started"], result["seconds"]) == (True, ["shop-blue-web-1"], 1.5)
    assert result["diff"]["after"] == {
        "shop-blue-redis-1": "running",
        "shop-blue-migrate-1": "exited",
        "shop-blue-web-1": "running",
    }


@pytest.mark.parametrize(
    "services, step",
    [
        ({"workers": ["worker"]}, "start_workers"),
        ({"web": ["web"]}, "start_candidate"),
        ({"init": ["migrate"]}, "start_candidate"),
    ],
)
def test_the_step_it_belongs_to(host, calls, store, services, step):
    store.create()
    settings = {"broker": {"mode": "none", "service": "redis", "url": ""}}
    Journal.create(store, "dep-1", "me", {"settings": settings})
    bg_start.bring_up({**PARAMS, "deployment_id": "dep-1", "epoch": 1, "services": services}, host, False)
    journal = store.load()
    assert (journal["step"], journal["done"]) == (step, True)


def test_check_mode_only_looks(host, calls, tmp_path):
    result = bg_start.bring_up(PARAMS, host, True)
    assert result["started"] == ["shop-blue-redis-1", "shop-blue-migrate-1", "shop-blue-web-1"]
    assert (result["changed"], calls, host.calls) == (True, [], [])
    assert not (tmp_path / "lib").exists()


def test_what_runs_already_is_no_change(host, calls):
    host.engine.add("web", status="running")
    result = bg_start.bring_up({**PARAMS, "services": {"web": ["web"]}}, host, True)
    assert (result["changed"], result["started"], result["diff"]) == (False, [], {"before": {}, "after": {}})


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"services": {"web": ["webb"]}}, "services.web names 'webb', but project shop-blue has no container"),
        ({"timeout": -1.0}, "timeout is -1 s"),
    ],
)
def test_bad_input(host, calls, changes, sentence):
    with pytest.raises(BluegreenError, match=sentence):
        bg_start.bring_up({**PARAMS, **changes}, host, False)
    assert calls == []
