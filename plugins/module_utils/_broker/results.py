# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Results of tasks and the state of chords.

A chord's body runs when the last of its tasks finds the results of the others: without them it never runs.

While old workers finish and new ones run, both write. Of two states of one task the final one wins. The results of a
chord's tasks in both brokers are merged. The worker of the last task counts them in its own broker: if that was an old
worker, and all other tasks have ended too, no worker counts them again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Callable

from .._celery import kombu
from .._words import agree, joined
from .copy_keys import copy_keys
from .queues import chunks, present, text
from .redis import Command, Commands

if TYPE_CHECKING:
    from .._host import Host
    from .._journal.journal import AnyJournal

META, GROUP = (mark.encode() for mark in kombu.RESULTS)
# Every serializer writes the state first. The states are celery.states.READY_STATES.
_READY = re.compile(rb"^.{0,20}status.{1,14}?(SUCCESS|FAILURE|REVOKED)(?![A-Z_])", re.DOTALL)
_HEAD = 63
# The keys of a chord: .j holds the results of its tasks, in a sorted set, or in a list if their order does not count;
# .s is the number of tasks, and .t is added to it. Since Celery 5.7 there are .d, the set of the tasks that have ended,
# and .c, which says that the body was sent.
_PARTS, _SIZE, _MORE, _SENT = b".j", b".s", b".t", b".c"
_UNITED = (_PARTS, b".d")


def keys_of(database: Commands) -> list[bytes]:
    """Names of the keys of results and chords."""
    keys: set[bytes] = set()
    for mark in kombu.RESULTS:
        keys.update(database.scan(match=f"*{mark}*"))
    return sorted(keys)


def copy_results(host: Host, journal: AnyJournal, here: Commands, there: Commands, replace: bool) -> int:
    """Copy the results and chords of one database to another.

    :param replace: whether the source wins if both have a key, and both states are final, or neither is. True only
    before
        the destination's workers start: afterwards the destination is newer.
    :returns: how many keys were written.
    """
    copied = 0
    stuck: list[str] = []
    keys = keys_of(here)
    chords = [key for key in keys if GROUP in key]
    over = _sent(there, chords)
    chords = [key for key in chords if key[:-2] not in over]
    united = [key for key in present(there, chords) if key.endswith(_UNITED)]
    for key in united:
        added = _unite(here, there, key)
        copied += bool(added)
        if added and key.endswith(_PARTS) and _is_whole(there, key[: -len(_PARTS)]):
            stuck.append(text(key.partition(GROUP)[2][: -len(_PARTS)]))
        journal.renew_lease()
    metas = [key for key in keys if META in key]
    copied += copy_keys(journal, here, there, _better(here, there, metas, replace), replace=True).written
    copied += copy_keys(journal, here, there, [key for key in chords if key not in united], replace).written
    if stuck:
        host.warn(
            f"The body of {agree(stuck, 'chord', 'chords')} {joined(stuck)} will not run by itself. All its other "
            "tasks are done: some in old workers, some in new ones, and the last one in a worker that was stopping. "
            "Send the body again, and give running tasks more time next time (bluegreen_worker_stop_timeout)."
        )
    return copied


def is_ready(head: bytes) -> bool:
    """Whether a result is final, by the bytes that it begins with."""
    return bool(_READY.match(head))


def _better(here: Commands, there: Commands, keys: list[bytes], replace: bool) -> list[bytes]:
    """Those of the keys of single results whose state in the source wins."""
    better = []
    for chunk in chunks(keys):
        heads = [("GETRANGE", key, 0, _HEAD) for key in chunk]
        for key, ours, theirs in zip(chunk, here.pipeline(heads), there.pipeline(heads)):
            ready = is_ready(ours)
            wins = ready if ready != is_ready(theirs) else replace or not theirs
            if wins:
                better.append(key)
    return better


def _sent(there: Commands, keys: list[bytes]) -> set[bytes]:
    """Groups whose body was sent in the destination."""
    groups = sorted({key[:-2] for key in keys if key[-2:-1] == b"."})
    marks = there.pipeline([("GET", group + _SENT) for group in groups]) if groups else []
    return {group for group, mark in zip(groups, marks) if mark == b"done"}


def _unite(here: Commands, there: Commands, key: bytes) -> int:
    """Add the elements of a key to the same key in the destination; returns how many were new there."""
    kind = here.call("TYPE", key)
    if kind not in _READ or there.call("TYPE", key) != kind:
        return 0
    ours, theirs = _READ[kind](here, key), _READ[kind](there, key)
    new = [(element, score) for element, score in ours.items() if element not in theirs]
    if new:
        there.pipeline([_ADD[kind](key, element, score) for element, score in new])
    return len(new)


def _is_whole(there: Commands, group: bytes) -> bool:
    """Whether all tasks of a chord have left their result, and the body was not sent."""
    size, more, sent = there.pipeline([("GET", group + end) for end in (_SIZE, _MORE, _SENT)])
    parts = there.call("ZCARD" if there.call("TYPE", group + _PARTS) == b"zset" else "LLEN", group + _PARTS)
    return size is not None and sent is None and bool(parts == int(size) + int(more or 0))


def _pairs(words: list[bytes]) -> dict[bytes, Any]:
    return dict(zip(words[0::2], words[1::2]))


# The elements of a key with their scores, if they have one.
_READ: dict[bytes, Callable[[Commands, bytes], dict[bytes, Any]]] = {
    b"zset": lambda database, key: _pairs(database.call("ZRANGE", key, 0, -1, "WITHSCORES")),
    b"list": lambda database, key: dict.fromkeys(database.call("LRANGE", key, 0, -1)),
    b"set": lambda database, key: dict.fromkeys(database.call("SMEMBERS", key)),
}
_ADD: dict[bytes, Callable[[bytes, bytes, Any], Command]] = {
    b"zset": lambda key, element, score: ("ZADD", key, "NX", score, element),
    b"list": lambda key, element, dummy: ("RPUSH", key, element),
    b"set": lambda key, element, dummy: ("SADD", key, element),
}
