# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hundred thousand messages: nobody waits long for either Redis meanwhile, and whoever looks sees how far it is."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from tasks import fill, message, take_unacked
from test_move import Notes, leftovers

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import staging
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.move import move
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.move_checks import fields_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.queues import waiting_tasks
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import Redis

MESSAGES, SIZE = 100_000, 1_000
# What one exchange may cost either Redis, which answers nobody else meanwhile.
LONGEST_MS = 50


class ReadOnlyJournal(Notes):
    def __init__(self):
        super().__init__()
        self.progress = []

    def note(self, **facts):
        super().note(**facts)
        if "progress" in facts:
            self.progress.append(facts["progress"])


class Watch:
    """What each exchange costs the servers, in milliseconds of their own processor time.

    Not of the clock, as in SLOWLOG: on a busy machine a command may have to wait for the processor.
    """

    def __init__(self, monkeypatch, *servers):
        self._connections = [server.connect() for server in servers]
        self.longest, self._pipeline = (0.0, ""), Redis.pipeline
        monkeypatch.setattr(Redis, "pipeline", lambda connection, commands: self._watched(connection, list(commands)))

    def _watched(self, connection, commands):
        before = self._used()
        try:
            return self._pipeline(connection, commands)
        finally:
            spent = max(now - then for now, then in zip(self._used(), before))
            self.longest = max(self.longest, (spent, str(commands[0][0])))

    def _used(self):
        used = []
        for connection in self._connections:
            fields = fields_of(self._pipeline(connection, [("INFO", "cpu")])[0])
            used.append(1000 * sum(float(fields[f"used_cpu_{kind}_main_thread"]) for kind in ("sys", "user")))
        return used


@pytest.fixture
def watch(monkeypatch, old, new):
    def start():
        return Watch(monkeypatch, old, new)

    yield start


@pytest.fixture
def filled(old):
    # Messages that differ in their tags alone: to make as many whole ones would take longer than to move them.
    payload = message(tag="TAG", text="x" * (SIZE * 3 // 4 - 350))
    assert 0.9 * SIZE < len(payload) < 1.1 * SIZE
    start, end = payload.split(b"TAG")
    with old.connect() as redis:
        for first in range(0, MESSAGES, 5000):
            redis.pipeline([("LPUSH", "celery", start + b"t%06d" % n + end) for n in range(first, first + 5000)])
        yield redis


def test_no_command_takes_long_and_the_progress_shows(filled, old, new, monkeypatch, watch):
    monkeypatch.setattr(staging, "PROGRESS_SECONDS", 0.5)
    host, journal, reported = SimpleNamespace(commands=[]), ReadOnlyJournal(), []
    monkeypatch.setattr(staging, "report", reported.append)
    with new.connect() as other:
        filled.call("CONFIG", "RESETSTAT")
        watched = watch()
        with old.broker("old") as here, new.broker("new") as there:
            assert waiting_tasks(here) == {"shop.work": MESSAGES}
            moved = move(host, journal, here, there, known=frozenset({"shop.work"}))
        assert (moved.moved, moved.left) == (MESSAGES, {})
        assert 0 < watched.longest[0] < LONGEST_MS, watched.longest
        lrem = fields_of(filled.call("INFO", "commandstats"))["cmdstat_lrem"]
        # To look for a message among all of them would take a millisecond.
        assert float(lrem.split("usec_per_call=")[1].split(",")[0]) < 100, lrem
        assert other.call("LLEN", "celery") == MESSAGES
        assert b'"t000000"' in other.call("LINDEX", "celery", -1)
        assert b'"t%06d"' % (MESSAGES - 1) in other.call("LINDEX", "celery", 0)
        other.call("FLUSHALL", "ASYNC")
    assert leftovers(old) == []
    done = [each["moved"] for each in journal.progress[:-1]]
    assert done == sorted(done) and 0 < done[0] < done[-1] <= MESSAGES
    assert {each["of"] for each in journal.progress[:-1]} == {MESSAGES}
    assert reported == [f"{moved:,} of 100,000 messages moved" for moved in done]
    # It is over when it is over.
    assert journal.progress[-1] is None
    assert host.commands == [f"move {MESSAGES:,} messages from old to new"]


def test_ten_thousand_that_a_dead_worker_had_taken(old, new, watch):
    taken = [message(text="x" * 500) for _number in range(10_000)]
    with old.connect() as redis, new.connect() as other:
        take_unacked(redis, taken)
        fill(redis, "celery", [message()])
        watched = watch()
        with old.broker("old") as here, new.broker("new") as there:
            assert move(SimpleNamespace(commands=[]), Notes(), here, there).moved == 10_001
        assert 0 < watched.longest[0] < LONGEST_MS, watched.longest
        tags = [json.loads(payload)["properties"]["delivery_tag"] for payload in reversed(taken)]
        found = [json.loads(payload)["properties"]["delivery_tag"] for payload in other.call("LRANGE", "celery", 1, -1)]
        assert found == tags


def test_a_short_move_says_nothing_of_its_progress(old, new):
    journal = ReadOnlyJournal()
    with old.connect() as redis:
        fill(redis, "celery", [message()])
    with old.broker("old") as here, new.broker("new") as there:
        move(SimpleNamespace(commands=[]), journal, here, there)
    assert journal.progress == []
