# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _messages, _probe, _watch
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._messages import Moved
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._watch import Count, Look
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import record

BLUE, GREEN, PUBLIC = 18001, 18002, 80
GOOD = Look(True)
BAD = Look(False, "no answer")
NGINX_DOWN = Look(False, "no answer", nginx_is_down=True)
REFUSED = _probe.Answer(0, "connection refused", 0.0)
WHY = "green failed 3 times in a row (connection refused)"


@pytest.fixture
def scene(monkeypatch, tmp_path):
    made = Scene(monkeypatch, tmp_path)
    made.color("blue", worker="exited", beat="exited")
    made.color("green")
    made.answers = {port: _probe.Answer(200, "", 0.0) for port in (BLUE, GREEN, PUBLIC)}
    monkeypatch.setattr(_probe, "ask", lambda clock, url, *given: made.answers[url.port])
    return made


def pending(scene, **facts):
    return _watch.Watch(scene.host, scene.store, scene.deployment("awaiting_approval", **facts))


def dead(scene, *ports):
    scene.answers.update(dict.fromkeys(ports, REFUSED))


def looks(watch, count):
    return [watch.look() for dummy in range(count)]


# Counting


def test_three_failures_in_a_row_are_a_death():
    count = Count().after(GOOD)
    for expected in (False, False, True):
        count = count.after(BAD)
        assert count.is_dead(grace_is_over=False) is expected


def test_one_answer_starts_the_count_again():
    count = Count().after(GOOD).after(BAD).after(BAD).after(GOOD).after(BAD)
    assert (count.failures, count.is_dead(True)) == (1, False)


def test_an_nginx_that_is_down_says_nothing_about_a_color():
    count = Count().after(GOOD).after(BAD)
    assert count.after(NGINX_DOWN) == count


def test_a_color_that_was_never_seen_healthy_has_its_time_first():
    count = Count().after(BAD).after(BAD).after(BAD)
    assert (count.is_dead(grace_is_over=False), count.is_dead(grace_is_over=True)) == (False, True)


# Looking


def test_a_color_that_answers_is_left_alone(scene):
    watch = pending(scene)
    assert looks(watch, 20) == [""] * 20
    assert scene.effects() == []


def test_a_color_that_dies_is_given_up_at_the_third_look(scene):
    watch = pending(scene)
    assert watch.look() == ""
    dead(scene, GREEN)
    scene.answers[PUBLIC] = _probe.Answer(502, "", 0.0)
    assert looks(watch, 3) == ["", "", WHY]


def test_a_status_is_named(scene):
    watch = pending(scene)
    watch.look()
    scene.answers.update(dict.fromkeys((GREEN, PUBLIC), _probe.Answer(500, "", 0.0)))
    assert looks(watch, 3)[-1] == "green failed 3 times in a row (answered with status 500)"


def test_a_color_that_visitors_reach_is_not_dead(scene):
    watch = pending(scene)
    watch.look()
    dead(scene, GREEN)
    assert looks(watch, 5) == [""] * 5


def test_an_nginx_that_is_down_is_no_reason_to_go_back(scene):
    watch = pending(scene)
    watch.look()
    dead(scene, GREEN, PUBLIC)
    assert looks(watch, 5) == [""] * 5


def test_right_after_a_boot_a_color_gets_its_time(scene):
    watch = pending(scene)
    dead(scene, GREEN)
    scene.answers[PUBLIC] = _probe.Answer(502, "", 0.0)
    assert looks(watch, 10) == [""] * 10
    scene.host.clock.now += 61
    assert watch.look() == "green failed 11 times in a row (connection refused)"


@pytest.mark.parametrize("old", ["blue", ""])
def test_without_a_way_back_what_is_served_stays(scene, old):
    watch = pending(scene, **{"from": old})
    watch.look()
    dead(scene, BLUE, GREEN)
    scene.answers[PUBLIC] = _probe.Answer(502, "", 0.0)
    assert looks(watch, 5) == [""] * 5
    reason = "blue does not answer either" if old else "there is no old color"
    assert scene.host.warnings[-1] == (
        f"Color green of app shop fails (connection refused), and {reason}: it is left as it is. Look at its logs."
    )
    if old:
        scene.answers[BLUE] = _probe.Answer(200, "", 0.0)
        assert watch.look().startswith("green failed 6 times in a row")


def test_who_does_not_want_it_watched_still_gets_late_tasks_moved(scene):
    watch = pending(scene, watch=False)
    scene.brokers["blue"].tasks = {"celery": 1}
    dead(scene, GREEN)
    scene.answers[PUBLIC] = _probe.Answer(502, "", 0.0)
    assert looks(watch, 5) == [""] * 5
    assert scene.brokers["green"].tasks == {"celery": 1}


