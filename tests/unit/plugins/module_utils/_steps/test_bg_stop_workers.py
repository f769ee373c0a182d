# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources.disk import MIB
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps import bg_stop_workers
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import stop as workers_stop
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers.stop import Stopped, StoppedWorkers
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers.unknown_tasks import Checked
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import facts

PARAMS = {
    "app": "shop",
    "deployment_id": "",
    "epoch": 0,
    "project": "shop-blue",
    "services": [],
    "state": "stopped",
    "cpu_shares": 2,
    "timeout": None,
    "on_timeout": "fail",
    "restore_orphans": True,
    "candidate": "",
    "unknown_tasks": "fail",
    "broker": None,
}


@pytest.fixture
def calls(host, monkeypatch, store):
    calls = []
    host.engine.add("web")
    host.engine.add("worker", Path="celery", Args=["worker"])
    host.engine.add("beat", status="exited", Path="celery", Args=["beat"])

    def stop_workers(host, journal, containers, timeout, on_timeout, broker, restore):
        calls.append(([each.service for each in containers], timeout, on_timeout, journal.get("step"), restore))
        return StoppedWorkers(
            True, [Stopped("blue-worker", "shop-blue-worker-1", "worker", "exec", 0, 2.0)], True, [], None, {}, 0
        )

    monkeypatch.setattr(workers_stop, "stop_workers", stop_workers)
    return calls


def test_by_itself_it_finds_what_is_celerys(host, calls):
    result = bg_stop_workers.stop_workers(PARAMS, host, False)
    assert calls == [(["beat", "worker"], None, "fail", None, True)]
    assert result["changed"] is True
    assert result["containers"][0]["exit_code"] == 0
    assert result["diff"] == {
        "before": {"shop-blue-beat-1": "exited", "shop-blue-worker-1": "running"},
        "after": {"shop-blue-beat-1": "exited", "shop-blue-worker-1": "exited"},
    }


def test_in_a_deployment_it_is_step_stop_workers(host, calls, store):
    store.create()
    create_journal(store, "dep-1", "me", facts())
    params = {
        **PARAMS,
        "deployment_id": "dep-1",
        "epoch": 1,
        "services": ["worker"],
        "timeout": 5.0,
        "on_timeout": "kill",
    }
    bg_stop_workers.stop_workers(params, host, False)
    assert calls == [(["worker"], 5.0, "kill", "stop_workers", True)]
    journal = store.load()
    assert (journal["step"], journal["done"]) == ("stop_workers", True)
    with pytest.raises(Fenced):
        bg_stop_workers.stop_workers({**params, "epoch": 7}, host, False)
    assert len(calls) == 1


def test_task_names_are_compared_before_anything_is_done(host, calls, store, monkeypatch):
    store.create()
    create_journal(store, "dep-1", "me", facts())
    for service in ("worker", "web"):
        host.engine.add(service, color="green", status="created", Path="celery", Args=["worker"])
    asked = []

    def refuse(host, journal, old, candidate, broker, policy, has_room, asks_later):
        asked.append(([each.name for each in old], [each.name for each in candidate], policy, journal["step"]))
        raise BluegreenError("The new release does not register these waiting tasks")

    monkeypatch.setattr(bg_stop_workers, "check", refuse)
    params = {**PARAMS, "deployment_id": "dep-1", "epoch": 1, "services": ["worker", "beat"], "candidate": "shop-green"}
    with pytest.raises(BluegreenError, match="does not register"):
        bg_stop_workers.stop_workers({**params, "unknown_tasks": "hold"}, host, False)
    assert asked == [(["shop-blue-worker-1"], ["shop-green-worker-1"], "hold", "open")]
    assert (calls, host.calls, store.load()["step"]) == ([], [], "open")


