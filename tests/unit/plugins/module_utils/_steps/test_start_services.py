# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import (
    before_stop,
    old_web as deployment_old_web,
    start_candidate,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.start_candidate import Started
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.drain import Drained
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps import start_services
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import registered_tasks
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers.handover import Stop, TookOver
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import facts

PARAMS = {
    "app": "shop",
    "deployment_id": "",
    "epoch": 0,
    "project": "shop-blue",
    "services": {"support": ["redis"], "init": ["migrate"], "web": ["web"], "workers": None},
    "wait": True,
    "timeout": 20.0,
    "replaces": "",
    "before_stop": False,
    "broker": None,
}
BROKER = {"mode": "none"}


class Calls(list):
    """The calls, and ``sort``: what is called before the first worker starts."""

    sort = None


@pytest.fixture
def calls(host, monkeypatch, store):
    calls = Calls()
    for service in ("redis", "migrate", "web", "worker"):
        host.engine.add(service, status="created")

    def start(host, journal, containers, timeout, broker, wait):
        calls.append(({role: [each.service for each in found] for role, found in containers.items()}, timeout, wait))
        return Started(["shop-blue-web-1"], 1.5)

    def take_over(host, journal, new, broker, old, move, stop, timeout, wait, sort, make_room):
        calls.sort = sort
        calls.append(([each.service for each in new], [each.name for each in old], bool(move), stop, timeout, wait))
        journal.begin(Step.HANDOVER)
        journal.done(Step.START_WORKERS, tasks_moved=7)
        return TookOver(["shop-blue-worker-1"], 2.5, ["/srv/celerybeat-schedule"])

    monkeypatch.setattr(start_candidate, "start", start)
    monkeypatch.setattr(start_services, "take_over", take_over)
    return calls


def test_only_the_roles_given(host, calls):
    result = start_services.start(PARAMS, host, False)
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
    create_journal(store, "dep-1", "me", facts(broker=BROKER))
    start_services.start({**PARAMS, "deployment_id": "dep-1", "epoch": 1, "services": services}, host, False)
    journal = store.load()
    assert (journal["step"], journal["done"]) == (step, True)


def test_what_runs_before_the_stop(host, calls, store, monkeypatch):
    def run(host, journal, containers, timeout, broker):
        assert (journal["step"], journal["done"]) == ("before_stop", False)
        calls.append(({role: [each.service for each in found] for role, found in containers.items()}, timeout))
        return Started(["shop-blue-migrate-1"], 1.5)

    monkeypatch.setattr(before_stop, "run_before_stop", run)
    store.create()
    create_journal(store, "dep-1", "me", facts(broker=BROKER))
    services = {"support": ["redis"], "init": ["migrate"], "web": None, "workers": None}
    params = {**PARAMS, "deployment_id": "dep-1", "epoch": 1, "services": services, "before_stop": True}
    assert start_services.start(params, host, False)["started"] == ["shop-blue-migrate-1"]
    assert calls == [({"support": ["redis"], "init": ["migrate"]}, 20.0)]
    assert (store.load()["step"], store.load()["done"]) == ("before_stop", True)


def test_workers_that_replace_others(host, calls, store):
    host.engine.add("worker", color="green", status="exited", Path="celery", Args=["worker"])
    host.engine.add("scheduler", color="green", status="exited", Path="celery", Args=["beat"])
    host.engine.add("web", color="green")
    store.create()
    # The new release has another name for it.
    given = {"from": "green", "to": "blue", "old_workers": ["scheduler"]}
    given["workers"] = {"stop_timeout": 40, "on_timeout": "leave"}
    create_journal(store, "dep-1", "me", facts(broker=BROKER, **given))
    params = {**PARAMS, "deployment_id": "dep-1", "epoch": 1, "services": {"workers": ["worker"]}}
    result = start_services.start({**params, "replaces": "shop-green"}, host, False)
    old = ["shop-green-scheduler-1", "shop-green-worker-1"]
    assert calls == [(["worker"], old, True, Stop(40, "leave", None), 20.0, True)]
    assert (result["started"], result["moved"], result["schedule"]) == (
        ["shop-blue-worker-1"],
        7,
        ["/srv/celerybeat-schedule"],
    )


@pytest.mark.parametrize("mode, sorts", [("shared", True), ("color", False)])
def test_what_waits_in_a_shared_broker_is_sorted(host, calls, store, monkeypatch, mode, sorts):
    store.create()
    broker = {"mode": mode, "service": "redis" if mode == "color" else "mq"}
    create_journal(store, "dep-1", "me", facts(**{"from": "green", "to": "blue"}, broker=broker))
    if mode == "shared":
        Path(store.path("broker.url")).write_text("redis://mq/0", encoding="utf-8")
    sorted_for = []
    monkeypatch.setattr(start_services, "park_unknown", lambda *given, **kw: sorted_for.append((given[2].name, kw)))
    params = {**PARAMS, "deployment_id": "dep-1", "epoch": 1, "services": {"workers": ["worker"]}}
    start_services.start({**params, "replaces": "shop-green"}, host, False)
    assert (calls.sort is not None) is sorts
    if sorts:
        calls.sort()
        assert sorted_for == [("redis://mq:6379", {"to_candidate": True})]


