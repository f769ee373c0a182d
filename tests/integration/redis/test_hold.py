# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that workers do not know are held beside their queue, travel with each move, and come back: none is lost."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tasks import SEPARATOR, consume_all, fill, message, take_unacked
from test_move import Notes, leftovers
from test_move_killed import Killed, dying_broker

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import queues, staging
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.move import move, take_back
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.orphans import restore_orphans
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.parking import park_unknown, return_parked
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.queues import (
    PARKING,
    count_messages,
    parked_tasks,
    waiting_tasks,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery.task_names import EVERY, known_in
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import NullJournal

OLD = frozenset({"shop.work", "shop.old"})
NEW = frozenset({"shop.work", "shop.new"})


@pytest.fixture
def host():
    return SimpleNamespace(commands=[])


def moved(source, destination, host, known, journal=None, cls=None):
    more = {"cls": cls} if cls else {}
    with source.broker("source", **more) as here, destination.broker("destination", **more) as there:
        return move(host, journal or NullJournal(), here, there, known=known)


def of(*names, **kwargs):
    return [message(task=name, **kwargs) for name in names]


def test_what_the_destination_does_not_know_is_held_byte_for_byte(old, new, host):
    known, unknown = of("shop.work", "shop.work"), of("shop.old", "shop.old", "shop.gone")
    high = of("shop.old", priority=9)
    with old.connect() as redis:
        fill(redis, "celery", [known[0], *unknown, known[1]])
        fill(redis, f"celery{SEPARATOR}9", high)
    result = moved(old, new, host, NEW)
    assert (result.moved, result.queues, result.left) == (2, {"celery": 2}, {})
    assert result.parked == {"shop.old": 3, "shop.gone": 1}
    with new.connect() as redis:
        assert consume_all(redis) == known
        assert consume_all(redis, f"{PARKING}celery") == unknown
        assert consume_all(redis, f"{PARKING}celery{SEPARATOR}9") == high
    broker = new.broker("new")
    assert count_messages(broker) == {"celery": 2, "held": 4}
    assert parked_tasks(broker) == {"shop.old": 3, "shop.gone": 1}
    assert waiting_tasks(broker) == {"shop.work": 2}


def test_names_may_be_asked_when_the_first_message_moves(old, new, host):
    """New workers tell them only once they run, and where nothing moves nobody needs them."""
    order = []

    def ask():
        order.append("ask")
        return NEW

    def move_again():
        with old.broker("source") as here, new.broker("destination") as there:

            def start_workers():
                order.append(sum(count_messages(there).values()))

            return move(host, NullJournal(), here, there, known=ask, before_messages=start_workers)

    assert (move_again().moved, order) == (0, [0])
    with old.connect() as redis:
        fill(redis, "celery", of("shop.old", "shop.work"))
        fill(redis, "mails", of("shop.old"))
    result = move_again()
    assert (result.moved, result.parked) == (1, {"shop.old": 2})
    assert order == [0, 0, "ask"]
    assert leftovers(old) == []


def test_who_is_killed_while_it_asks_has_moved_nothing_and_lost_nothing(old, new, host):
    waiting = of("shop.work", "shop.work")
    with old.connect() as redis:
        fill(redis, "celery", waiting)

    def ask():
        raise Killed

    with pytest.raises(Killed):
        moved(old, new, host, ask)
    assert (count_messages(old.broker("old")), count_messages(new.broker("new"))) == ({"celery": 2}, {})
    assert moved(old, new, host, lambda: NEW).moved == 2
    with new.connect() as redis:
        assert consume_all(redis) == waiting


def test_unacknowledged_messages_are_held_too(old, new, host):
    eta = of("shop.old")
    with old.connect() as redis:
        take_unacked(redis, eta)
        redis.call("SADD", "_kombu.binding.celery", SEPARATOR.join(("celery", "", "celery")))
        assert waiting_tasks(old.broker("old")) == {"shop.old": 1}
    assert moved(old, new, host, NEW).parked == {"shop.old": 1}
    with new.connect() as redis:
        assert consume_all(redis, f"{PARKING}celery") == eta


def test_what_is_held_comes_to_its_queue_where_it_is_known_before_all_others(old, new, host):
    held, waiting = of("shop.new", "shop.gone", "shop.new"), of("shop.work")
    with old.connect() as redis:
        fill(redis, f"{PARKING}celery", held)
        fill(redis, "celery", waiting)
    result = moved(old, new, host, NEW)
    assert (result.moved, result.parked, result.left) == (3, {"shop.gone": 1}, {})
    with new.connect() as redis:
        assert consume_all(redis) == [held[0], held[2], *waiting]
        assert consume_all(redis, f"{PARKING}celery") == [held[1]]


def test_nobody_told_holds_nothing_and_frees_nothing(old, new, host):
    with old.connect() as redis:
        fill(redis, "celery", of("shop.old"))
        fill(redis, f"{PARKING}celery", of("shop.new"))
    result = moved(old, new, host, None)
    assert (result.queues, result.parked) == ({"celery": 1}, {"shop.new": 1})
    assert count_messages(new.broker("new")) == {"celery": 1, "held": 1}


def test_all_of_it_moves_where_the_user_says_so(old, new, host):
    with old.connect() as redis:
        fill(redis, "celery", of("shop.old"))
        fill(redis, f"{PARKING}celery", of("shop.new"))
    assert moved(old, new, host, EVERY).queues == {"celery": 2}
    assert count_messages(new.broker("new")) == {"celery": 2}


def test_a_message_that_does_not_tell_its_task_moves(old, new, host):
    with old.connect() as redis:
        fill(redis, "celery", of(None))
    assert moved(old, new, host, NEW).queues == {"celery": 1}


def test_what_the_destination_held_already_is_given_back_by_a_move(old, new, host):
    with new.connect() as redis:
        fill(redis, f"{PARKING}reports", of("shop.new", queue="reports"))
        assert moved(old, new, host, NEW).moved == 0
        assert redis.call("LLEN", "reports") == 1
    assert host.commands == ["return 1 parked message of destination to the queues"]
    assert leftovers(new) == []


def test_there_and_back_and_there_again(old, new, host):
    """A rollback parks what only the new release knows; the next release that knows it gets it back."""
    journal, fresh = Notes(), of("shop.new", "shop.work")
    with new.connect() as redis:
        fill(redis, "celery", fresh)
    back = moved(new, old, host, OLD, journal)
    assert (back.queues, back.parked, back.left) == ({"celery": 1}, {"shop.new": 1}, {})
    on = moved(old, new, host, OLD, Notes())
    assert (on.queues, on.parked) == ({"celery": 1}, {"shop.new": 1})
    moved(new, old, host, OLD, Notes())
    last = moved(old, new, host, NEW, Notes())
    assert (last.queues, last.parked, last.left) == ({"celery": 2}, {}, {})
    with new.connect() as redis:
        assert sorted(consume_all(redis)) == sorted(fresh)
    assert leftovers(old) == leftovers(new) == []


def test_in_one_redis_for_both_colors(old, host):
    waiting = of("shop.work", "shop.old", "shop.work", "shop.old")
    with old.connect() as redis:
        fill(redis, "celery", waiting)
        fill(redis, "reports", of("shop.work"))
        broker = old.broker("shared")
        assert park_unknown(host, NullJournal(), broker, NEW) == {"shop.old": 2}
        assert consume_all(redis) == [waiting[0], waiting[2]]
        assert consume_all(redis, f"{PARKING}celery") == [waiting[1], waiting[3]]
        assert park_unknown(host, NullJournal(), broker, NEW) == return_parked(host, NullJournal(), broker, NEW) == {}
        assert return_parked(host, NullJournal(), broker, OLD) == {"celery": 2}
        # What was held waited longest.
        assert consume_all(redis) == [waiting[1], waiting[3], waiting[0], waiting[2]]
        assert park_unknown(host, NullJournal(), broker, None) == return_parked(host, NullJournal(), broker, None) == {}
    assert leftovers(old) == []


def test_tasks_of_another_app_at_the_same_broker_are_left_alone(old, host):
    known = known_in({"old": list(OLD), "candidate": list(NEW)}, "hold", "candidate")
    theirs, ours = of("blog.mail", queue="blog"), of("shop.old", "blog.mail")
    with old.connect() as redis:
        fill(redis, "blog", theirs)
        fill(redis, "celery", ours)
        assert park_unknown(host, NullJournal(), old.broker("shared"), known) == {"shop.old": 1}
        assert consume_all(redis, "blog") == theirs
        assert consume_all(redis) == ours[1:]


def test_what_neither_color_knows_moves_as_it_is_unless_it_was_held_already(old, new, host):
    known = known_in({"old": list(OLD), "candidate": list(NEW)}, "fail", "candidate")
    with old.connect() as redis:
        fill(redis, "nightly", of("elsewhere.run"))
        fill(redis, f"{PARKING}celery", of("shop.newest"))
    result = moved(old, new, host, known)
    assert (result.queues, result.parked) == ({"nightly": 1}, {"shop.newest": 1})


def test_what_was_held_stays_so_when_a_move_is_taken_back(old, new, host, monkeypatch):
    with old.connect() as redis:
        fill(redis, f"{PARKING}celery", of("shop.gone"))

    def die(*_args):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(staging, "_push", die)
        with pytest.raises(Killed):
            moved(old, new, host, NEW)
    assert count_messages(old.broker("old")) == {"held": 1}
    assert parked_tasks(old.broker("old")) == {"shop.gone": 1}
    take_back(host, NullJournal(), old.broker("old"))
    assert count_messages(old.broker("old")) == {"held": 1}


@pytest.mark.parametrize("after_it_was_sent", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("then", ["on", "back"])
def test_killed_at_any_exchange_with_redis_and_run_again(old, new, host, monkeypatch, after_it_was_sent, then):
    monkeypatch.setattr(staging, "FIRST_CHUNK", 2)
    monkeypatch.setattr(queues, "CHUNK_MESSAGES", 2)
    known, unknown, held, taken = of(*["shop.work"] * 3), of(*["shop.old"] * 3), of("shop.new"), of("shop.old")
    for step in range(1, 300):
        with old.connect() as redis, new.connect() as other:
            redis.call("FLUSHALL")
            other.call("FLUSHALL")
            fill(redis, "celery", [each for pair in zip(known, unknown) for each in pair])
            fill(redis, f"{PARKING}celery", held)
            take_unacked(redis, taken)
        journal = Notes()
        try:
            moved(old, new, host, NEW, journal, dying_broker([step], after_it_was_sent))
            break
        except Killed:
            pass
        source, end, names = (old, new, NEW) if then == "on" else (new, old, OLD)
        moved(source, end, host, names, journal)
        # What had not been begun when it was interrupted is where the dead worker left it.
        restore_orphans(host, journal, end.broker("end"))
        with end.connect() as redis:
            queue, list_of_held = consume_all(redis), consume_all(redis, f"{PARKING}celery")
        assert sorted(queue + list_of_held) == sorted(known + unknown + held + taken), f"killed at exchange {step}"
        assert [each for each in queue if each in known] == known
        if then == "back":
            assert list_of_held == held
        else:
            assert [each for each in list_of_held if each in unknown] == unknown
            assert held[0] in queue
        assert count_messages(source.broker("source")) == {}
        assert [key for key in leftovers(old) + leftovers(new) if b".stage:" in key] == []
    assert step > 20, "the move was never interrupted"