@pytest.mark.parametrize("same, slowed", [(True, True), (False, False)])
def test_one_broker_for_two_sets_of_workers_needs_releases_that_know_the_same(
    host, calls, store, monkeypatch, same, slowed
):
    store.create()
    create_journal(store, "dep-1", "me", facts(broker={"mode": "shared"}))
    host.engine.add("worker", color="green", status="created")
    monkeypatch.setattr(bg_stop_workers, "check", lambda *_given: Checked(same))
    params = {**PARAMS, "deployment_id": "dep-1", "epoch": 1, "services": ["worker"], "candidate": "shop-green"}
    bg_stop_workers.stop_workers({**params, "state": "throttled"}, host, False)
    assert (("weight 2", "blue-worker") in host.calls) is slowed
    assert bool(calls) is not slowed
    assert bool(host.warnings) is not slowed


@pytest.mark.parametrize("drained", [True, False], ids=["drained", "killed"])
def test_what_waits_in_a_shared_broker_is_sorted_however_the_workers_ended(host, calls, store, monkeypatch, drained):
    store.create()
    create_journal(store, "dep-1", "me", facts(broker={"mode": "shared"}))
    host.engine.add("worker", color="green", status="created")
    stopped, sorted_for = workers_stop.stop_workers, []
    monkeypatch.setattr(bg_stop_workers, "check", lambda *_given: Checked(False))
    monkeypatch.setattr(bg_stop_workers, "_broker_of", lambda *_given: contextlib.nullcontext(object()))
    monkeypatch.setattr(workers_stop, "stop_workers", lambda *given: stopped(*given)._replace(drained=drained))
    monkeypatch.setattr(bg_stop_workers, "park_unknown", lambda *given, **named: sorted_for.append(named))
    params = {**PARAMS, "deployment_id": "dep-1", "epoch": 1, "services": ["worker"], "candidate": "shop-green"}
    bg_stop_workers.stop_workers(params, host, False)
    assert sorted_for == [{"to_candidate": True}]


@pytest.fixture
def tight(host, calls, store, monkeypatch):
    """A host without the memory to load the app beside the old workers; ``free`` is what is free before and after."""
    store.create()
    create_journal(store, "dep-1", "me", facts())
    host.engine.add("worker", color="green", status="created")
    free = [93 * MIB, 500 * MIB]
    monkeypatch.setattr(bg_stop_workers, "app_of", lambda workers: 30 * MIB)
    monkeypatch.setattr(bg_stop_workers, "available_memory", lambda: free[bool(calls)])

    def check(host, journal, old, candidate, broker, policy, has_room, asks_later):
        return Checked(True) if has_room else Checked(False, lambda: calls.append("load the app"))

    monkeypatch.setattr(bg_stop_workers, "check", check)
    return free


def in_deployment(**changes):
    return {
        **PARAMS,
        "deployment_id": "dep-1",
        "epoch": 1,
        "services": ["worker"],
        "candidate": "shop-green",
        **changes,
    }


STOP = (["worker"], None, "fail", "stop_workers", True)


def test_an_app_that_does_not_fit_beside_the_old_workers_is_loaded_after_them(host, calls, tight):
    bg_stop_workers.stop_workers(in_deployment(), host, False)
    assert calls == [STOP, "load the app"]


def test_an_app_that_fits_is_loaded_before(host, calls, tight):
    tight[0] = 94 * MIB
    bg_stop_workers.stop_workers(in_deployment(), host, False)
    assert calls == [STOP]


def test_an_app_that_fits_at_no_time_is_not_loaded_at_all(host, calls, tight, store):
    tight[1] = 93 * MIB
    with pytest.raises(BluegreenError, match="too little memory is free to load the app"):
        bg_stop_workers.stop_workers(in_deployment(), host, False)
    assert calls == [STOP]
    assert store.load()["done"] is False


def test_going_back_does_not_fail_because_the_app_fits_at_no_time(host, calls, tight):
    tight[1] = 93 * MIB
    bg_stop_workers.stop_workers(in_deployment(unknown_tasks="hold"), host, False)
    assert calls == [STOP]
    assert "So no task is parked, and the new workers would discard" in host.warnings[0]


def test_workers_are_not_throttled_where_not_even_the_app_fits_beside_them(host, calls, tight):
    bg_stop_workers.stop_workers(in_deployment(state="throttled"), host, False)
    assert calls == [STOP, "load the app"]
    assert host.warnings == [
        "The workers were stopped instead of throttled, because the host no longer has the memory for both colors."
    ]


