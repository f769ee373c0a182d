# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results, chords and RedBeat's schedule copied while workers of both colors write them."""

from __future__ import annotations

import json
import pickle
from types import SimpleNamespace

import pytest
from notes import Notes
from tasks import fill, message

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.move import move
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redbeat import copy_schedule
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.results import copy_results, is_ready
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import NullJournal


@pytest.fixture
def host():
    made = SimpleNamespace(commands=[], warnings=[])
    made.warn = made.warnings.append
    return made


def meta(status, result=None):
    return {"status": status, "result": result, "traceback": None, "children": [], "task_id": "1"}


def encoded(status, result=None):
    return json.dumps(meta(status, result)).encode()


@pytest.mark.parametrize(
    "value, ready",
    [
        *((encoded(state), True) for state in ("SUCCESS", "FAILURE", "REVOKED")),
        *((encoded(state), False) for state in ("PENDING", "RECEIVED", "STARTED", "RETRY", "PROGRESS")),
        (encoded("STARTED", "SUCCESS"), False),
        (encoded("PROGRESS", {"status": "SUCCESS"}), False),
        *((pickle.dumps(meta("SUCCESS"), protocol), True) for protocol in (2, 4, 5)),
        *((pickle.dumps(meta("STARTED", "SUCCESS"), protocol), False) for protocol in (2, 4, 5)),
        # msgpack and YAML
        (b"\x85\xa6status\xa7SUCCESS\xa6result\xc0", True),
        (b"status: FAILURE\nresult: null\n", True),
        (b"", False),
    ],
)
def test_which_results_are_final(value, ready):
    assert is_ready(value[:64]) is ready


@pytest.mark.parametrize(
    "ours, theirs, replace, kept",
    [
        # What an old worker ends after the handover counts, and nothing takes it away again.
        (encoded("SUCCESS"), encoded("STARTED"), False, "ours"),
        (encoded("STARTED"), encoded("SUCCESS"), True, "theirs"),
        (encoded("STARTED"), encoded("SUCCESS"), False, "theirs"),
        # Of two that are worth the same the destination's, unless its workers have yet to start.
        (encoded("SUCCESS", 1), encoded("SUCCESS", 2), False, "theirs"),
        (encoded("SUCCESS", 1), encoded("SUCCESS", 2), True, "ours"),
        (encoded("RETRY"), encoded("STARTED"), False, "theirs"),
        (encoded("STARTED"), None, False, "ours"),
    ],
)
def test_a_final_state_counts_more(old, new, host, ours, theirs, replace, kept):
    with old.connect() as here, new.connect() as there:
        here.call("SET", "celery-task-meta-1", ours, "PX", 50_000)
        if theirs:
            there.call("SET", "celery-task-meta-1", theirs)
        assert copy_results(host, NullJournal(), here, there, replace) == (kept == "ours")
        assert there.call("GET", "celery-task-meta-1") == {"ours": ours, "theirs": theirs}[kept]


def chord(redis, size, parts, more=0, ordered=True):
    """What Celery 5.7 keeps of a chord whose parts of these numbers are done."""
    redis.call("SET", "celery-taskset-meta-g.s", size)
    if more:
        redis.call("SET", "celery-taskset-meta-g.t", more)
    for part in parts:
        command = ("ZADD", "celery-taskset-meta-g.j", part) if ordered else ("RPUSH", "celery-taskset-meta-g.j")
        redis.call(*command, f"part {part}")
        redis.call("SADD", "celery-taskset-meta-g.d", f"id {part}")


def parts_of(redis, ordered=True):
    found = redis.call(*(("ZRANGE" if ordered else "LRANGE"), "celery-taskset-meta-g.j", 0, -1))
    return [int(part.split()[1]) for part in found]


