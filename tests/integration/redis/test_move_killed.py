# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A move between two real Redis that is killed, and run again, in the same or the other direction."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tasks import SEPARATOR, consume_all, fill, message, take_unacked
from test_move import Notes, leftovers, there_and_back

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import queues, staging
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.connection import Broker
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.move import move, take_back
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.orphans import restore_orphans
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.queues import count_messages
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import NullJournal


@pytest.fixture
def host():
    return SimpleNamespace(commands=[])


class Killed(Exception):
    pass


def dying_broker(counter, after_it_was_sent):
    """A broker whose user is killed at one certain exchange with Redis."""

    class Dying(Broker):
        def database(self, number):
            connection = super().database(number)
            if not hasattr(connection, "dies"):
                connection.dies, exchange = True, connection.pipeline

                def pipeline(commands):
                    counter[0] -= 1
                    if counter[0] == 0 and not after_it_was_sent:
                        raise Killed
                    replies = exchange(commands)
                    if counter[0] == 0:
                        raise Killed
                    return replies

                connection.pipeline = pipeline
            return connection

    return Dying


@pytest.mark.parametrize("after_it_was_sent", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("then", ["on", "back", "back and on"])
def test_killed_at_any_exchange_with_redis_and_run_again(old, new, host, monkeypatch, after_it_was_sent, then):
    monkeypatch.setattr(staging, "FIRST_CHUNK", 2)
    monkeypatch.setattr(queues, "CHUNK_MESSAGES", 2)
    waiting, taken = [message() for _number in range(5)], [message() for _number in range(3)]
    for step in range(1, 200):
        with old.connect() as redis, new.connect() as other:
            redis.call("FLUSHALL")
            other.call("FLUSHALL")
            fill(redis, "celery", waiting)
            fill(redis, f"celery{SEPARATOR}6", [message(priority=6)])
            take_unacked(redis, taken)
        counter, journal = [step], Notes()
        cls = dying_broker(counter, after_it_was_sent)
        try:
            with old.broker("old", cls=cls) as here, new.broker("new", cls=cls) as there:
                move(host, journal, here, there)
            break
        except Killed:
            pass
        there_and_back(old, new, host, journal, {"on": ">", "back": "<", "back and on": "<>"}[then])
        end, other = (old, new) if then == "back" else (new, old)
        # What had not been begun when it was interrupted is where the dead worker left it.
        restore_orphans(host, journal, end.broker("end"))
        with end.connect() as redis:
            assert consume_all(redis) == taken + waiting, f"killed at exchange {step}"
            assert redis.call("LLEN", f"celery{SEPARATOR}6") == 1
        assert count_messages(other.broker("other")) == {}
        assert [key for key in leftovers(old) + leftovers(new) if b".stage:" in key] == []
    assert step > 20, "the move was never interrupted"


def test_staged_messages_count_as_waiting(old, new, host, monkeypatch):
    with old.connect() as redis:
        fill(redis, "celery", [message(), message()])
        take_unacked(redis, [message()])

    def die(*_args):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(staging, "_push", die)
        with pytest.raises(Killed):
            there_and_back(old, new, host, NullJournal(), ">")
    with old.connect() as redis:
        assert redis.call("EXISTS", "celery", "unacked") == 0
    assert count_messages(old.broker("old")) == {"celery": 2, "unacked": 1}


def test_what_was_on_its_way_to_a_broker_that_is_gone_is_taken_back(old, new, host, monkeypatch):
    monkeypatch.setattr(staging, "FIRST_CHUNK", 2)
    monkeypatch.setattr(queues, "CHUNK_MESSAGES", 2)
    waiting, taken = [message() for _number in range(6)], [message()]
    with old.connect() as redis:
        fill(redis, "celery", waiting)
        take_unacked(redis, taken)
    with pytest.raises(RedisError):
        with old.broker("old") as here, new.broker("new") as there:
            push, pushes = staging._push, []

            def fail_at_second(database, *args):
                pushes.append(args)
                if len(pushes) == 2:
                    raise RedisError("Redis does not answer at new.")
                return push(database, *args)

            monkeypatch.setattr(staging, "_push", fail_at_second)
            move(host, NullJournal(), here, there)
    monkeypatch.setattr(staging, "_push", push)
    with old.connect() as redis:
        # The two newest had arrived where nobody can fetch them from any more.
        assert take_back(host, NullJournal(), old.broker("old")) == 5
        assert consume_all(redis) == taken + waiting[:4]
    assert leftovers(old) == []
