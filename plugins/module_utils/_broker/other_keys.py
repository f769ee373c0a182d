# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Data in a color's Redis that is not Celery's. It stays behind with the color."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Iterable, NamedTuple, Sequence

from .._linux.clock import Clock, Deadline
from . import redbeat
from .queues import celerys_by_content, is_bookkeeping, text
from .redis import Commands

if TYPE_CHECKING:
    from .connection import Broker

# A cache of a million keys must not delay a deployment: after this time the number is estimated from a sample.
SECONDS = 0.3
PAGE = 500


class Count(NamedTuple):
    """How many keys; ``exact`` is false when the number is estimated from a sample."""

    keys: int
    exact: bool


def count(broker: Broker, clock: Clock, kept: Sequence[str] = ()) -> Count:
    """Count the keys that are not Celery's and that no pattern of ``kept`` matches, in all databases.

    :raises RedisError: the Redis does not answer, or refuses a command.
    """
    deadline, keys, exact = Deadline(clock, SECONDS), 0, True
    for number in broker.databases():
        database = broker.database(number)
        seen: set[bytes] = set()
        others: set[bytes] = set()
        cursor = None
        while cursor != b"0" and not (seen and deadline.over):
            cursor, page = database.call("SCAN", cursor or b"0", "COUNT", PAGE)
            fresh = [key for key in page if key not in seen]
            seen.update(fresh)
            others.update(_others_among(database, fresh, kept))
        others -= redbeat.own_among(database, others)
        if cursor == b"0":
            keys += len(others)
        elif others:
            # SCAN returns keys in the order of their hashes, so the first ones are a random sample.
            keys += round(database.call("DBSIZE") * len(others) / len(seen))
            exact = False
    return Count(keys, exact)


def _others_among(database: Commands, keys: list[bytes], kept: Iterable[str]) -> list[bytes]:
    names = {key: text(key) for key in keys}
    unknown = [
        key
        for key, name in names.items()
        if not is_bookkeeping(name) and not any(_matches(name, pattern) for pattern in kept)
    ]
    if not unknown:
        return []
    # A queue may have any name, so it is known by its content.
    own = celerys_by_content(database, keys)
    return [key for key in unknown if key not in own]


def _matches(name: str, pattern: str) -> bool:
    # Redis negates a set with ^, fnmatch with !.
    return fnmatch.fnmatchcase(name, pattern.replace("[^", "[!"))


def warning(found: Count, where: str, can_be_kept: bool = True) -> str:
    """A sentence about the keys that stay behind, else ``""``. It shows no key: that of a session is like a password.

    :param where: which Redis, such as ``of shop-blue``.
    :param can_be_kept: whether bluegreen_keep_keys applies to this Redis.
    """
    if not found.keys:
        return ""
    number = f"{found.keys}" if found.exact else f"about {_rounded(found.keys)}"
    keys = "key that is" if found.keys == 1 else "keys that are"
    return (
        f"The Redis {where} holds {number} {keys} not Celery's and will stay behind with that color: caches start "
        "empty, and users whose sessions are there are logged out. Keep such keys in a Redis for both colors"
        + (", or name those of the sessions in bluegreen_keep_keys." if can_be_kept else ".")
    )


def _rounded(number: int) -> int:
    """A number with two significant digits; a sample does not give more."""
    step: int = 10 ** max(len(str(number)) - 2, 0)
    return round(number / step) * step
