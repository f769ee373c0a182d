# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Results of tasks and the state of chords.

A chord's body runs when the last of its tasks finds the others' results: without them it never runs.

While old workers finish and new ones run, both write. Of two states of one task the one that is final counts. What the
tasks of a chord left on both sides is put together, because each of them is a fact. The last task counts where it
ends: when it ended in an old worker, and all others have ended too, nobody counts any more.
"""

from __future__ import annotations

import re

from .._celery import kombu
from .copy_keys import CHUNK, copy_keys
from .queues import present

META, GROUP = (mark.encode() for mark in kombu.RESULTS)
# The state comes first, whatever the serializer. celery.states.READY_STATES
_READY = re.compile(rb"^.{0,20}status.{1,14}?(SUCCESS|FAILURE|REVOKED)(?![A-Z_])", re.DOTALL)
_HEAD = 63
# What the tasks of a chord leave: their results in a sorted set, or in a list where their order does not count, and
# since Celery 5.7 the set of those that did. How many there are to be is .s, with the difference .t. Since 5.7 .c says
# that the body was sent.
_PARTS, _SIZE, _MORE, _SENT = b".j", b".s", b".t", b".c"
_UNITED = (_PARTS, b".d")


def keys_of(database):
    """Names of the keys of results and chords."""
    keys = set()
    for mark in kombu.RESULTS:
        keys.update(database.scan(match=f"*{mark}*"))
    return sorted(keys)


def copy_results(host, journal, here, there, replace):
    """Copy them.

    :param replace: whether the source's counts where both have a key of equal worth. True only before the destination's
        workers start: afterwards the destination knows better.
    :returns: how many keys were written.
    """
    copied, stuck = 0, 0
    keys = keys_of(here)
    chords = [key for key in keys if GROUP in key]
    over = _sent(there, chords)
    chords = [key for key in chords if key[:-2] not in over]
    united = [key for key in present(there, chords) if key.endswith(_UNITED)]
    for key in united:
        added = _unite(here, there, key)
        copied += bool(added)
        stuck += bool(added) and key.endswith(_PARTS) and _is_whole(there, key[: -len(_PARTS)])
        journal.renew_lease()
    metas = [key for key in keys if META in key]
    copied += copy_keys(journal, here, there, _better(here, there, metas, replace), replace=True)[0]
    copied += copy_keys(journal, here, there, [key for key in chords if key not in united], replace)[0]
    if stuck:
        host.warn(
            f"The body of {stuck} {'chord' if stuck == 1 else 'chords'} will not run by itself: all tasks before it are done, but "
            "they ended in the workers of both colors, the last of them in one that was told to stop. Send it again, or give "
            "running tasks longer (bluegreen_worker_stop_timeout)."
        )
    return copied


def is_ready(head) -> bool:
    """Whether a result is final, by the bytes that it begins with."""
    return bool(_READY.match(head))


def _better(here, there, keys, replace):
    """Those of the keys of single results whose state in the source counts."""
    better = []
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start:start + CHUNK]
        heads = [("GETRANGE", key, 0, _HEAD) for key in chunk]
        for key, ours, theirs in zip(chunk, here.pipeline(heads), there.pipeline(heads)):
            if is_ready(ours) == is_ready(theirs):
                counts = replace or not theirs
            else:
                counts = is_ready(ours)
            if counts:
                better.append(key)
    return better


def _sent(there, keys):
    """Groups whose body was sent in the destination."""
    groups = sorted({key[:-2] for key in keys if key[-2:-1] == b"."})
    marks = there.pipeline([("GET", group + _SENT) for group in groups]) if groups else []
    return {group for group, mark in zip(groups, marks) if mark == b"done"}


def _unite(here, there, key):
    """Add what one key has to the same in the destination; how many elements were new there."""
    kind = here.call("TYPE", key)
    if kind not in _READ or there.call("TYPE", key) != kind:
        return 0
    ours, theirs = _READ[kind](here, key), _READ[kind](there, key)
    new = [(element, score) for element, score in ours.items() if element not in theirs]
    if new:
        there.pipeline([_ADD[kind](key, element, score) for element, score in new])
    return len(new)


def _is_whole(there, group):
    """Whether all tasks of a chord have left their result, and the body was not sent."""
    size, more, sent = there.pipeline([("GET", group + end) for end in (_SIZE, _MORE, _SENT)])
    parts = there.call("ZCARD" if there.call("TYPE", group + _PARTS) == b"zset" else "LLEN", group + _PARTS)
    return size is not None and sent is None and parts == int(size) + int(more or 0)


def _pairs(words):
    return dict(zip(words[0::2], words[1::2]))


_READ = {
    b"zset": lambda database, key: _pairs(database.call("ZRANGE", key, 0, -1, "WITHSCORES")),
    b"list": lambda database, key: dict.fromkeys(database.call("LRANGE", key, 0, -1)),
    b"set": lambda database, key: dict.fromkeys(database.call("SMEMBERS", key)),
}
_ADD = {
    b"zset": lambda key, element, score: ("ZADD", key, "NX", score, element),
    b"list": lambda key, element, dummy: ("RPUSH", key, element),
    b"set": lambda key, element, dummy: ("SADD", key, element),
}
