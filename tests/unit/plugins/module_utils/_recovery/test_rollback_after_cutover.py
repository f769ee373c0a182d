# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback after the cutover."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import move as broker_move, queues
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import history_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import (
    switch as nginx_switch,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import stop as workers_stop
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._recovery.recovering import (
    AGAIN,
    LOOK,
    UNDO,
    abandoned,
    recover,
    sorted_pairs,
    unstartable,
    written,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import ALWAYS, NO_RESTART, record

ORDER_OF_GOING_BACK = [
    # Whether there is a reason to stay, and a way.
    "wait for green",
    "wait for blue",
    "wait for blue",
    "switch to blue",
    "stop workers",
    "stop green-worker",
    "stop green-beat",
    "move shop-green/redis to shop-blue/redis",
    "restart workers",
    "start blue-worker",
    "start blue-beat",
    "drain",
    "stop green-web",
    "move shop-green/redis to shop-blue/redis",
    "stop green-redis",
]


@pytest.mark.parametrize(
    "step, done",
    [("cutover", False), ("cutover", True), ("handover", True), ("start_workers", False), ("awaiting_approval", True)],
)
def test_going_back_after_the_cutover_keeps_to_the_order(scene, step, done):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.brokers["green"].tasks = {"celery": 5}
    scene.deployment(step, done)
    result = recover(scene, UNDO)
    assert sorted_pairs(scene.effects()) == sorted_pairs(ORDER_OF_GOING_BACK)
    assert scene.brokers["blue"].tasks == {"celery": 5}
    assert scene.policies() == {
        **{f"blue-{service}": "unless-stopped" for service in ("redis", "web", "worker", "beat")},
        **{f"green-{service}": "no" for service in ("redis", "web", "worker", "beat")},
    }
    assert result["result"] == "rolled_back"
    entry = written(scene)
    assert (entry["result"], entry["reason"], entry["tasks_moved"]) == ("rolled_back", "health: no answer", 5)
    assert (entry["from"], entry["to"], entry["release"], entry["release_from"]) == ("blue", "green", "2", "1")


def test_an_old_color_that_is_down_is_started_before_it_gets_requests(scene):
    scene.color("blue", "exited")
    scene.color("green")
    journal = scene.deployment("settle")
    for service in ("redis", "web"):
        journal.data["policies"][f"blue-{service}"] = dict(ALWAYS)
        scene.engine.inspected[f"blue-{service}"]["HostConfig"]["RestartPolicy"] = dict(NO_RESTART)
    journal.save()
    recover(scene, UNDO)
    starts = ["start blue-redis", "start blue-web", "wait for blue"]
    assert scene.effects()[:6] == ["wait for green", *starts, "wait for blue", "switch to blue"]
    assert (scene.engine.policy("blue-redis"), scene.engine.policy("blue-web")) == ("unless-stopped", "unless-stopped")


def test_workers_that_never_started_need_no_stop(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", worker="created", beat="created")
    scene.deployment("cutover")
    recover(scene, UNDO)
    assert sorted_pairs(scene.effects()) == sorted_pairs(
        [
            "wait for blue",
            "switch to blue",
            "move shop-green/redis to shop-blue/redis",
            "restart workers",
            "start blue-beat",
            "start blue-worker",
            "drain",
            "stop green-web",
            "move shop-green/redis to shop-blue/redis",
            "stop green-redis",
            "remove green-beat",
            "remove green-worker",
        ]
    )


def test_the_direction_is_on_the_disk_before_anything_is_done(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle")
    seen = []
    record(
        monkeypatch,
        [],
        nginx_switch,
        "switch",
        does=lambda given: seen.append((scene.store.load()["rolling_back"], scene.store.load()["epoch"])),
    )
    recover(scene, UNDO)
    assert seen == [(True, 2)]


@pytest.mark.parametrize("params", [UNDO, LOOK])
def test_going_back_is_taken_up_again_where_it_was_cut_off(scene, params):
    scene.color("blue")
    scene.color("green", worker="exited", beat="exited")
    scene.deployment("settle", rolling_back=True, reason="the first reason")
    abandoned(scene)
    recover(scene, params)
    assert written(scene)["reason"] == "the first reason"
    assert scene.engine.state("green-web") == "exited"


def test_the_old_release_is_named_in_the_file_again(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle")
    given = []
    record(monkeypatch, [], nginx_switch, "switch", does=given.append)
    recover(scene, UNDO)
    assert (given[0]["color"], given[0]["release"]) == ("blue", "1")
    assert given[0]["nginx"].file == str(scene.file)


def test_a_broker_that_still_holds_tasks_is_never_stopped(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.brokers["green"].tasks = {"celery": 3}
    # The old broker does not answer, so nothing can be moved to it.
    scene.brokers["blue"] = None
    scene.deployment("settle")
    result = recover(scene, UNDO)
    assert scene.engine.state("green-redis") == "running"
    # It survives a boot, because the next deployment is to find it.
    assert scene.engine.policy("green-redis") == "unless-stopped"
    assert scene.engine.policy("green-web") == "no"
    assert scene.engine.state("green-web") == "exited"
    assert scene.host.warnings == [
        "The broker of shop-green still holds tasks (3 in celery), so it keeps running: the next deployment moves them "
        "to the live color."
    ]
    assert result["result"] == "rolled_back"


def test_a_broker_that_does_not_answer_keeps_no_old_worker_stopped(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle")
    record(monkeypatch, scene.calls, broker_move, "move", does=BluegreenError("Redis does not answer."))
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert scene.engine.state("blue-worker") == "running"
    assert scene.engine.state("green-redis") == "running"
    assert set(scene.host.warnings) == {
        "Tasks in the broker of shop-green could not be moved back: Redis does not answer."
    }


def test_a_broker_that_does_not_say_what_it_holds_goes_on_running(scene, monkeypatch):
    def fail(broker):
        raise BluegreenError("Redis does not answer.")

    scene.color("green")
    scene.deployment("settle", **{"from": "", "release_from": ""})
    monkeypatch.setattr(queues, "count_messages", fail)
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert (scene.engine.state("green-redis"), scene.engine.state("green-web")) == ("running", "exited")
    assert scene.host.warnings == [
        "The broker of shop-green does not tell whether it holds tasks, so it keeps running: Redis does not answer."
    ]


@pytest.mark.parametrize("step", ["health", "cutover", "settle", "awaiting_approval"])
def test_a_broker_that_went_down_is_not_taken_for_empty(scene, step):
    """A boot, or a restart of the engine, leaves one down that has no restart policy."""
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", redis="exited")
    scene.brokers["green"].tasks = {"celery": 5}
    scene.deployment(step)
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert scene.brokers["blue"].tasks == {"celery": 5}
    assert scene.engine.state("green-redis") == "exited"
    assert "Container shop-green-redis-1 was down and was started again." in scene.host.warnings


@pytest.mark.parametrize("live", ["blue", ""])
@pytest.mark.parametrize("step", ["health", "settle"])
def test_a_broker_that_does_not_start_again_is_kept_for_the_next_deployment(scene, monkeypatch, step, live):
    if live:
        scene.color("blue", worker="exited", beat="exited")
    scene.color("green", redis="exited")
    unstartable(scene, monkeypatch, "green-redis")
    journal = scene.deployment(step, **{"from": live, "release_from": "1" if live else ""})
    journal.data["policies"]["green-redis"] = dict(ALWAYS)
    journal.save()
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert not live or scene.engine.state("blue-worker") == "running"
    assert (scene.engine.state("green-web"), scene.engine.policy("green-redis")) == ("exited", "unless-stopped")
    assert (
        "The broker of green, container shop-green-redis-1, may hold tasks, but was down and does not start (port is "
        "already allocated). Look at its log (docker logs shop-green-redis-1)."
    ) in scene.host.warnings


def test_a_broker_that_falls_again_keeps_nobody_waiting(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", redis="exited")
    scene.deployment("settle")
    start = scene.engine.start
    monkeypatch.setattr(
        scene.engine,
        "start",
        lambda container: start(container) if container != "green-redis" else scene.calls.append(("start", container)),
    )
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert (
        "The broker of green, container shop-green-redis-1, may hold tasks, but was down and exited right after its "
        "start. Look at its log (docker logs shop-green-redis-1)."
    ) in scene.host.warnings


def test_a_broker_that_loads_its_data_is_waited_for(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", redis="exited")
    scene.brokers["green"].tasks = {"celery": 5}
    scene.deployment("settle")
    loaded = scene.host.clock.now + 30
    monkeypatch.setattr(scene.brokers["green"], "answers", lambda: scene.host.clock.now >= loaded)
    recover(scene, UNDO)
    assert scene.brokers["blue"].tasks == {"celery": 5}


def test_what_a_handover_could_not_deliver_is_back_before_the_old_workers_start(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", redis="exited", worker="created", beat="created")
    scene.brokers["blue"].staged = {"celery": 2}
    scene.deployment("handover", done=False)
    recover(scene, UNDO)
    assert scene.brokers["blue"].tasks == {"celery": 2}
    effects = scene.effects()
    assert effects.index("take back in shop-blue/redis") < effects.index("restart workers")


def test_a_worker_that_still_finishes_a_task_is_left_to_it(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle")
    record(monkeypatch, scene.calls, workers_stop, "stop_workers", "stop workers")
    recover(scene, UNDO)
    assert scene.engine.state("green-worker") == "running"
    assert scene.engine.state("green-redis") == "running"
    assert scene.engine.state("green-web") == "exited"
    assert scene.engine.policy("green-worker") == "no"
    assert scene.host.warnings[0] == (
        "shop-green-beat-1 and shop-green-worker-1 still run, so the broker of shop-green keeps running too."
    )


PROBLEM = "nginx -t says: unexpected end."


@pytest.mark.parametrize(
    "step, facts, workers, touched",
    [
        ("awaiting_approval", {}, "running", False),
        # Nobody works on the tasks of the new color, so the old one's workers do.
        ("awaiting_approval", {}, "exited", True),
        # The way back was begun.
        ("awaiting_approval", {"rolling_back": True}, "running", True),
        ("settle", {}, "running", True),
    ],
)
def test_an_nginx_that_cannot_be_switched_is_seen_before_a_worker_is_touched(
    scene, monkeypatch, step, facts, workers, touched
):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", worker=workers, beat=workers)
    scene.deployment(step, **facts)
    scene.nginx_problem, scene.served = PROBLEM, "green"
    before = scene.states()
    record(monkeypatch, scene.calls, nginx_switch, "switch", "switch to blue", BluegreenError(PROBLEM))
    with pytest.raises(BluegreenError) as failure:
        recover(scene, UNDO)
    if touched:
        assert failure.value.message.startswith(
            f"Release 2 of app shop could not be rolled back: {PROBLEM} No web was stopped"
        )
        assert scene.engine.state("blue-worker") == "running"
        return
    assert failure.value.message == (
        f"Release 2 of app shop cannot be rolled back now: {PROBLEM} Nothing was changed, and the release still "
        "awaits approval. Fix the cause named first, then run ansible-playbook smallfleet.bluegreen.rollback again, or "
        "keep the release with ansible-playbook smallfleet.bluegreen.finish."
    )
    assert scene.states() == before
    assert (scene.store.load()["step"], scene.store.load()["rolling_back"]) == ("awaiting_approval", False)


def test_without_the_proof_that_nginx_left_it_no_color_is_stopped(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.brokers["green"].tasks = {"celery": 1}
    scene.deployment("settle")
    record(
        monkeypatch,
        scene.calls,
        nginx_switch,
        "switch",
        "switch to blue",
        BluegreenError("nginx -t says: unexpected end."),
    )
    with pytest.raises(BluegreenError) as failure:
        recover(scene, UNDO)
    assert failure.value.message == (
        "Release 2 of app shop could not be rolled back: nginx -t says: unexpected end. No web was stopped, and the "
        f"old workers run. Fix the cause named first, then {AGAIN}"
    )
    # Both webs and both brokers stay, tasks and workers are back where most requests may go.
    assert scene.states() == {
        **{f"blue-{service}": "running" for service in ("redis", "web", "worker", "beat")},
        "green-redis": "running",
        "green-web": "running",
        "green-worker": "exited",
        "green-beat": "exited",
    }
    assert scene.brokers["blue"].tasks == {"celery": 1}
    journal = scene.store.load()
    assert (journal["result"], journal["rolling_back"], journal["reason"]) == ("failed", True, "health: no answer")
    assert history_of(scene.store) == []


def test_a_rollback_that_failed_can_be_repeated(scene, monkeypatch):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green")
    scene.deployment("settle")
    with monkeypatch.context() as broken:
        record(broken, [], nginx_switch, "switch", does=BluegreenError("no."))
        with pytest.raises(BluegreenError):
            recover(scene, UNDO)
    assert recover(scene, UNDO)["result"] == "rolled_back"
    assert scene.engine.state("green-web") == "exited"


def test_an_old_web_that_does_not_become_healthy_gets_no_requests(scene):
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", worker="exited")
    scene.unhealthy = {"blue"}
    scene.deployment("settle")
    with pytest.raises(BluegreenError, match="blue is not healthy"):
        recover(scene, UNDO)
    assert "switch to blue" not in scene.calls
    assert scene.engine.state("green-web") == "running"
    assert scene.store.load()["rolling_back"] is True


@pytest.mark.parametrize("why", ["does not start", "is unhealthy"])
def test_an_old_web_that_is_no_way_back_keeps_no_old_worker_stopped(scene, monkeypatch, why):
    scene.color("blue", worker="exited", beat="exited", **({"web": "exited"} if why == "does not start" else {}))
    # The new color is not whole, so there is no reason to stay.
    scene.color("green", beat="exited")
    scene.brokers["green"].tasks = {"celery": 4}
    if why == "does not start":
        unstartable(scene, monkeypatch, "blue-web")
    else:
        scene.unhealthy = {"blue"}
    scene.deployment("settle")
    with pytest.raises(BluegreenError, match="No web was stopped, and the old workers run"):
        recover(scene, UNDO)
    # What is served goes on being served, and tasks are where workers are.
    assert "switch to blue" not in scene.calls
    assert {name: scene.engine.state(name) for name in ("green-web", "green-redis", "blue-worker", "blue-beat")} == {
        "green-web": "running",
        "green-redis": "running",
        "blue-worker": "running",
        "blue-beat": "running",
    }
    assert (scene.engine.state("green-worker"), scene.engine.state("green-beat")) == ("exited", "exited")
    assert scene.brokers["blue"].tasks == {"celery": 4}
    journal = scene.store.load()
    assert (journal["result"], journal["rolling_back"]) == ("failed", True)


def test_a_first_deployment_is_undone_to_no_live_color(scene):
    scene.color("green")
    scene.deployment("settle", **{"from": "", "release_from": ""})
    recover(scene, UNDO)
    assert scene.effects()[0] == "switch to None"
    assert set(scene.states().values()) == {"exited"}
