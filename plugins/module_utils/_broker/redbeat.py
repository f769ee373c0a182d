# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The schedule of RedBeat, a beat that keeps its periodic tasks in Redis: entries made at run time, and when each ran.

It is found by what it is made of, because its prefix can be chosen: a sorted set that ends in ``:schedule`` and scores
the names of hashes with a definition. RedBeat itself starts from nothing else, so a copy is to a new beat what a
restart is. Its lock stays behind: it belongs to the beat that holds it.
"""

from __future__ import annotations

from .copy_keys import copy_keys
from .queues import CHUNK_KEYS

SCHEDULE, STATICS, LOCK = b":schedule", b":statics", b":lock"


def copy_schedule(journal, here, there, replace) -> int:
    """Copy the schedules of a database to another one, whose beat does not run.

    :param replace: whether a schedule that is there already goes; else it is left as it is.
    :returns: how many keys were written.
    """
    copied = 0
    for schedule in here.scan(match="*" + SCHEDULE.decode(), kind="zset"):
        keys = _keys_at(here, schedule)
        if not keys or (not replace and there.call("EXISTS", schedule)):
            continue
        # What was taken out of the schedule meanwhile must not come back.
        gone = [key for key in _keys_at(there, schedule) if key not in keys]
        if gone:
            there.call("UNLINK", *gone)
        copied += copy_keys(journal, here, there, keys, replace=True)[0]
    return copied


def own_among(database, keys):
    """Those of some keys that are RedBeat's."""
    own = set()
    for key in keys:
        if key.endswith(SCHEDULE) and database.call("TYPE", key) == b"zset":
            found = _keys_at(database, key)
            own.update([*found, _beside(key, LOCK)] if found else ())
    return own.intersection(keys)


def _keys_at(database, schedule):
    """All keys of a schedule but its lock; empty when it is none of RedBeat's."""
    entries = database.call("ZRANGE", schedule, 0, -1)
    few = entries[:CHUNK_KEYS]
    kinds = database.pipeline([("TYPE", entry) for entry in few]) if few else []
    hashes = [entry for entry, kind in zip(few, kinds) if kind == b"hash"]
    defined = database.pipeline([("HEXISTS", entry, "definition") for entry in hashes]) if hashes else []
    return [schedule, _beside(schedule, STATICS), *entries] if any(defined) else []


def _beside(schedule, name):
    return schedule[: -len(SCHEDULE)] + name
