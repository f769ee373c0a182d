# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Results of tasks and the state of chords, copied from one Redis to another with the time they have left.

A chord's body runs when the last of its tasks finds the others' results: without them it never runs. Keys are copied by
type and not by DUMP, because an older Redis does not read the dump of a newer one, and a rollback may go there.
"""

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _kombu

CHUNK = 100

# How a key of each type is read whole, and how it is written from what was read.
_READ = {
    b"string": lambda key: ("GET", key),
    b"list": lambda key: ("LRANGE", key, 0, -1),
    b"set": lambda key: ("SMEMBERS", key),
    b"zset": lambda key: ("ZRANGE", key, 0, -1, "WITHSCORES"),
    b"hash": lambda key: ("HGETALL", key),
}
_WRITE = {
    b"string": lambda key, value: ("SET", key, value),
    b"list": lambda key, value: ("RPUSH", key, *value),
    b"set": lambda key, value: ("SADD", key, *value),
    b"zset": lambda key, value: ("ZADD", key, *(word for pair in zip(value[1::2], value[0::2]) for word in pair)),
    b"hash": lambda key, value: ("HSET", key, *value),
}


def copy_results(journal, here, there, replace):
    """Copy them.

    :param replace: whether the source's state counts where both have a key. True only before the destination's workers
        start: afterwards the destination knows better.
    :returns: how many keys were written.
    """
    keys = set()
    for mark in _kombu.RESULTS:
        keys.update(here.scan(match=f"*{mark}*"))
    keys, copied = sorted(keys), 0
    while keys:
        chunk, keys = keys[:CHUNK], keys[CHUNK:]
        if not replace:
            present = there.pipeline([("EXISTS", key) for key in chunk])
            chunk = [key for key, there_already in zip(chunk, present) if not there_already]
        copied += _copy(here, there, chunk)
        journal.alive()
    return copied


def _copy(here, there, keys):
    if not keys:
        return 0
    kinds = here.pipeline([("TYPE", key) for key in keys])
    known = [(key, kind) for key, kind in zip(keys, kinds) if kind in _READ]
    if not known:
        return 0
    values = here.pipeline([_READ[kind](key) for key, kind in known] + [("PTTL", key) for key, kind in known])
    copied = 0
    for (key, kind), value, left in zip(known, values, values[len(known):]):
        # -2: it ended between the two questions.
        if not value or left == -2:
            continue
        commands = [("MULTI",), ("DEL", key), _WRITE[kind](key, value)]
        if left >= 0:
            commands.append(("PEXPIRE", key, max(left, 1)))
        there.pipeline(commands + [("EXEC",)])
        copied += 1
    return copied
