# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages moved between two real Redis: none lost, none doubled, none changed, wherever it is interrupted."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from notes import Notes
from tasks import SEPARATOR, consume_all, fill, message, tag_of, take_unacked

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import queues
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.move import finish_hop, move, rename_lists
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.orphans import restore_orphans
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.queues import count_messages
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import Redis, encode
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery.kombu import Layout
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import NullJournal


@pytest.fixture
def host():
    return SimpleNamespace(commands=[])


def there_and_back(old, new, host, journal, ways):
    moved = []
    for way in ways:
        source, destination = (old, new) if way == ">" else (new, old)
        with source.broker("old" if way == ">" else "new") as here, destination.broker(
            "new" if way == ">" else "old"
        ) as there:
            moved.append(move(host, journal, here, there))
    return moved


def leftovers(server):
    with server.connect() as redis:
        return [key for key in redis.scan() if key.startswith(b"_bg.")]


def test_queues_of_every_priority_move_in_order_and_byte_for_byte(old, new, host):
    waiting = {
        "celery": [message() for _number in range(450)],
        f"celery{SEPARATOR}3": [message(priority=3), message(priority=4)],
        f"celery{SEPARATOR}9": [message(priority=9)],
        "reports": [message("reports", text="x" * 300_000), message("reports")],
    }
    with old.connect() as redis:
        for key, payloads in waiting.items():
            fill(redis, key, payloads)
    [moved] = there_and_back(old, new, host, NullJournal(), ">")
    assert (moved.moved, moved.queues, moved.left) == (455, {"celery": 453, "reports": 2}, {})
    assert host.commands == ["move 455 messages from old to new"]
    with new.connect() as redis:
        for key, payloads in waiting.items():
            assert consume_all(redis, key) == payloads
    assert leftovers(old) == leftovers(new) == []


def test_what_is_moved_comes_before_what_the_destination_has(old, new, host):
    older, newer = [message(), message()], [message()]
    with old.connect() as redis:
        fill(redis, "celery", older)
    with new.connect() as redis:
        fill(redis, "celery", newer)
        there_and_back(old, new, host, NullJournal(), ">")
        assert consume_all(redis) == older + newer


@pytest.mark.parametrize(
    "key, value",
    [
        ("cache", message()),
        ("plain", b"a line"),
        ("json", b'{"delivery_tag": 1}'),
        ("abc.reply.celery.pidbox", message()),
        ("celeryev.1234", message()),
    ],
    ids=["message", "line", "json", "reply", "event"],
)
def test_what_is_not_a_queue_of_tasks_stays(old, new, host, key, value):
    with old.connect() as redis:
        redis.call("SET" if key == "cache" else "LPUSH", key, value)
        before = redis.call("DUMP", key)
        [moved] = there_and_back(old, new, host, NullJournal(), ">")
        assert (moved.moved, moved.left) == (0, {})
        assert redis.call("DUMP", key) == before
    with new.connect() as redis:
        assert redis.scan() == []


def test_unacknowledged_messages_come_first_in_the_order_they_were_taken(old, new, host):
    taken, waiting = [message() for _number in range(700)], [message()]
    with old.connect() as redis:
        fill(redis, "celery", waiting)
        take_unacked(redis, taken)
    [moved] = there_and_back(old, new, host, NullJournal(), ">")
    assert (moved.moved, moved.left) == (701, {})
    with new.connect() as redis:
        assert consume_all(redis) == taken + waiting
    assert leftovers(old) == leftovers(new) == []


@pytest.mark.parametrize(
    "told, key",
    [
        (None, "celery"),
        ({"separator": SEPARATOR, "steps": [0, 3, 6, 9], "results": ""}, f"celery{SEPARATOR}6"),
        ({"separator": ":", "steps": list(range(10)), "results": ""}, "celery:7"),
        ({"separator": SEPARATOR, "steps": [0], "results": ""}, "celery"),
    ],
    ids=["nobody told", "usual", "of its own", "one step"],
)
def test_unacknowledged_messages_find_their_queues_through_bindings(old, new, host, told, key):
    direct, topic, high = message("k"), message("shop.mail"), message("celery", priority=7)
    with old.connect() as redis:
        redis.call(
            "SADD", "_kombu.binding.shop", SEPARATOR.join(("k", "", "kind")), SEPARATOR.join(("other", "", "other"))
        )
        redis.call("SADD", "_kombu.binding.topics", SEPARATOR.join(("shop.*", r"^shop\.[^.]*?$", "mails")))
        redis.call("SADD", "_kombu.binding.celery.pidbox", SEPARATOR.join(("", "", "worker1.celery.pidbox")))
        take_unacked(redis, [direct], "shop", "k")
        take_unacked(redis, [topic], "topics", "shop.mail")
        take_unacked(redis, [high])
    journal = Notes()
    journal.note(celery={"old": told} if told else {})
    [moved] = there_and_back(old, new, host, journal, ">")
    assert moved.moved == 3
    with new.connect() as redis:
        assert consume_all(redis, "kind") == [direct]
        assert consume_all(redis, "mails") == [topic]
        assert consume_all(redis, key) == [high]
        assert redis.scan(match="_kombu*") == [b"_kombu.binding.shop", b"_kombu.binding.topics"]


