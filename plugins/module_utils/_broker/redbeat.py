# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The schedule of RedBeat, a beat that keeps its periodic tasks in Redis: entries made at run time, and when each ran.

Its prefix can be chosen, so it is found by its form: a sorted set whose name ends in ``:schedule`` and whose members
are the names of hashes with a definition. RedBeat itself starts from nothing else, so for a new beat a copy is the same
as a restart. The lock is not copied: it belongs to the beat that holds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable

from .copy_keys import copy_keys
from .queues import CHUNK_KEYS
from .redis import Commands

if TYPE_CHECKING:
    from .._journal.journal import AnyJournal

SCHEDULE, STATICS, LOCK = b":schedule", b":statics", b":lock"


def copy_schedule(journal: AnyJournal, here: Commands, there: Commands, replace: bool) -> int:
    """Copy the schedules of a database to another one, whose beat does not run.

    :param replace: whether a schedule that the destination has is replaced; else it is kept.
    :returns: how many keys were written.
    """
    copied = 0
    for schedule in here.scan(match="*" + SCHEDULE.decode(), kind="zset"):
        keys = _keys_at(here, schedule)
        if not keys or (not replace and there.call("EXISTS", schedule)):
            continue
        # An entry that was removed from the schedule meanwhile must not come back.
        gone = [key for key in _keys_at(there, schedule) if key not in keys]
        if gone:
            there.call("UNLINK", *gone)
        copied += copy_keys(journal, here, there, keys, replace=True).written
    return copied


def own_among(database: Commands, keys: Iterable[bytes]) -> set[bytes]:
    """Those of some keys that are RedBeat's."""
    own: set[bytes] = set()
    for key in keys:
        if key.endswith(SCHEDULE) and database.call("TYPE", key) == b"zset":
            found = _keys_at(database, key)
            own.update([*found, _beside(key, LOCK)] if found else ())
    return own.intersection(keys)


def _keys_at(database: Commands, schedule: bytes) -> list[bytes]:
    """All keys of a schedule but its lock; empty when the schedule is not RedBeat's."""
    entries = database.call("ZRANGE", schedule, 0, -1)
    few = entries[:CHUNK_KEYS]
    kinds = database.pipeline([("TYPE", entry) for entry in few]) if few else []
    hashes = [entry for entry, kind in zip(few, kinds) if kind == b"hash"]
    defined = database.pipeline([("HEXISTS", entry, "definition") for entry in hashes]) if hashes else []
    return [schedule, _beside(schedule, STATICS), *entries] if any(defined) else []


def _beside(schedule: bytes, name: bytes) -> bytes:
    return schedule[: -len(SCHEDULE)] + name