@pytest.mark.parametrize(
    "case, asks_later",
    [
        ({}, True),
        ({"state": "throttled"}, True),
        # Its workers sort what waits before the new ones start.
        ({"mode": "shared"}, False),
        # The memory that throttled workers need is the room for that container.
        ({"state": "throttled", "free": 93 * MIB}, False),
        ({"free": 93 * MIB}, True),
        # It starts after the move.
        ({"state": "throttled", "args": ["worker", "-B"]}, False),
        ({"state": "throttled", "new_args": ["worker", "-B"]}, False),
        ({"args": ["worker", "-B"]}, True),
    ],
)
def test_when_the_new_workers_can_be_asked_before_tasks_move_to_them(host, calls, store, monkeypatch, case, asks_later):
    store.create()
    create_journal(store, "dep-1", "me", facts(broker={"mode": case.get("mode", "color")}))
    host.engine.add("worker", Path="celery", Args=case.get("args", ["worker"]))
    host.engine.add("worker", color="green", status="created", Path="celery", Args=case.get("new_args", ["worker"]))
    given = []
    monkeypatch.setattr(bg_stop_workers, "app_of", lambda workers: 30 * MIB)
    monkeypatch.setattr(bg_stop_workers, "available_memory", lambda: case.get("free", 94 * MIB))
    monkeypatch.setattr(bg_stop_workers, "check", lambda *args: given.append(args[-1]) or Checked(False))
    bg_stop_workers.stop_workers(in_deployment(state=case.get("state", "stopped")), host, False)
    assert given == [asks_later]


def test_a_second_try_asks_about_the_workers_that_the_first_one_stopped(host, calls, store, monkeypatch):
    store.create()
    create_journal(store, "dep-1", "me", facts()).note(signalled=["blue-worker"])
    host.engine.add("worker", status="exited", Path="celery", Args=["worker"])
    host.engine.add("worker", color="green", status="created")
    asked = []
    monkeypatch.setattr(
        bg_stop_workers, "check", lambda *given: (asked.extend(each.name for each in given[2]), Checked(False))[1]
    )
    bg_stop_workers.stop_workers(in_deployment(), host, False)
    assert asked == ["shop-blue-worker-1"]


def test_check_mode_only_looks(host, calls, store, tmp_path):
    result = bg_stop_workers.stop_workers(PARAMS, host, True)
    assert (result["changed"], calls, host.calls) == (True, [], [])
    assert [each["name"] for each in result["containers"]] == ["shop-blue-worker-1"]
    assert result["diff"]["after"]["shop-blue-worker-1"] == "exited"
    assert not (tmp_path / "lib").exists()


def test_throttled_they_work_on_with_less(host, calls, store):
    params = {**PARAMS, "state": "throttled"}
    planned = bg_stop_workers.stop_workers(params, host, True)
    assert (planned["changed"], host.calls) == (True, [])
    result = bg_stop_workers.stop_workers(params, host, False)
    assert (result["changed"], result["drained"], calls) == (True, False, [])
    assert host.calls == [("weight 2", "blue-worker")]
    assert result["diff"]["after"] == {"shop-blue-beat-1": "exited", "shop-blue-worker-1": "running"}
    for check_mode in (True, False):
        assert bg_stop_workers.stop_workers(params, host, check_mode)["changed"] is False


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"project": "shop-purple"}, "project is 'shop-purple', but this host has no container"),
        ({"timeout": 0.0}, "timeout is 0 s"),
        ({"state": "throttled", "cpu_shares": 1}, "cpu_shares is 1, but throttled workers need a value from 2"),
        ({"state": "throttled", "cpu_shares": 1025}, "cpu_shares is 1025"),
        ({"candidate": "Shop"}, "candidate is 'Shop'"),
        ({"candidate": "shop-purple"}, "project is 'shop-purple', but this host has no container"),
        ({"app": "localhost"}, "app"),
    ],
)
def test_bad_input(host, calls, changes, sentence):
    with pytest.raises(BluegreenError, match=sentence):
        bg_stop_workers.stop_workers({**PARAMS, **changes}, host, False)
    assert calls == []