def test_a_release_may_name_its_lists_in_another_way(new, host):
    journal = Notes()
    journal.note(celery={"new": {"separator": ":", "steps": [0, 5], "results": ""}})
    urgent, late, held = message(priority=3), message(priority=9), message(priority=9, task="shop.other")
    usual = Layout(SEPARATOR, (0, 3, 6, 9))
    with new.connect() as redis, new.broker("new") as broker:
        fill(redis, f"celery{SEPARATOR}3", [urgent])
        fill(redis, f"celery{SEPARATOR}9", [late])
        fill(redis, f"_bg.hold:celery{SEPARATOR}9", [held])
        assert rename_lists(journal, broker, usual) == 3
        assert (consume_all(redis), consume_all(redis, "celery:5")) == ([urgent], [late])
        assert consume_all(redis, "_bg.hold:celery:5") == [held]
        assert rename_lists(journal, broker, usual) == 0
        # Nobody told what the other color's are.
        assert rename_lists(journal, broker, Layout()) == 0
    assert leftovers(new) == [b"_bg.hold:celery:5"]


def test_a_message_that_no_queue_is_known_for_stays_where_it_is(old, new, host):
    homeless = message("nowhere")
    with old.connect() as redis:
        take_unacked(redis, [homeless], "gone", "nowhere")
        value = redis.call("HGET", "unacked", tag_of(homeless))
        [moved] = there_and_back(old, new, host, NullJournal(), ">")
        assert (moved.moved, moved.left) == (0, {"unacked": 1})
        assert redis.call("HGET", "unacked", tag_of(homeless)) == value
        assert redis.call("ZCARD", "unacked_index") == 1
    assert leftovers(old) == []


def test_unacknowledged_messages_without_an_index_move_too(old, new, host):
    taken = [message() for _number in range(1500)]
    with old.connect() as redis:
        take_unacked(redis, taken)
        redis.call("DEL", "unacked_index")
    [moved] = there_and_back(old, new, host, NullJournal(), ">")
    assert (moved.moved, moved.left) == (1500, {})
    with new.connect() as redis:
        assert sorted(consume_all(redis)) == sorted(taken)


def test_what_a_live_worker_has_is_left_to_it(old, new, host):
    with old.connect() as redis, old.connect() as worker:
        fill(redis, "celery", [message()])
        take_unacked(redis, [message()])
        worker.call("PSUBSCRIBE", "/0.celery.pidbox")
        [moved] = there_and_back(old, new, host, NullJournal(), ">")
        assert (moved.moved, moved.left) == (1, {"unacked": 1})


def test_global_keyprefix_and_other_databases_are_kept(old, new, host):
    plain, prefixed = message(), message()
    with old.connect(2) as redis:
        fill(redis, "shop:celery", [plain])
        take_unacked(redis, [prefixed], "celery", "celery", prefix="shop:")
        redis.call("SADD", "shop:_kombu.binding.celery", SEPARATOR.join(("celery", "", "celery")))
    there_and_back(old, new, host, NullJournal(), ">")
    with new.connect(2) as redis:
        assert consume_all(redis, "shop:celery") == [prefixed, plain]


def test_a_url_with_a_database_leaves_the_others_alone(old, new, host):
    for number in (0, 1):
        with old.connect(number) as redis:
            fill(redis, "celery", [message()])
    with old.broker("old", database=1) as here, new.broker("new", database=1) as there:
        assert move(host, NullJournal(), here, there).moved == 1
    assert count_messages(old.broker("old")) == {"celery": 1}


@pytest.mark.parametrize("journal", [NullJournal(), Notes()], ids=["alone", "in a deployment"])
def test_forward_back_and_forward_loses_nothing(old, new, host, journal):
    waiting, taken = [message() for _number in range(3)], [message()]
    with old.connect() as redis:
        fill(redis, "celery", waiting)
        take_unacked(redis, taken)
    hops = there_and_back(old, new, host, journal, "><>")
    assert [hop.moved for hop in hops] == [4, 4, 4]
    with new.connect() as redis:
        assert consume_all(redis) == taken + waiting
    assert count_messages(old.broker("old")) == {}


def test_hops_are_numbered_by_direction(old, new, host):
    journal = Notes()
    assert [hop.hop for hop in there_and_back(old, new, host, journal, ">><<>")] == [1, 1, 2, 2, 3]
    assert [hop["done"] for hop in journal.data["hops"]] == [True, True, False]
    finish_hop(journal)
    assert [hop["done"] for hop in journal.data["hops"]] == [True, True, True]
    assert there_and_back(old, new, host, journal, ">")[0].hop == 4


def test_a_wrong_hop_moves_nothing(old, new, host):
    with old.connect() as redis:
        fill(redis, "celery", [message()])
    with old.broker("old") as here, new.broker("new") as there:
        with pytest.raises(BluegreenError, match="hop is 2, but a move from old to new is hop 1"):
            move(host, Notes(), here, there, hop=2)
    assert count_messages(old.broker("old")) == {"celery": 1}


