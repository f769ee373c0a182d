# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Keys that are not Celery's and shall not stay behind in the old color's Redis, such as sessions."""

from __future__ import annotations

from typing import NamedTuple

from .._errors import BluegreenError
from . import move_checks
from .copy_keys import CHUNK, copy_keys
from .queues import celerys_by_content, is_bookkeeping, text


class Kept(NamedTuple):
    """``copied`` counts the keys written; ``skipped`` those of a type that the destination does not take."""

    copied: int
    skipped: int


def check_patterns(option, patterns):
    """Raise when a pattern cannot be meant."""
    for pattern in patterns:
        if not pattern.strip():
            raise BluegreenError(
                f"{option} holds an empty pattern, which matches no key: name keys as Redis's own KEYS does, such as "
                "session:*."
            )
    return patterns


def keep_keys(host, journal, source, destination, patterns):
    """Copy what matches any of some patterns, in every database, with the time it has left.

    The source's counts where both have a key. Celery's keys and ours are never copied, whatever the patterns.

    :param source, destination: :class:`connection.Broker`, both up. The same server twice is nothing to do.
    :param patterns: as for Redis's KEYS.
    :returns: :class:`Kept`
    """
    if not patterns or source.run_id() == destination.run_id():
        return Kept(0, 0)
    move_checks.refuse_servers(source, destination)
    found = {number: _matching(source.database(number), patterns) for number in source.databases()}
    needed = sum(move_checks.size_of(source.database(number), keys) for number, keys in found.items())
    move_checks.refuse_room(host, source, destination, needed, "keys to keep")
    copied, refused = 0, []
    for number, keys in found.items():
        here, there = source.database(number), destination.database(number)
        written, left_out = copy_keys(journal, here, there, keys, replace=True)
        copied += written
        refused += left_out
    if copied:
        host.commands.append(f"copy {copied} keys like {', '.join(patterns)} from {source.name} to {destination.name}")
    if refused:
        host.warn(
            f"{len(refused)} keys of {source.name} that bluegreen_keep_keys names were not copied, because "
            f"{destination.name} does not take their type, such as {text(refused[0])!r}."
        )
    return Kept(copied, len(refused))


def copy_kept(host, journal, source, destination):
    """The same from color to color, with the patterns of the deployment.

    :param source, destination: :class:`color.Color`; where one of them brings no Redis or it is down, nothing is done.
    :returns: :class:`Kept`
    """
    patterns = journal.get("keep_keys") or []
    if not patterns:
        return Kept(0, 0)
    with source.own_redis() as here, destination.own_redis() as there:
        if here is None or there is None:
            return Kept(0, 0)
        return keep_keys(host, journal, here, there, patterns)


def _matching(database, patterns):
    keys = set()
    for pattern in patterns:
        keys.update(database.scan(match=pattern))
    keys, own = sorted(keys), set()
    for start in range(0, len(keys), CHUNK):
        own |= celerys_by_content(database, keys[start:start + CHUNK])
    return [key for key in keys if key not in own and not is_bookkeeping(text(key))]
