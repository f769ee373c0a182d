# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback on a host that cannot hold two webs and the workers."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux import memory as host_memory
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    switch as nginx_switch,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import stop as workers_stop
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._recovery.recovering import (
    AGAIN,
    LOOK,
    UNDO,
    abandoned,
    of_blue,
    pruned,
    recover,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import ALWAYS, NO_RESTART, record


@pytest.fixture
def one_web(scene, monkeypatch):
    """Awaits approval, the old web stopped; further steps by ``deployment``."""
    scene.color("blue", worker="exited", beat="exited", web="exited")
    scene.color("green")
    scene.deployment(
        "awaiting_approval",
        old_web="stopped",
        policies={"blue-web": dict(ALWAYS)},
        memory_budget={"free": 0, "web": 400, "support": 0, "workers": 300, "app": 0, "oom_kills": 0},
    )
    scene.engine.inspected["blue-web"]["HostConfig"]["RestartPolicy"] = dict(NO_RESTART)
    scene.brokers["green"].tasks = {"celery": 2}
    # No room for the old web beside all of the new color.
    monkeypatch.setattr(host_memory, "available_memory", lambda: 0)
    return scene


BACK_WITH_ONE_WEB = [
    # Whether there is a reason to stay, and whether tasks may take their time.
    "wait for green",
    "wait for green",
    # The memory of the new workers is for the old web.
    "stop workers",
    "stop green-beat",
    "stop green-worker",
    "start blue-web",
    "wait for blue",
    "switch to blue",
    # That of the new web is for the old workers.
    "drain",
    "stop green-web",
    "move shop-green/redis to shop-blue/redis",
    "restart workers",
    "start blue-beat",
    "start blue-worker",
    "move shop-green/redis to shop-blue/redis",
    "stop green-redis",
]


def test_the_old_web_boots_where_the_new_workers_were(one_web):
    assert recover(one_web, UNDO)["message"] == "Release 2 was rolled back: blue is live with release 1."
    assert one_web.effects() == BACK_WITH_ONE_WEB
    assert one_web.policies()["blue-web"] == "unless-stopped"
    assert one_web.policies()["green-web"] == "no"
    assert one_web.brokers["blue"].tasks == {"celery": 2}


@pytest.mark.parametrize(
    "params, step", [(UNDO, "handover"), (LOOK._replace(guard=True), "start_workers"), (LOOK, "settle")]
)
def test_every_way_back_takes_that_order(scene, params, step):
    scene.color("blue", worker="exited", beat="exited", web="exited")
    scene.color("green")
    scene.deployment(step, done=False, old_web="stopped")
    abandoned(scene)
    # For those that go by what they see: the new color is not whole, and the old web cannot be asked.
    scene.engine.inspected["green-beat"]["State"]["Status"] = "exited"
    recover(scene, params)
    effects = scene.effects()
    assert effects[-len(BACK_WITH_ONE_WEB) + 4:] == BACK_WITH_ONE_WEB[4:]
    assert effects.index("stop green-worker") < effects.index("start blue-web")


@pytest.mark.parametrize("params", [UNDO, LOOK._replace(guard=True)])
def test_an_old_web_that_a_cron_job_removed_while_it_was_stopped_is_created_again(scene, params):
    pruned(scene, "awaiting_approval", old_web="stopped")
    scene.engine.inspected["blue-web"]["State"]["Status"] = "exited"
    scene.engine.prune()
    # The new color is not whole.
    scene.engine.inspected["green-web"]["State"]["Status"] = "exited"
    scene.unhealthy = {"green"}
    recover(scene, params)
    assert set(of_blue(scene, "status").values()) == {"running"}
    assert {policy["Name"] for policy in of_blue(scene, "restart_policy").values()} == {"unless-stopped"}


def test_a_failure_before_the_old_web_was_stopped_leaves_the_order_of_memory(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", worker="created", beat="created")
    scene.deployment("cutover", old_web="stopped")
    recover(scene, UNDO)
    effects = scene.effects()
    assert "start blue-web" not in effects
    assert effects.index("switch to blue") < effects.index("stop green-web") < effects.index("restart workers")


def test_before_the_cutover_the_old_workers_wait_for_the_memory_of_the_new_web(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", worker="created", beat="created")
    scene.deployment("health", old_web="stopped")
    recover(scene, UNDO)
    effects = scene.effects()
    assert effects.index("stop green-web") < effects.index("restart workers")


def test_a_color_that_is_whole_is_held_without_the_old_web(one_web):
    assert recover(one_web, LOOK)["message"].startswith("Release 2 is live and healthy, and awaits approval")
    assert one_web.engine.state("blue-web") == "exited"
    assert one_web.effects() == ["wait for green"]


def test_one_that_was_cut_off_in_settle_is_held_with_its_old_web_stopped(scene):
    """Without workers it is settle that stops the old web."""
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle", done=False, old_web="stopped")
    abandoned(scene)
    assert recover(scene, LOOK)["changed"] is True
    assert (scene.engine.state("blue-web"), scene.engine.policy("blue-web")) == ("exited", "no")


@pytest.mark.parametrize("fault", ["the old web is ill", "Nginx is broken"])
def test_an_old_web_that_does_not_get_back_leaves_all_with_the_new_color(one_web, monkeypatch, fault):
    with monkeypatch.context() as patch:
        if fault == "the old web is ill":
            one_web.unhealthy = {"blue"}
        else:
            record(patch, one_web.calls, nginx_switch, "switch", "no switch", does=refuse)
        with pytest.raises(BluegreenError) as failure:
            recover(one_web, UNDO)
    why = "blue is not healthy." if fault == "the old web is ill" else "nginx -t says: no."
    assert failure.value.message == (
        f"Release 2 of app shop could not be rolled back: {why} No task was moved: the new color is live and healthy, "
        "its workers run, and it awaits approval again. Fix the cause named first, then run "
        "ansible-playbook smallfleet.bluegreen.rollback again, or keep the new color with ansible-playbook "
        "smallfleet.bluegreen.finish -e bluegreen_release=2."
    )
    assert one_web.brokers["green"].tasks == {"celery": 2}
    assert one_web.states() == {
        "blue-redis": "running",
        "blue-web": "exited",
        "blue-worker": "exited",
        "blue-beat": "exited",
        "green-redis": "running",
        "green-web": "running",
        "green-worker": "running",
        "green-beat": "running",
    }
    assert one_web.policies()["blue-web"] == "no"
    journal = one_web.store.load()
    assert (journal["step"], journal["done"], journal["rolling_back"], journal["result"], journal["reason"]) == (
        "awaiting_approval",
        True,
        False,
        "",
        "",
    )
    # Somebody fixes it.
    one_web.unhealthy = set()
    assert recover(one_web, UNDO)["result"] == "rolled_back"
    assert one_web.brokers["blue"].tasks == {"celery": 2}


def refuse(given):
    raise BluegreenError("nginx -t says: no.")


def test_where_neither_color_is_whole_the_old_workers_work(one_web):
    one_web.unhealthy = {"blue", "green"}
    with pytest.raises(BluegreenError) as failure:
        recover(one_web, UNDO)
    assert failure.value.message == (
        "Release 2 of app shop could not be rolled back: blue is not healthy. The old web was stopped again, and the "
        f"old workers run. Fix the cause named first, then {AGAIN}"
    )
    assert one_web.brokers["blue"].tasks == {"celery": 2}
    assert (one_web.engine.state("blue-worker"), one_web.engine.state("blue-web")) == ("running", "exited")
    assert (one_web.store.load()["result"], one_web.store.load()["rolling_back"]) == ("failed", True)
    # The next try makes room of those, too.
    del one_web.calls[:]
    one_web.unhealthy = set()
    assert recover(one_web, UNDO)["result"] == "rolled_back"
    effects = one_web.effects()
    assert effects.index("stop blue-worker") < effects.index("start blue-web") < effects.index("start blue-worker")


def test_both_webs_stay_where_nobody_knows_which_is_served(one_web, monkeypatch):
    record(monkeypatch, one_web.calls, nginx_switch, "switch", "no switch", does=refuse)
    one_web.served = ""
    with pytest.raises(BluegreenError, match="No web was stopped, and the old workers run"):
        recover(one_web, UNDO)
    assert (one_web.engine.state("blue-web"), one_web.engine.state("green-web")) == ("running", "running")


@pytest.mark.parametrize("free, boots", [(400, True), (399, False)])
def test_a_worker_that_does_not_end_keeps_the_memory_of_the_old_web(one_web, monkeypatch, free, boots):
    monkeypatch.setattr(host_memory, "available_memory", lambda: free)
    given = []
    record(monkeypatch, one_web.calls, workers_stop, "stop_workers", "tell them", does=given.append)
    if boots:
        recover(one_web, UNDO)
    else:
        with pytest.raises(
            BluegreenError,
            match="shop-green-beat-1 and shop-green-worker-1 still run 120 s after being told to finish, and the old "
            "web .* Free memory on this host. Or, .* stop them: docker stop shop-green-beat-1 shop-green-worker-1",
        ):
            recover(one_web, UNDO)
        assert one_web.store.load()["step"] == "awaiting_approval"
    assert (("start", "blue-web") in one_web.calls) is boots
    # Visitors are with the new color, so they get their time.
    assert given[0]["timeout"] == 120


def test_visitors_who_get_no_answer_wait_no_longer_for_tasks_than_was_allowed(one_web, monkeypatch):
    one_web.unhealthy = {"green"}
    given = []
    record(monkeypatch, one_web.calls, workers_stop, "stop_workers", "tell them", does=given.append)
    monkeypatch.setattr(host_memory, "available_memory", lambda: 400)
    recover(one_web, UNDO)
    assert given[0]["timeout"] == 60
