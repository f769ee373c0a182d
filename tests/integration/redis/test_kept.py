# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that are not Celery's come along where the user names them, whole and with the time they have left."""

from __future__ import annotations

import pytest
from tasks import SEPARATOR, fill, message, take_unacked
from test_move_killed import Killed

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import copy_keys
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.kept_keys import Kept, keep_keys
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import Redis, RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import NullJournal


class Host:
    def __init__(self):
        self.commands, self.warnings = [], []

    def warn(self, sentence):
        self.warnings.append(sentence)


@pytest.fixture
def host():
    return Host()


def kept(host, old, new, *patterns):
    with old.broker("old") as here, new.broker("new") as there:
        return keep_keys(host, NullJournal(), here, there, list(patterns))


VALUES = [
    ("SET", "session:text", b"\x00\xff"),
    ("SET", "session:empty", ""),
    ("HSET", "session:hash", "user", "1", "cart", ""),
    ("RPUSH", "session:list", "b", "a", "b"),
    ("SADD", "session:set", "x", "y"),
    ("ZADD", "session:zset", 1.5, "a", -2, "b"),
]


def test_every_type_with_the_time_it_has_left(old, new, host):
    with old.connect() as redis, new.connect() as other:
        redis.pipeline(VALUES)
        redis.pipeline([("PEXPIRE", command[1], 60_000) for command in VALUES[::2]])
        redis.call("SET", "cache:1", "theirs")
        assert kept(host, old, new, "session:*") == Kept(6, 0)
        for command, key in ((command[0], command[1]) for command in VALUES):
            assert other.call("TYPE", key) == redis.call("TYPE", key)
            if command != "SADD":
                assert other.call("DUMP", key) == redis.call("DUMP", key)
            left = other.call("PTTL", key)
            assert left == -1 if redis.call("PTTL", key) == -1 else 50_000 < left <= 60_000
        assert sorted(other.call("SMEMBERS", "session:set")) == [b"x", b"y"]
        assert other.call("EXISTS", "cache:1") == 0
        # They are copied, not moved.
        assert redis.call("GET", "session:text") == b"\x00\xff"
    assert host.commands == ["copy 6 keys like session:* from old to new"]
    assert host.warnings == []


def test_the_source_counts_where_both_have_a_key(old, new, host):
    with old.connect() as redis, new.connect() as other:
        redis.call("SET", "session:1", "fresh")
        other.call("RPUSH", "session:1", "stale")
        other.call("SET", "session:2", "only there")
        kept(host, old, new, "session:*")
        assert (other.call("GET", "session:1"), other.call("GET", "session:2")) == (b"fresh", b"only there")


def test_every_database_is_looked_through_also_past_the_one_of_the_broker(old, new, host):
    with old.connect(3) as redis, new.connect(3) as other:
        redis.call("SET", "session:1", "a")
        with old.broker("old", database=0) as here, new.broker("new", database=0) as there:
            assert keep_keys(host, NullJournal(), here, there, ["session:?"]).copied == 1
        assert other.call("GET", "session:1") == b"a"


def test_celerys_keys_and_our_own_are_never_copied(old, new, host):
    with old.connect() as redis:
        fill(redis, "celery", [message()])
        fill(redis, f"reports{SEPARATOR}3", [message()])
        fill(redis, "_bg.hold:celery", [message()])
        take_unacked(redis, [message()])
        redis.pipeline(
            [
                ("SET", "celery-task-meta-1", "x"),
                ("SET", "_bg.copy:session:1", "x"),
                ("SADD", "shop:_kombu.binding.celery", "x"),
                ("RPUSH", "worklist", "no message"),
                ("SET", "other", "1"),
            ]
        )
        assert kept(host, old, new, "*") == Kept(2, 0)
    with new.connect() as other:
        assert other.scan() == [b"other", b"worklist"]


