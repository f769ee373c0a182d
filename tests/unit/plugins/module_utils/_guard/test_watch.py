# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import move as broker_move, queues
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.move import Moved
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard import watch as guard_watch
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard.watch import (
    FailureStreak,
    PendingWatch,
    ProbeResult,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._http import Answer
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.fencing import Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost, record

GOOD, BROKEN, REFUSED, HUNG = (
    Answer(200, "", 0.01),
    Answer(500, "", 0.01),
    Answer(0, "connection refused", 0.0),
    Answer(0, "timed out after 2 s", 2.0),
)
BLUE, GREEN, PUBLIC = 18001, 18002, 80

WELL, ILL, NO_NGINX = ProbeResult(True), ProbeResult(False, "connection refused"), ProbeResult(False, "connection refused", nginx_is_down=True)
WHY = "green failed 3 times in a row (connection refused)"


class Pending(Scene):
    """A deployment that awaits approval; ``answers`` is what each port answers, ``asked`` who was asked for what."""

    def __init__(self, monkeypatch, folder, **facts):
        super().__init__(monkeypatch, folder)
        self.answers = {BLUE: GOOD, GREEN: GOOD, PUBLIC: GOOD}
        self.asked = []
        monkeypatch.setattr(guard_watch._http, "ask", self._ask)
        self.color("blue", worker="exited", beat="exited")
        self.color("green")
        self.journal = self.deployment("awaiting_approval", **facts)
        self.watch = PendingWatch(self.host, self.store, self.journal)

    def _ask(self, clock, url, host, timeout, validate_certs):
        self.asked.append((url.port, url.path, host, timeout, validate_certs))
        return self.answers[url.port]

    def look(self, times=1):
        """What that many looks end with."""
        ends = []
        for dummy in range(times):
            ends.append(self.watch.look())
            self.host.clock.now += guard_watch.PACE
        return ends

    def color_dies(self):
        """The new color answers no more, neither by itself nor through Nginx."""
        self.answers.update({GREEN: REFUSED, PUBLIC: Answer(502, "", 0.01)})


@pytest.fixture
def pending(monkeypatch, tmp_path):
    return Pending(monkeypatch, tmp_path)


def count(*looks):
    found = FailureStreak()
    for look in looks:
        found = found.after(look)
    return found


# Counting


def test_failures_count_in_a_row():
    assert count(ILL, ILL) == FailureStreak(2, "connection refused", False)
    assert count(ILL, ILL, WELL) == FailureStreak(0, "", True)
    assert count(WELL, ILL, ProbeResult(False, "answered with status 500")) == FailureStreak(2, "answered with status 500", True)


def test_an_nginx_that_is_down_says_nothing():
    assert count(ILL, NO_NGINX, NO_NGINX, ILL) == count(ILL, ILL)
    assert count(NO_NGINX, NO_NGINX, NO_NGINX) == FailureStreak()


@pytest.mark.parametrize(
    "looks, grace_is_over, dead",
    [
        ((WELL, ILL, ILL), True, False),
        ((WELL, ILL, ILL, ILL), False, True),
        ((WELL, ILL, ILL, ILL), True, True),
        ((ILL, ILL, ILL), True, True),
        # Right after a boot it may still be starting.
        ((ILL, ILL, ILL, ILL, ILL), False, False),
        ((WELL, ILL, ILL, WELL, ILL), True, False),
    ],
)
def test_when_a_color_is_given_up(looks, grace_is_over, dead):
    assert count(*looks).is_dead(grace_is_over) is dead


# Looking


def test_a_color_that_answers_is_left_alone(pending):
    assert pending.look(5) == [""] * 5
    assert pending.effects() == []
    assert pending.asked == [(GREEN, "/health/", "", 2.0, True)] * 5
    assert pending.host.warnings == []


def test_three_failures_in_a_row_are_a_reason_to_go_back(pending):
    assert pending.look() == [""]
    pending.color_dies()
    assert pending.look(3) == ["", "", WHY]


@pytest.mark.parametrize(
    "answer, told",
    [(BROKEN, "answered with status 500"), (HUNG, "timed out after 2 s"), (Answer(204, "", 0.01), "answered with status 204")],
)
def test_the_reason_says_how_it_failed(pending, answer, told):
    pending.look()
    pending.answers.update({GREEN: answer, PUBLIC: BROKEN})
    assert pending.look(3)[2] == f"green failed 3 times in a row ({told})"


def test_after_a_boot_a_color_gets_the_time_that_it_has_at_a_deployment(pending):
    pending.color_dies()
    # A deadline of 60 s is 30 looks.
    assert pending.look(30) == [""] * 30
    assert pending.look() == ["green failed 31 times in a row (connection refused)"]


def test_what_the_public_gets_counts(pending):
    pending.look()
    # Its own port may be closed to this host, or ask for another name.
    pending.answers[GREEN] = REFUSED
    assert pending.look(5) == [""] * 5
    assert pending.asked[-1] == (PUBLIC, "/health/", "", 2.0, True)


def test_an_answer_of_the_backup_is_none_of_the_color(pending):
    pending.journal["settings"]["nginx"]["backup"] = True
    pending.journal.save()
    pending.look()
    pending.answers[GREEN] = REFUSED
    assert pending.look(3) == ["", "", WHY]


def test_the_public_is_asked_as_visitors_ask(pending):
    settings = pending.journal["settings"]
    settings["nginx"].update(public_url="https://127.0.0.1:8443/shop/", public_host="shop.example.com", validate_certs=False)
    settings["health"]["host"] = "inside.example.com"
    pending.journal.save()
    pending.answers[8443] = GOOD
    pending.answers[GREEN] = REFUSED
    pending.look()
    assert pending.asked == [
        (GREEN, "/health/", "inside.example.com", 2.0, True),
        (8443, "/health/", "shop.example.com", 2.0, False),
    ]


def test_a_restart_of_nginx_is_no_failure_of_the_color(pending):
    pending.look()
    pending.answers.update({GREEN: REFUSED, PUBLIC: REFUSED})
    assert pending.look(10) == [""] * 10
    pending.answers[PUBLIC] = Answer(502, "", 0.01)
    assert pending.look(3) == ["", "", WHY]


def test_an_old_color_that_is_no_better_is_no_way_back(pending):
    pending.look()
    pending.color_dies()
    pending.answers[BLUE] = BROKEN
    assert pending.look(5) == [""] * 5
    assert pending.host.warnings[-1] == (
        "Color green of app shop fails (connection refused), and blue does not answer either, so nothing was changed. Look at its "
        "logs."
    )
    # It may recover, and then it is one.
    pending.answers[BLUE] = GOOD
    assert pending.look() == ["green failed 6 times in a row (connection refused)"]


def test_a_first_deployment_has_no_way_back(monkeypatch, tmp_path):
    pending = Pending(monkeypatch, tmp_path, **{"from": ""})
    pending.look()
    pending.color_dies()
    assert pending.look(4) == [""] * 4
    assert pending.host.warnings == [
        "Color green of app shop fails (connection refused), and there is no old color, so nothing was changed. Look at its logs."
    ] * 2


# What is down


def test_after_a_boot_both_webs_and_the_new_workers_are_started(pending):
    for container in pending.engine.inspected.values():
        container["State"]["Status"] = "exited"
    pending.look()
    # Old workers stay stopped: only one color works.
    assert pending.effects() == [
        "start green-redis",
        "start green-web",
        "start green-beat",
        "start green-worker",
        "start blue-redis",
        "start blue-web",
    ]
    assert pending.host.warnings[0] == "Container shop-green-redis-1 was down and was started again."
    assert len(pending.host.warnings) == 6
    pending.look()
    assert len(pending.effects()) == 6


def test_what_runs_or_is_about_to_is_left_alone(pending):
    pending.engine.inspected["green-web"]["State"]["Status"] = "restarting"
    pending.color_dies()
    pending.look(2)
    assert pending.effects() == []


def test_what_falls_later_is_started_when_the_color_fails(pending):
    pending.look()
    pending.engine.inspected["green-web"]["State"]["Status"] = "exited"
    pending.look()
    assert pending.effects() == []
    pending.color_dies()
    pending.look()
    assert pending.effects() == ["start green-web"]


def test_what_cannot_be_started_keeps_nobody_from_going_back(pending, monkeypatch):
    start = pending.engine.start

    def refuse(container):
        if container == "green-redis":
            raise EngineError("The Docker Engine refused POST /containers/green-redis/start (500): port is taken.", 500)
        start(container)

    monkeypatch.setattr(pending.engine, "start", refuse)
    pending.look()
    for container in ("green-redis", "green-web"):
        pending.engine.inspected[container]["State"]["Status"] = "exited"
    pending.color_dies()
    assert pending.look(3) == ["", "", WHY]
    assert pending.effects() == ["start green-web"]
    assert pending.host.warnings[0] == (
        "Container shop-green-redis-1 is down and does not start: The Docker Engine refused POST "
        "/containers/green-redis/start (500): port is taken."
    )


def test_what_did_not_start_at_first_is_tried_again(pending, monkeypatch):
    def refuse(container):
        raise EngineError("port is already allocated", 500)

    pending.engine.inspected["blue-web"]["State"]["Status"] = "exited"
    with monkeypatch.context() as broken:
        broken.setattr(pending.engine, "start", refuse)
        assert pending.look() == [""]
    assert pending.effects() == []
    pending.look(2)
    # The way back needs it, though the new color is well.
    assert pending.effects() == ["start blue-web"]


# Late tasks


def test_tasks_that_the_old_web_still_published_move(pending):
    pending.brokers["blue"].tasks["celery"] = 2
    assert pending.look() == [""]
    assert pending.effects() == ["move shop-blue/redis to shop-green/redis"]
    assert pending.brokers["green"].tasks == {"celery": 2}
    assert pending.store.load()["tasks_moved"] == 2


def test_nothing_is_moved_where_nothing_waits(pending):
    pending.look(20)
    assert pending.effects() == []


def test_the_old_broker_is_asked_every_quarter_of_a_minute(pending):
    pending.look()
    pending.brokers["blue"].tasks["celery"] = 1
    assert pending.look(7) == [""] * 7
    assert pending.effects() == []
    pending.look()
    assert pending.effects() == ["move shop-blue/redis to shop-green/redis"]


def test_what_could_not_be_moved_is_not_moved_over_and_over(pending, monkeypatch):
    record(monkeypatch, pending.calls, broker_move, "move", "move", lambda given: Moved(0, {}, dict(given["source"].tasks), 0, 1))
    pending.brokers["blue"].tasks["celery"] = 1
    pending.look(30)
    assert pending.effects() == ["move"]
    pending.brokers["blue"].tasks["celery"] = 2
    pending.look(8)
    assert pending.effects() == ["move", "move"]


def test_a_broker_that_does_not_answer_keeps_nobody_from_watching(pending, monkeypatch):
    def refuse(broker):
        raise RedisError("Redis shop-blue/redis does not answer.")

    monkeypatch.setattr(queues, "count_messages", refuse)
    pending.look()
    pending.color_dies()
    assert pending.look(3) == ["", "", WHY]
    assert pending.host.warnings[0] == (
        "Tasks that blue published late could not be moved: Redis shop-blue/redis does not answer."
    )


def test_a_first_deployment_has_no_late_tasks(monkeypatch, tmp_path):
    pending = Pending(monkeypatch, tmp_path, **{"from": ""})
    pending.brokers["blue"].tasks["celery"] = 1
    pending.look()
    assert pending.effects() == []


# Turned off


def test_without_watch_the_color_is_not_judged_but_cared_for(monkeypatch, tmp_path):
    pending = Pending(monkeypatch, tmp_path, watch=False)
    pending.engine.inspected["green-web"]["State"]["Status"] = "exited"
    pending.brokers["blue"].tasks["celery"] = 1
    pending.color_dies()
    assert pending.look(40) == [""] * 40
    assert pending.asked == []
    assert pending.effects() == ["start green-web", "move shop-blue/redis to shop-green/redis"]


def test_a_journal_of_an_earlier_version_is_watched(pending):
    del pending.journal.data["watch"]
    pending.journal.save()
    pending.look()
    pending.color_dies()
    assert pending.look(3) == ["", "", WHY]


# Somebody else's turn


def test_a_deployment_that_ended_meanwhile(pending):
    pending.store.close({"id": "dep-1"})
    with pytest.raises(Fenced) as refusal:
        pending.look()
    assert refusal.value.message == "Deployment dep-1 of app shop does not await approval any more."


@pytest.mark.parametrize("changes", [{"id": "dep-2"}, {"back": True}, {"step": "finish"}])
def test_a_deployment_that_is_not_pending_any_more(pending, changes):
    pending.look()
    pending.journal.note(**changes)
    pending.color_dies()
    with pytest.raises(Fenced, match="Deployment dep-1 of app shop does not await approval any more"):
        pending.look()
    assert pending.asked == [(GREEN, "/health/", "", 2.0, True)]


def test_nothing_is_started_while_somebody_holds_the_lock(pending):
    pending.engine.inspected["green-web"]["State"]["Status"] = "exited"
    other = Store("shop", FakeHost(), root=os.path.dirname(pending.store.folder))
    with other.lock("finish"):
        with pytest.raises(Fenced, match="The lock of app shop is held by finish"):
            pending.look()
    assert pending.effects() == []
    pending.look()
    assert pending.effects() == ["start green-web"]


def test_what_changed_while_the_lock_was_waited_for_counts(pending, monkeypatch):
    pending.engine.inspected["green-web"]["State"]["Status"] = "exited"
    acquire = pending.store._acquire

    def overtaken(descriptor, wait):
        acquire(descriptor, wait)
        pending.journal.note(back=True)

    monkeypatch.setattr(pending.store, "_acquire", overtaken)
    with pytest.raises(Fenced, match="does not await approval any more"):
        pending.look()
    assert pending.effects() == []


# An old web that is stopped until the approval


@pytest.fixture
def one_web(monkeypatch, tmp_path):
    pending = Pending(monkeypatch, tmp_path, old_web="stopped")
    pending.engine.inspected["blue-web"]["State"]["Status"] = "exited"
    pending.answers[BLUE] = REFUSED
    return pending


def test_an_old_web_that_is_stopped_for_want_of_memory_stays_so(one_web):
    assert one_web.look(3) == [""] * 3
    assert one_web.effects() == []


def test_after_a_boot_the_old_redis_is_started_and_the_old_web_is_not(one_web):
    for container in one_web.engine.inspected.values():
        container["State"]["Status"] = "exited"
    one_web.look()
    assert one_web.effects() == [
        "start green-redis",
        "start green-web",
        "start green-beat",
        "start green-worker",
        "start blue-redis",
    ]


def test_a_dead_color_is_left_without_asking_a_web_that_is_stopped(one_web):
    one_web.look()
    one_web.color_dies()
    assert one_web.look(3) == ["", "", WHY]
    assert BLUE not in [port for port, *dummy in one_web.asked]
    assert one_web.engine.state("blue-web") == "exited"