def test_a_journal_of_an_earlier_version_is_watched(scene):
    watch = pending(scene)
    journal = scene.store.load()
    del journal.data["watch"]
    journal.save()
    watch.look()
    dead(scene, GREEN)
    scene.answers[PUBLIC] = _probe.Answer(502, "", 0.0)
    assert looks(watch, 3)[-1] == WHY


@pytest.mark.parametrize("facts", [{"step": "finish"}, {"back": True}, {"id": "dep-2"}])
def test_one_that_is_not_pending_any_more_is_let_go(scene, facts):
    watch = pending(scene)
    scene.store.load().note(**facts)
    with pytest.raises(Fenced, match="Deployment dep-1 of app shop is no longer pending"):
        watch.look()


def test_one_that_has_ended_is_let_go(scene):
    watch = pending(scene)
    scene.store.close({"id": "dep-1"})
    with pytest.raises(Fenced):
        watch.look()


# What is down


def test_after_a_boot_both_webs_and_the_live_workers_are_started(scene):
    for container in scene.engine.inspected.values():
        container["State"]["Status"] = "exited"
    watch = pending(scene)
    assert watch.look() == ""
    assert set(scene.effects()) == {
        *(f"start green-{service}" for service in ("redis", "web", "worker", "beat")),
        "start blue-redis",
        "start blue-web",
    }
    assert "Container shop-green-web-1 was down and was started again." in scene.host.warnings
    scene.calls.clear()
    looks(watch, 3)
    assert scene.effects() == []


def test_a_color_that_fails_is_started_before_it_is_given_up(scene):
    watch = pending(scene)
    watch.look()
    scene.engine.inspected["green-web"]["State"]["Status"] = "exited"
    dead(scene, GREEN)
    scene.answers[PUBLIC] = _probe.Answer(502, "", 0.0)
    watch.look()
    assert scene.effects() == ["start green-web"]


@pytest.mark.parametrize("seen", [True, False])
def test_a_color_that_does_not_start_any_more_is_dead_too(scene, monkeypatch, seen):
    start = scene.engine.start

    def refuse(container):
        if container == "green-web":
            raise EngineError("port is already allocated", 500)
        start(container)

    monkeypatch.setattr(scene.engine, "start", refuse)
    watch = pending(scene)
    if seen:
        watch.look()
    for container in ("green-web", "blue-web"):
        scene.engine.inspected[container]["State"]["Status"] = "exited"
    dead(scene, GREEN)
    scene.answers[PUBLIC] = _probe.Answer(502, "", 0.0)
    scene.host.clock.now += 61
    assert looks(watch, 3) == ["", "", WHY]
    assert scene.engine.state("blue-web") == "running"
    assert "Container shop-green-web-1 is down and does not start: port is already allocated" in scene.host.warnings


# Late tasks


def test_late_tasks_are_moved_every_now_and_then(scene):
    watch = pending(scene)
    watch.look()
    scene.brokers["blue"].tasks = {"celery": 2}
    watch.look()
    assert scene.brokers["green"].tasks == {}
    scene.host.clock.now += _watch.LATE_PACE
    watch.look()
    assert scene.brokers["green"].tasks == {"celery": 2}
    assert scene.store.load()["tasks_moved"] == 2


def test_what_could_not_be_moved_is_not_tried_again_and_again(scene, monkeypatch):
    record(monkeypatch, scene.calls, _messages, "move", "move", lambda given: Moved(0, {}, dict(given["source"].tasks), 0, 1))
    scene.brokers["blue"].tasks = {"celery": 2}
    watch = pending(scene)
    for dummy in range(4):
        watch.look()
        scene.host.clock.now += _watch.LATE_PACE
    assert scene.effects() == ["move"]
    scene.brokers["blue"].tasks["celery"] += 1
    watch.look()
    assert scene.effects() == ["move", "move"]


def test_a_broker_that_is_ill_does_not_blind_the_guard(scene, monkeypatch):
    def fail(broker):
        raise BluegreenError("Redis does not answer.")

    monkeypatch.setattr(_messages, "count_messages", fail)
    watch = pending(scene)
    watch.look()
    dead(scene, GREEN)
    scene.answers[PUBLIC] = _probe.Answer(502, "", 0.0)
    assert looks(watch, 3)[-1] == WHY
    assert scene.host.warnings == ["Tasks that blue still published could not be moved: Redis does not answer."]


def test_nothing_is_touched_while_somebody_else_has_the_lock(scene):
    watch = pending(scene)
    scene.brokers["blue"].tasks = {"celery": 2}
    with scene.store.lock("finishing deployment dep-1"), pytest.raises(Fenced, match="is held by finishing deployment dep-1"):
        watch.look()
    assert scene.effects() == []
