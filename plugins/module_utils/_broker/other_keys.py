# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What else than Celery's data lies in a color's Redis. It stays behind with the color."""

from __future__ import annotations

import fnmatch
from typing import NamedTuple

from .._linux.clock import Deadline
from . import redbeat
from .queues import celerys_by_content, is_bookkeeping

# A preflight must not hold up a deployment for a cache of a million keys: beyond this it counts by sample.
SECONDS = 0.3
PAGE = 500


class Count(NamedTuple):
    """How many keys; ``exact`` is false when only a sample was looked at."""

    keys: int
    exact: bool


def count(broker, clock, kept=()):
    """Count the keys that are not Celery's and that no pattern of ``kept`` names, in all databases.

    :param broker: :class:`connection.Broker`
    :returns: :class:`Count`
    :raises RedisError: the Redis does not answer, or refuses.
    """
    deadline, keys, exact = Deadline(clock, SECONDS), 0, True
    for number in broker.databases():
        database = broker.database(number)
        seen, foreign, cursor = set(), set(), None
        while cursor != b"0" and not (seen and deadline.over):
            cursor, page = database.call("SCAN", cursor or b"0", "COUNT", PAGE)
            fresh = [key for key in page if key not in seen]
            seen.update(fresh)
            foreign.update(_foreign(database, fresh, kept))
        foreign -= redbeat.own_among(database, foreign)
        if cursor == b"0":
            keys += len(foreign)
        elif foreign:
            # SCAN goes by hash: what it gives first is as good as drawn by lot.
            keys += round(database.call("DBSIZE") * len(foreign) / len(seen))
            exact = False
    return Count(keys, exact)


def _foreign(database, keys, kept):
    names = {key: key.decode("utf-8", "surrogateescape") for key in keys}
    unknown = [
        key
        for key, name in names.items()
        if not is_bookkeeping(name) and not any(_matches(name, pattern) for pattern in kept)
    ]
    if not unknown:
        return []
    # A queue may have any name: what is in it tells.
    own = celerys_by_content(database, keys)
    return [key for key in unknown if key not in own]


def _matches(name, pattern):
    # Redis negates a set with ^, fnmatch with !.
    return fnmatch.fnmatchcase(name, pattern.replace("[^", "[!"))


def warning(found, where, can_be_kept=True):
    """A sentence for what stays behind, else ``""``. It shows no key: that of a session is as good as a password.

    :param can_be_kept: whether bluegreen_keep_keys reaches this Redis.
    """
    if not found.keys:
        return ""
    number = f"{found.keys}" if found.exact else f"about {_rounded(found.keys)}"
    return (
        f"The Redis {where} holds {number} {'key that is' if found.keys == 1 else 'keys that are'} not Celery's and will stay "
        "behind with that color: caches start empty, and users whose sessions are there are logged out. Keep such keys in a "
        "Redis for both colors"
        + (", or name those of the sessions in bluegreen_keep_keys." if can_be_kept else ".")
    )


def _rounded(number):
    """Two digits are all that a sample gives."""
    step = 10 ** max(len(str(number)) - 2, 0)
    return round(number / step) * step
