# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Late tasks while approval is pending, and who else may act meanwhile."""

from __future__ import annotations

import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import move as broker_move, queues
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.move import Moved
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import close
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._guard.watched import (
    BLUE,
    GREEN,
    REFUSED,
    WHY,
    Pending,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost, record

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
    record(
        monkeypatch,
        pending.calls,
        broker_move,
        "move",
        "move",
        lambda given: Moved(0, {}, dict(given["source"].tasks), 0, 1),
    )
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
    close(pending.store, {"id": "dep-1"})
    with pytest.raises(Fenced) as refusal:
        pending.look()
    assert refusal.value.message == "Deployment dep-1 of app shop does not await approval any more."


@pytest.mark.parametrize("changes", [{"id": "dep-2"}, {"rolling_back": True}, {"step": "finish"}])
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
        pending.journal.note(rolling_back=True)

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
