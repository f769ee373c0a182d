# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Keys copied from one Redis to another, whole, with their expiry.

Keys are copied by type and not by DUMP, because an older Redis cannot read the dump of a newer one, and a rollback may
copy to an older one. Other types, streams above all, are dumped, if the destination accepts the dump.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, NamedTuple

from .._progress import report
from .queues import chunks
from .redis import Command, Commands, RedisError

if TYPE_CHECKING:
    from .._journal.journal import AnyJournal

# Elements of a key in one command: Redis serves nobody else meanwhile.
PAGE = 500
# A large key is written under another name and then renamed, so that nobody reads half of it.
DRAFT = "_bg.copy:"
DRAFT_SECONDS = 3600

_LENGTH = {b"list": "LLEN", b"set": "SCARD", b"zset": "ZCARD", b"hash": "HLEN"}
# How a key of each type is read whole, and how it is written from the answer.
_READ: dict[bytes, Callable[[bytes], Command]] = {
    b"string": lambda key: ("GET", key),
    b"list": lambda key: ("LRANGE", key, 0, -1),
    b"set": lambda key: ("SMEMBERS", key),
    b"zset": lambda key: ("ZRANGE", key, 0, -1, "WITHSCORES"),
    b"hash": lambda key: ("HGETALL", key),
}
_WRITE: dict[bytes, Callable[[bytes, Any], Command]] = {
    b"string": lambda key, value: ("SET", key, value),
    b"list": lambda key, value: ("RPUSH", key, *value),
    b"set": lambda key, value: ("SADD", key, *value),
    b"zset": lambda key, value: ("ZADD", key, *(word for pair in zip(value[1::2], value[0::2]) for word in pair)),
    b"hash": lambda key, value: ("HSET", key, *value),
}
_SCAN = {b"set": "SSCAN", b"zset": "ZSCAN", b"hash": "HSCAN"}


class Copied(NamedTuple):
    """``written`` counts keys; ``refused`` are the names of those whose type the destination does not accept."""

    written: int
    refused: list[bytes]


def copy_keys(journal: AnyJournal, here: Commands, there: Commands, keys: Iterable[bytes], replace: bool) -> Copied:
    """Copy keys.

    :param keys: their names.
    :param replace: whether keys that the destination has are overwritten; else they are skipped.
    """
    keys, written, done = list(keys), 0, 0
    refused: list[bytes] = []
    for chunk in chunks(keys):
        wanted = list(chunk)
        if not replace:
            exist = there.pipeline([("EXISTS", key) for key in wanted])
            wanted = [key for key, exists in zip(wanted, exist) if not exists]
        if wanted:
            written += _copy(here, there, wanted, refused)
        done += len(chunk)
        journal.renew_lease()
        report(f"{done:,} of {len(keys):,} keys copied")
    return Copied(written, refused)


def _copy(here: Commands, there: Commands, keys: list[bytes], refused: list[bytes]) -> int:
    kinds = dict(zip(keys, here.pipeline([("TYPE", key) for key in keys])))
    countable = [key for key in keys if kinds[key] in _LENGTH]
    counts = here.pipeline([(_LENGTH[kinds[key]], key) for key in countable]) if countable else []
    lengths = dict(zip(countable, counts))
    small = [key for key in keys if kinds[key] in _READ and lengths.get(key, 0) <= PAGE]
    copied = _copy_small(here, there, small, kinds)
    for key in keys:
        if lengths.get(key, 0) > PAGE:
            copied += _copy_large(here, there, key, kinds[key])
        elif kinds[key] not in _READ and kinds[key] != b"none":
            copied += _copy_dump(here, there, key, refused)
    return copied


def _copy_small(here: Commands, there: Commands, keys: list[bytes], kinds: dict[bytes, bytes]) -> int:
    if not keys:
        return 0
    answers = here.pipeline([*(_READ[kinds[key]](key) for key in keys), *(("PTTL", key) for key in keys)])
    copied = 0
    for key, value, left in zip(keys, answers, answers[len(keys) :]):
        # It expired between the two commands. An empty string is a value, an empty list means that there is no key.
        if value in (None, []) or left == -2:
            continue
        there.pipeline([("MULTI",), ("DEL", key), _WRITE[kinds[key]](key, value), *_expire(key, left), ("EXEC",)])
        copied += 1
    return copied


def _copy_large(here: Commands, there: Commands, key: bytes, kind: bytes) -> int:
    draft = DRAFT.encode() + key
    there.call("DEL", draft)
    pages = _list_pages(here, key) if kind == b"list" else _scanned_pages(here, key, _SCAN[kind])
    for page in pages:
        # If this is killed, the draft expires.
        there.pipeline([_WRITE[kind](draft, page), ("EXPIRE", draft, DRAFT_SECONDS)])
    left = here.call("PTTL", key)
    if left == -2 or not there.call("EXISTS", draft):
        there.call("DEL", draft)
        return 0
    there.pipeline([("MULTI",), ("RENAME", draft, key), ("PERSIST", key), *_expire(key, left), ("EXEC",)])
    return 1


def _list_pages(database: Commands, key: bytes) -> Iterator[list[bytes]]:
    start = 0
    while True:
        page = database.call("LRANGE", key, start, start + PAGE - 1)
        if not page:
            return
        yield page
        start += len(page)


def _scanned_pages(database: Commands, key: bytes, command: str) -> Iterator[list[bytes]]:
    cursor = None
    while cursor != b"0":
        cursor, page = database.call(command, key, cursor or 0, "COUNT", PAGE)
        if page:
            yield page


def _copy_dump(here: Commands, there: Commands, key: bytes, refused: list[bytes]) -> int:
    dump, left = here.pipeline([("DUMP", key), ("PTTL", key)])
    if dump is None or left == -2:
        return 0
    try:
        there.call("RESTORE", key, max(left, 0), dump, "REPLACE")
    except RedisError as error:
        # The destination refused the dump: its version is another one, or it lacks a module. Else it cannot be reached.
        if not error.code:
            raise
        refused.append(key)
        return 0
    return 1


def _expire(key: bytes, left: int) -> list[Command]:
    return [("PEXPIRE", key, max(left, 1))] if left >= 0 else []