@pytest.mark.parametrize("kind", ["hash", "set", "zset", "list"])
def test_a_large_key_is_copied_in_pages(old, new, host, monkeypatch, kind):
    most = [0]
    pipeline = Redis.pipeline

    def weigh(self, commands):
        commands = list(commands)
        most[0] = max([most[0]] + [len(command) for command in commands])
        return pipeline(self, commands)

    elements = [f"e{n}" for n in range(5000)]
    write = {
        "hash": ("HSET", lambda e: (e, "v")),
        "set": ("SADD", lambda e: (e,)),
        "zset": ("ZADD", lambda e: (e[1:], e)),
        "list": ("RPUSH", lambda e: (e,)),
    }[kind]
    with old.connect() as redis, new.connect() as other:
        redis.pipeline([(write[0], "session:big", *write[1](element)) for element in elements])
        redis.call("PEXPIRE", "session:big", 60_000)
        other.call("SET", "session:big", "stale")
        monkeypatch.setattr(Redis, "pipeline", weigh)
        assert kept(host, old, new, "session:*").copied == 1
        monkeypatch.undo()
        read = {"hash": "HGETALL", "set": "SMEMBERS"}.get(kind)
        words = (read, "session:big") if read else (kind[0].upper() + "RANGE", "session:big", 0, -1)
        found, expected = other.call(*words), redis.call(*words)
        assert found == expected if kind in ("list", "zset") else sorted(found) == sorted(expected)
        assert 50_000 < other.call("PTTL", "session:big") <= 60_000
        assert other.scan() == [b"session:big"]
    # SCAN may give somewhat more than it was asked for.
    assert most[0] < 4 * copy_keys.PAGE


def test_a_large_key_without_an_end_has_none_afterwards(old, new, host):
    with old.connect() as redis, new.connect() as other:
        redis.call("RPUSH", "session:big", *range(2000))
        kept(host, old, new, "session:*")
        assert other.call("PTTL", "session:big") == -1


def test_half_of_a_large_key_is_never_seen_and_goes_by_itself(old, new, host, monkeypatch):
    def die(*_args):
        yield [b"1"]
        raise Killed

    with old.connect() as redis, new.connect() as other:
        redis.call("RPUSH", "session:big", *range(2000))
        with monkeypatch.context() as patched:
            patched.setattr(copy_keys, "_list_pages", die)
            with pytest.raises(Killed):
                kept(host, old, new, "session:*")
        assert other.call("EXISTS", "session:big") == 0
        assert other.call("TTL", "_bg.copy:session:big") > 0
        kept(host, old, new, "session:*")
        assert other.call("LLEN", "session:big") == 2000
        assert other.scan() == [b"session:big"]


def test_a_stream_is_dumped_with_its_groups(old, new, host):
    with old.connect() as redis, new.connect() as other:
        redis.call("XADD", "session:log", "1-1", "a", "b")
        redis.call("XGROUP", "CREATE", "session:log", "readers", "0")
        redis.call("PEXPIRE", "session:log", 60_000)
        assert kept(host, old, new, "session:*") == Kept(1, 0)
        assert other.call("XRANGE", "session:log", "-", "+") == [[b"1-1", [b"a", b"b"]]]
        assert b"readers" in other.call("XINFO", "GROUPS", "session:log")[0]
        assert other.call("PTTL", "session:log") > 50_000


def test_what_the_destination_does_not_take_is_left_out_and_counted(old, host, start_server):
    small = start_server("--rename-command", "RESTORE", "")
    with old.connect() as redis, small.connect() as other:
        redis.pipeline([("XADD", f"session:{n}", "*", "a", "b") for n in range(3)] + [("SET", "session:x", "1")])
        assert kept(host, old, small, "session:*") == Kept(1, 3)
        assert other.scan() == [b"session:x"]
    [warning] = host.warnings
    assert warning.startswith("3 keys that bluegreen_keep_keys names, such as")
    assert "'session:0'" in warning


def test_a_server_that_goes_away_is_no_key_that_was_left_out(old, host, start_server, monkeypatch):
    server = start_server()
    with old.connect() as redis:
        redis.call("XADD", "session:1", "*", "a", "b")
        monkeypatch.setattr(copy_keys, "_copy_dump", lambda here, there, *_rest: server.stop() or there.call("PING"))
        with pytest.raises(RedisError, match="does not answer"):
            kept(host, old, server, "session:*")


def test_keys_that_do_not_fit_are_refused_before_the_first(old, host, start_server):
    small = start_server("--maxmemory", "4mb")
    with old.connect() as redis:
        redis.pipeline([("SET", f"session:{n}", "x" * 30_000) for n in range(300)])
        with pytest.raises(BluegreenError, match=r"The keys to copy from old need 1\d MiB.*maxmemory is 4.0 MiB"):
            kept(host, old, small, "session:*")
    with small.connect() as other:
        assert other.scan() == []


def test_one_redis_for_both_colors_is_nothing_to_do(old, host):
    with old.connect() as redis:
        redis.call("SET", "session:1", "1")
    assert kept(host, old, old, "session:*") == Kept(0, 0)