@pytest.mark.parametrize("ordered", [True, False], ids=["ordered", "unordered"])
def test_the_parts_of_a_chord_on_both_sides_are_put_together(old, new, host, ordered):
    with old.connect() as here, new.connect() as there:
        # Part 0 was done before the handover, 2 and 3 in old workers, 1 and 4 in new ones; 5 still runs.
        chord(here, 6, [0, 2, 3], ordered=ordered)
        chord(there, 6, [0, 1, 4], ordered=ordered)
        copy_results(host, NullJournal(), here, there, replace=False)
        assert sorted(parts_of(there, ordered)) == [0, 1, 2, 3, 4]
        assert there.call("SCARD", "celery-taskset-meta-g.d") == 5
        assert host.warnings == []
        # Again, it is the same.
        assert copy_results(host, NullJournal(), here, there, replace=False) == 0
        assert sorted(parts_of(there, ordered)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("more", [0, 1])
def test_a_chord_that_nobody_counts_any_more_is_said(old, new, host, more):
    with old.connect() as here, new.connect() as there:
        chord(here, 3, [0, 2], more)
        chord(there, 3, [0, 1, 3][: 2 + more], more)
        copy_results(host, NullJournal(), here, there, replace=False)
        assert len(host.warnings) == 1 and host.warnings[0].startswith("The body of chord g will not run by itself")
        copy_results(host, NullJournal(), here, there, replace=False)
        assert len(host.warnings) == 1


def test_a_chord_whose_body_was_sent_stays_over(old, new, host):
    with old.connect() as here, new.connect() as there:
        chord(here, 3, [0, 1])
        there.call("SET", "celery-taskset-meta-g.c", "done")
        assert copy_results(host, NullJournal(), here, there, replace=False) == 0
        assert there.scan() == [b"celery-taskset-meta-g.c"]


def test_the_room_for_a_late_move_counts_only_what_is_new(old, host, start_server):
    """35 MiB of results in a Redis of 64: they fit once, and are there when a late task moves."""
    small = start_server("--maxmemory", "64mb", "--maxmemory-policy", "noeviction")
    with old.connect() as redis:
        for number in range(350):
            redis.call("SET", f"celery-task-meta-{number}", encoded("SUCCESS", "x" * 100_000))
        fill(redis, "celery", [message()])
    journal = Notes()
    with old.broker("old") as here, small.broker("small") as there:
        assert move(host, journal, here, there).results == 350
        for way in ((here, there), (there, here)):
            with old.connect() as redis:
                fill(redis, "celery", [message()])
            moved = move(host, journal, *way)
            assert moved.left == {} and moved.moved >= 1


ENTRY = {"name": "extra", "task": "shop.nap", "schedule": {"__type__": "interval", "every": 3}}


def redbeat(redis, *names, prefix="redbeat:", ran="1"):
    for name in names:
        redis.call("HSET", f"{prefix}{name}", "definition", json.dumps(ENTRY), "meta", json.dumps({"last_run_at": ran}))
        redis.call("ZADD", f"{prefix}:schedule", 5, f"{prefix}{name}")
    redis.call("SADD", f"{prefix}:statics", *names)
    redis.call("SET", f"{prefix}:lock", "me")


@pytest.mark.parametrize("prefix", ["redbeat:", "shop:"])
def test_redbeat_comes_along_with_the_first_move_of_a_hop(old, new, host, prefix):
    journal = Notes()
    with old.connect() as redis, new.connect() as other:
        redis.call("SET", f"{prefix}cache", "is no entry")
        redbeat(redis, "extra", "nightly", prefix=prefix)
        with old.broker("old") as here, new.broker("new") as there:
            move(host, journal, here, there)
            assert other.scan() == sorted(
                f"{prefix}{name}".encode() for name in ("extra", "nightly", ":schedule", ":statics")
            )
            # The new beat beats on, and takes one out.
            redbeat(other, "extra", prefix=prefix, ran="2")
            other.call("ZREM", f"{prefix}:schedule", f"{prefix}nightly")
            other.call("DEL", f"{prefix}nightly")
            move(host, journal, here, there)
            assert b"2" in other.call("HGET", f"{prefix}extra", "meta")
            assert other.call("EXISTS", f"{prefix}nightly") == 0
            # Back again, with what it did.
            redis.call("DEL", f"{prefix}:lock")
            move(host, journal, there, here)
        assert b"2" in redis.call("HGET", f"{prefix}extra", "meta")
        assert redis.call("EXISTS", f"{prefix}nightly", f"{prefix}:lock") == 0
        assert redis.call("EXISTS", f"{prefix}cache") == 1


def test_beside_the_broker_a_schedule_that_is_there_is_left_alone(old, new):
    with old.connect() as here, new.connect() as there:
        redbeat(here, "extra")
        assert copy_schedule(NullJournal(), here, there, replace=False) == 3
        redbeat(there, "extra", ran="2")
        assert copy_schedule(NullJournal(), here, there, replace=False) == 0
        assert b"2" in there.call("HGET", "redbeat:extra", "meta")


@pytest.mark.parametrize("members", [["x"], ["shop:1"]])
def test_what_only_looks_like_a_schedule_is_none(old, new, members):
    with old.connect() as here, new.connect() as there:
        here.call("HSET", "shop:1", "field", "value")
        for member in members:
            here.call("ZADD", "shop:schedule", 1, member)
        assert copy_schedule(NullJournal(), here, there, replace=True) == 0