def test_one_redis_for_both_colors_is_nothing_to_do(old, host):
    with old.connect() as redis:
        fill(redis, "celery", [message()])
    with old.broker("blue") as here, old.broker("green") as there:
        assert move(host, NullJournal(), here, there).moved == 0
    assert count_messages(old.broker("old")) == {"celery": 1}


def test_orphans_go_back_to_their_queue(old, host):
    waiting, taken = [message()], [message(), message()]
    with old.connect() as redis:
        fill(redis, "celery", waiting)
        take_unacked(redis, taken)
        assert restore_orphans(host, NullJournal(), old.broker("old")) == 2
        assert consume_all(redis) == taken + waiting
        assert redis.call("EXISTS", "unacked", "unacked_index") == 0
    assert restore_orphans(host, NullJournal(), old.broker("old")) == 0
    assert leftovers(old) == []


def test_orphans_are_left_alone_while_a_worker_lives(old, host):
    with old.connect() as redis, old.connect() as worker:
        take_unacked(redis, [message()])
        worker.call("BRPOP", "celery", 0.01)
        assert restore_orphans(host, NullJournal(), old.broker("old")) == 0
        assert redis.call("HLEN", "unacked") == 1


def test_results_and_chords_are_copied_with_the_time_they_have_left(old, new, host):
    with old.connect() as redis:
        redis.pipeline(
            [
                ("SET", "celery-task-meta-1", b"\x00\xff", "PX", 50_000),
                ("SET", "celery-taskset-meta-g.s", "3"),
                ("ZADD", "celery-taskset-meta-g.j", 1, "a", 2, "b"),
                ("RPUSH", "shop_celery-taskset-meta-h.j", "x", "y"),
                ("SET", ":1:session", "private"),
            ]
        )
    [first] = there_and_back(old, new, host, NullJournal(), ">")
    assert first.results == 4
    with new.connect() as redis:
        assert redis.call("GET", "celery-task-meta-1") == b"\x00\xff"
        assert 40_000 < redis.call("PTTL", "celery-task-meta-1") <= 50_000
        assert redis.call("PTTL", "celery-taskset-meta-g.s") == -1
        assert redis.call("ZRANGE", "celery-taskset-meta-g.j", 0, -1, "WITHSCORES") == [b"a", b"1", b"b", b"2"]
        assert redis.call("LRANGE", "shop_celery-taskset-meta-h.j", 0, -1) == [b"x", b"y"]
        assert redis.call("EXISTS", ":1:session") == 0


def test_results_of_the_destination_count_once_its_workers_live(old, new, host):
    journal = Notes()
    with old.connect() as redis, new.connect() as other, new.connect() as worker:
        redis.call("SET", "celery-task-meta-1", "old")
        redis.call("SET", "celery-task-meta-2", "old")
        other.call("SET", "celery-task-meta-1", "new")
        worker.call("BRPOP", "celery", 0.01)
        assert there_and_back(old, new, host, journal, ">")[0].results == 1
        assert other.call("GET", "celery-task-meta-1") == b"new"
        assert other.call("GET", "celery-task-meta-2") == b"old"


@pytest.mark.parametrize("size, number", [(700, 10_000), (60_000, 100)], ids=["many", "large"])
def test_no_command_keeps_redis_from_others_for_long(old, new, host, monkeypatch, size, number):
    payloads = [message(text="x" * size) for _number in range(number)]
    largest = [0]
    pipeline = Redis.pipeline

    def weigh(self, commands):
        largest[0] = max([largest[0]] + [len(encode(command)) for command in commands])
        return pipeline(self, commands)

    with old.connect() as redis:
        redis.pipeline([("LPUSH", "celery", payload) for payload in payloads])
    monkeypatch.setattr(Redis, "pipeline", weigh)
    [moved] = there_and_back(old, new, host, NullJournal(), ">")
    assert moved.moved == number
    # The first chunk is taken blind.
    assert largest[0] < max(2 * queues.CHUNK_BYTES, 2 * queues.FIRST_CHUNK * size)
    for server in (old, new):
        # On average, because on a busy machine a single one may have to wait for the processor.
        with server.connect() as redis:
            for line in redis.call("INFO", "commandstats").decode().splitlines():
                if line.startswith(("cmdstat_eval:", "cmdstat_lrange:", "cmdstat_lrem:", "cmdstat_renamenx:")):
                    assert float(line.split("usec_per_call=")[1].split(",")[0]) < 20_000, line
    with new.connect() as redis:
        assert consume_all(redis) == payloads


def test_messages_count_under_their_queue_whatever_separator_the_app_has(old):
    with old.connect() as redis:
        redis.call("SADD", "_kombu.binding.celery", "celery::celery")
        for key, count in (("celery", 2), ("celery:3", 1), ("celery:9", 1), ("mail:3", 1)):
            fill(redis, key, [message() for _each in range(count)])
    assert count_messages(old.broker("old")) == {"celery": 4, "mail:3": 1}
