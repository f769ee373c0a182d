# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Keys copied from one Redis to another, whole, with the time they have left.

Keys are copied by type and not by DUMP, because an older Redis does not read the dump of a newer one, and a rollback
may go there. What has no such way, streams above all, is dumped where both sides agree.
"""

from __future__ import annotations

from .._progress import report
from .redis import RedisError

# Keys in one exchange, and elements of a key in one command: Redis answers nobody else meanwhile.
CHUNK = 100
PAGE = 500
# A large key is put together under another name, so that nobody sees half of it.
DRAFT = "_bg.copy:"
DRAFT_SECONDS = 3600

_LENGTH = {b"list": "LLEN", b"set": "SCARD", b"zset": "ZCARD", b"hash": "HLEN"}
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
_SCAN = {b"set": "SSCAN", b"zset": "ZSCAN", b"hash": "HSCAN"}


def copy_keys(journal, here, there, keys, replace):
    """Copy keys.

    :param keys: their names.
    :param replace: whether the source's counts where both have a key.
    :returns: ``(how many were written, names of those whose type the destination does not take)``
    """
    keys, copied, refused = list(keys), 0, []
    total = len(keys)
    while keys:
        chunk, keys = keys[:CHUNK], keys[CHUNK:]
        if not replace:
            present = there.pipeline([("EXISTS", key) for key in chunk])
            chunk = [key for key, there_already in zip(chunk, present) if not there_already]
        if chunk:
            copied += _copy(here, there, chunk, refused)
        journal.renew_lease()
        report(f"{total - len(keys):,} of {total:,} keys copied")
    return copied, refused


def _copy(here, there, keys, refused):
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


def _copy_small(here, there, keys, kinds):
    if not keys:
        return 0
    answers = here.pipeline([_READ[kinds[key]](key) for key in keys] + [("PTTL", key) for key in keys])
    copied = 0
    for key, value, left in zip(keys, answers, answers[len(keys):]):
        # It ended between the two questions. An empty string is a value, an empty list is none.
        if value in (None, []) or left == -2:
            continue
        there.pipeline([("MULTI",), ("DEL", key), _WRITE[kinds[key]](key, value), *_expire(key, left), ("EXEC",)])
        copied += 1
    return copied


def _copy_large(here, there, key, kind):
    draft = DRAFT.encode() + key
    there.call("DEL", draft)
    pages = _list_pages(here, key) if kind == b"list" else _scanned_pages(here, key, _SCAN[kind])
    for page in pages:
        # Should this be killed, the draft goes by itself.
        there.pipeline([_WRITE[kind](draft, page), ("EXPIRE", draft, DRAFT_SECONDS)])
    left = here.call("PTTL", key)
    if left == -2 or not there.call("EXISTS", draft):
        there.call("DEL", draft)
        return 0
    there.pipeline([("MULTI",), ("RENAME", draft, key), ("PERSIST", key), *_expire(key, left), ("EXEC",)])
    return 1


def _list_pages(database, key):
    start = 0
    while True:
        page = database.call("LRANGE", key, start, start + PAGE - 1)
        if not page:
            return
        yield page
        start += len(page)


def _scanned_pages(database, key, command):
    cursor = None
    while cursor != b"0":
        cursor, page = database.call(command, key, cursor or 0, "COUNT", PAGE)
        if page:
            yield page


def _copy_dump(here, there, key, refused):
    dump, left = here.pipeline([("DUMP", key), ("PTTL", key)])
    if dump is None or left == -2:
        return 0
    try:
        there.call("RESTORE", key, max(left, 0), dump, "REPLACE")
    except RedisError as error:
        # Of another version or with a module that the destination has not. Out of reach is another matter.
        if not error.code:
            raise
        refused.append(key)
        return 0
    return 1


def _expire(key, left):
    return [("PEXPIRE", key, max(left, 1))] if left >= 0 else []