@pytest.mark.parametrize("open_names, asked", [({"old": ["shop.work"]}, ["shop-blue-worker-1"]), (None, [])])
def test_new_workers_tell_their_tasks_for_the_way_back(host, calls, store, monkeypatch, open_names, asked):
    store.create()
    broker = {"mode": "color", "service": "redis"}
    create_journal(store, "dep-1", "me", facts(**{"from": "green", "to": "blue"}, broker=broker, task_names=open_names))
    host.engine.add("worker", Path="celery", Args=["worker"])
    found = []

    def answer(host, broker, workers):
        found.extend(each.name for each in workers)
        return ["shop.new"]

    monkeypatch.setattr(registered_tasks, "of_live_workers", answer)
    params = {**PARAMS, "deployment_id": "dep-1", "epoch": 1, "services": {"workers": ["worker"]}}
    start_services.start({**params, "replaces": "shop-green"}, host, False)
    assert found == asked
    assert (store.load().get("task_names") or {}).get("candidate") == (["shop.new"] if asked else None)


@pytest.mark.parametrize("old_web, stopped", [("stopped", True), ("running", False), (None, False)])
def test_an_old_web_that_does_not_fit_stops_before_the_new_workers_start(host, store, monkeypatch, old_web, stopped):
    for service in ("worker", "redis"):
        host.engine.add(service, status="created")
    host.engine.add("worker", color="green", status="exited", Path="celery", Args=["worker"])
    host.engine.add("web", color="green")
    store.create()
    create_journal(store, "dep-1", "me", facts(broker=BROKER, **{"from": "green", "to": "blue", "old_web": old_web}))
    seen = []

    def take_over(host, journal, *given):
        make_room = given[-1]
        if make_room:
            make_room()
        seen.append(host.engine.state("green-web"))
        return TookOver([], 0.0, [])

    monkeypatch.setattr(start_services, "take_over", take_over)
    monkeypatch.setattr(deployment_old_web, "wait_drained", lambda *given, **named: Drained(True, [], 0.1))
    params = {**PARAMS, "deployment_id": "dep-1", "epoch": 1, "services": {"workers": ["worker"]}}
    start_services.start({**params, "replaces": "shop-green"}, host, False)
    assert seen == ["exited" if stopped else "running"]


def test_by_itself_nothing_is_moved(host, calls):
    host.engine.add("worker", color="green", status="exited")
    params = {**PARAMS, "services": {"workers": ["worker"]}, "replaces": "shop-green"}
    start_services.start(params, host, False)
    assert calls == [(["worker"], ["shop-green-worker-1"], False, Stop(), 20.0, True)]


def test_check_mode_only_looks(host, calls, tmp_path):
    result = start_services.start(PARAMS, host, True)
    assert result["started"] == ["shop-blue-redis-1", "shop-blue-migrate-1", "shop-blue-web-1"]
    assert (result["changed"], calls, host.calls) == (True, [], [])
    assert not (tmp_path / "lib").exists()


def test_what_runs_already_is_no_change(host, calls):
    host.engine.add("web", status="running")
    result = start_services.start({**PARAMS, "services": {"web": ["web"]}}, host, True)
    assert (result["changed"], result["started"], result["diff"]) == (False, [], {"before": {}, "after": {}})


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"services": {"web": ["webb"]}}, "services.web names 'webb', but project shop-blue has no container"),
        ({"timeout": -1.0}, "timeout is -1 s"),
        ({"replaces": "shop-green"}, "replaces is 'shop-green', but services names no workers that could take over"),
        ({"replaces": "Shop Green"}, "replaces"),
        (
            {"before_stop": True},
            "before_stop is true, but deployment_id is empty, and only a deployment stops old workers",
        ),
        (
            {"before_stop": True, "deployment_id": "dep-1"},
            "before_stop is true, but services names support, init, web, and only init services, and the support",
        ),
        (
            {"before_stop": True, "deployment_id": "dep-1", "services": {"support": ["redis"]}},
            "before_stop is true, but services names support, and only init services, and the support services",
        ),
    ],
)
def test_bad_input(host, calls, changes, sentence):
    with pytest.raises(BluegreenError, match=sentence):
        start_services.start({**PARAMS, **changes}, host, False)
    assert calls == []
