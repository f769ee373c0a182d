# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Before a way back begins, the old color is asked whether it answers; the guard and a human do so alike."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _http
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import (
    approval,
    finish as deployment_finish,
    status as deployment_status,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard import watch as guard_watch
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard.main import Guard
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._http import Answer
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux import memory as host_memory
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import (
    recover as recovery,
    rollback_preflight,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery.request import Request
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.deployment_states import keep_new_color
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import ALWAYS, NO_RESTART

UNDO = Request(prefer="rollback", reason="rollback.yml")
WAYS = (
    "ansible-playbook smallfleet.bluegreen.finish -e bluegreen_release=2 keeps release 2, and ansible-playbook "
    "smallfleet.bluegreen.rollback goes back once blue is healthy."
)
REFUSED = (
    "Release 2 of app shop was not rolled back, because the old color blue does not answer: blue is not healthy. "
    f"Release 2 is live and healthy, and awaits approval. {WAYS}"
)
MEMORY = dict.fromkeys(("free", "web", "support", "workers", "app", "oom_kills"), 400)


@pytest.fixture
def scene(monkeypatch, tmp_path):
    made = Scene(monkeypatch, tmp_path)
    made.color("blue", worker="exited", beat="exited")
    made.color("green")
    made.unhealthy = {"blue"}
    return made


def undo(scene, **params):
    return recovery.recover(scene.host, scene.store, UNDO._replace(**params), check_mode=False)


def refusal(scene, **params):
    with pytest.raises(rollback_preflight.NotBegun) as refused:
        undo(scene, **params)
    return refused.value.message


def test_a_human_is_told_before_anything_is_touched(scene):
    journal = scene.deployment("awaiting_approval")
    states = scene.states()
    assert refusal(scene) == REFUSED
    assert scene.effects() == ["wait for green", "wait for blue"]
    # Who was asked for the approval may still give it.
    assert scene.store.load().data == journal.data and scene.states() == states
    params = {"deployment_id": "dep-1", "epoch": 1, "release": "", "owner": ""}
    assert deployment_finish.finish_deployment(scene.host, scene.store, params, False, keep_new_color)["changed"]


def test_once_the_old_color_is_healthy_the_same_command_goes_back(scene):
    scene.deployment("awaiting_approval")
    refusal(scene)
    scene.unhealthy = set()
    assert undo(scene)["result"] == "rolled_back"


@pytest.mark.parametrize("broken", ["the web", "a worker"])
def test_a_new_color_that_is_not_whole_is_no_reason_to_stay(scene, broken):
    scene.deployment("awaiting_approval")
    if broken == "the web":
        scene.unhealthy = {"blue", "green"}
    else:
        scene.engine.stop("green-worker")
    with pytest.raises(BluegreenError) as failure:
        undo(scene)
    assert not isinstance(failure.value, rollback_preflight.NotBegun)
    assert scene.store.load()["rolling_back"] is True


@pytest.mark.parametrize("served, looked", [("green", True), ("blue", False), ("", True)])
def test_only_where_visitors_are_with_the_new_color(scene, served, looked):
    cutover = {
        "color": "green",
        "file": str(scene.file),
        "backup": str(scene.file.parent / ".bluegreen-shop.conf.before-dep-1"),
        "nginx_workers": [],
        "proved": "green",
    }
    scene.deployment("awaiting_approval", cutover=cutover)
    scene.served = served
    with pytest.raises(BluegreenError) as failure:
        undo(scene)
    assert isinstance(failure.value, rollback_preflight.NotBegun) is looked


@pytest.mark.parametrize("step", ["start_workers", "settle"])
def test_what_failed_late_awaits_approval_where_there_is_no_way_back(scene, step):
    """Its release is live and whole, as when its owner is lost in that step."""
    scene.deployment(step, done=False)
    assert refusal(scene, reason="a hook failed") == REFUSED
    journal = scene.store.load()
    assert (journal["step"], journal["done"], journal["rolling_back"], journal["result"]) == (
        "awaiting_approval",
        True,
        False,
        "",
    )
    assert scene.states()["green-worker"] == "running" and scene.states()["blue-worker"] == "exited"


def test_a_web_that_does_not_start_is_named(scene, monkeypatch):
    scene.deployment("awaiting_approval")
    scene.engine.stop("blue-web")

    def start(container):
        raise EngineError("port is already allocated.", 500)

    monkeypatch.setattr(scene.engine, "start", start)
    assert (
        "does not answer: container shop-blue-web-1 does not start (port is already allocated). Release 2"
        in refusal(scene)
    )


def test_a_web_that_is_gone_is_named(scene):
    scene.deployment("awaiting_approval")
    del scene.engine.inspected["blue-web"]
    assert "does not answer: its web has no container any more. Release 2" in refusal(scene)


def test_an_old_color_that_is_only_down_is_started_and_asked(scene):
    scene.deployment("awaiting_approval")
    scene.engine.stop("blue-web")
    scene.unhealthy = set()
    assert undo(scene)["result"] == "rolled_back"


# Where two webs and workers do not fit


@pytest.fixture
def one_web(scene):
    scene.deployment("awaiting_approval", old_web="stopped", policies={"blue-web": dict(ALWAYS)}, memory_budget=MEMORY)
    scene.engine.stop("blue-web")
    scene.engine.inspected["blue-web"]["HostConfig"]["RestartPolicy"] = dict(NO_RESTART)
    del scene.calls[:]
    return scene


def test_where_there_is_room_now_the_old_web_is_asked_beside(one_web):
    assert refusal(one_web) == REFUSED
    assert one_web.effects() == ["wait for green", "start blue-web", "wait for blue", "stop blue-web"]
    assert (one_web.states()["green-worker"], one_web.policies()["blue-web"]) == ("running", "no")
    one_web.unhealthy = set()
    assert undo(one_web)["result"] == "rolled_back"
    assert one_web.policies()["blue-web"] == "unless-stopped"


def test_where_there_is_none_the_way_itself_shows_it_with_nothing_moved(one_web, monkeypatch):
    monkeypatch.setattr(host_memory, "available_memory", lambda: 400)
    with pytest.raises(BluegreenError, match="No task was moved: the new color is live and healthy"):
        undo(one_web)
    assert "stop green-worker" in one_web.effects()
    assert one_web.store.load()["step"] == "awaiting_approval"


# The guard


class Guarded:
    """A guard over a deployment that nobody approved in time; ``answers`` is what each port answers."""

    def __init__(self, scene, monkeypatch, **facts):
        self.scene = scene
        self.said = []
        self.answers = {18001: Answer(500, "", 0.01), 18002: Answer(200, "", 0.01), 80: Answer(200, "", 0.01)}
        monkeypatch.setattr(guard_watch._http, "ask", lambda clock, url, *args: self.answers[url.port])
        approval.begin(scene.deployment("awaiting_approval", approval_timeout=60, on_timeout="rollback", **facts))
        self.guard = Guard(scene.host, scene.store, self.said.append)

    def run(self, seconds):
        until = self.scene.host.clock.now + seconds
        while self.scene.host.clock.now < until:
            pause = self.guard.turn()
            if pause is None:
                return
            self.scene.host.clock.sleep(pause)


PAST = (
    "The time to approve release 2 is over. It was not rolled back, because the old color blue does not answer: blue "
    "is not healthy."
)


def test_the_guard_does_not_begin_a_way_that_it_cannot_walk(scene, monkeypatch):
    guarded = Guarded(scene, monkeypatch)
    guarded.run(600)
    assert guarded.said == [f"{PAST} {WAYS}"]
    # The whole look was taken once; from then on one answer of the old web decides.
    assert scene.effects() == ["wait for green", "wait for blue"]
    journal = scene.store.load()
    assert (journal["step"], journal["rolling_back"], journal["epoch"]) == ("awaiting_approval", False, 1)
    assert journal["not_taken_back"] == "the old color blue does not answer: blue is not healthy"


def test_status_says_why(scene, monkeypatch):
    Guarded(scene, monkeypatch).run(100)
    deployment = deployment_status._deployment(scene.store.load())
    assert deployment["not_taken_back"] == "the old color blue does not answer: blue is not healthy"


def test_it_goes_back_as_soon_as_the_old_color_answers(scene, monkeypatch):
    guarded = Guarded(scene, monkeypatch)
    guarded.run(100)
    guarded.answers[18001] = Answer(200, "", 0.01)
    scene.unhealthy = set()
    guarded.run(10)
    assert scene.store.load() is None and scene.served == "blue"


def test_the_new_color_may_die_meanwhile(scene, monkeypatch):
    guarded = Guarded(scene, monkeypatch)
    guarded.run(100)
    scene.unhealthy = {"green"}
    guarded.answers.update({18001: Answer(200, "", 0.01), 18002: Answer(500, "", 0.01), 80: Answer(500, "", 0.01)})
    guarded.run(20)
    assert scene.served == "blue"


@pytest.mark.parametrize("free, begun", [(10**9, False), (400, True)])
def test_what_costs_more_than_a_look_is_tried_once(scene, monkeypatch, free, begun):
    monkeypatch.setattr(host_memory, "available_memory", lambda: free)
    guarded = Guarded(scene, monkeypatch, old_web="stopped", memory_budget=MEMORY)
    scene.engine.stop("blue-web")
    guarded.run(900)
    assert scene.effects().count("start blue-web") == 1
    assert ("stop green-worker" in scene.effects()) is begun
    assert "blue is not healthy" in scene.store.load()["not_taken_back"]
    assert scene.states()["green-worker"] == "running" and scene.states()["blue-web"] == "exited"


def test_a_time_that_begins_anew_forgets_why(scene, monkeypatch):
    Guarded(scene, monkeypatch).run(100)
    approval.begin_anew(scene.store.load(), 600, "keep")
    assert scene.store.load().get("not_taken_back") is None


def test_the_answer_of_a_web_is_the_reason(scene, monkeypatch):
    """With the real look: the sentence of the health gate, without what it says of logs."""
    monkeypatch.undo()
    monkeypatch.setattr(_http, "ask", lambda *args: Answer(500, "", 0.01))
    journal = scene.deployment("awaiting_approval")
    way = recovery.Recovery(scene.host, scene.store, journal, UNDO)
    why = rollback_preflight.why_no_way_back(scene.host, journal, way.settings, way.old)
    assert "18001" in why and "500" in why and "logs" not in why
