# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Keys that are not Celery's, such as sessions, copied from one color's Redis to the other's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, NamedTuple

from .._errors import BluegreenError
from .._words import agree, counted
from . import move_checks
from .copy_keys import copy_keys
from .queues import celerys_by_content, chunks, is_bookkeeping, text
from .redis import Commands

if TYPE_CHECKING:
    from .._host import Host
    from .._journal.journal import AnyJournal
    from .connection import Broker, Color


class Kept(NamedTuple):
    """``copied`` counts the keys written; ``skipped`` those of a type that the destination does not accept."""

    copied: int
    skipped: int


def check_patterns(option: str, patterns: list[str]) -> list[str]:
    """The patterns that the user gave.

    :param option: the option that has them, for the error.
    :raises BluegreenError: a pattern is empty.
    """
    for pattern in patterns:
        if not pattern.strip():
            raise BluegreenError(
                f"{option} holds an empty pattern, which matches no key: write patterns as for Redis's command KEYS, "
                "such as session:*."
            )
    return patterns


def keep_keys(
    host: Host, journal: AnyJournal, source: Broker, destination: Broker, patterns: list[str]
) -> Kept:
    """Copy the keys that match any of some patterns, in every database, with their expiry.

    Keys that the destination has are overwritten. Celery's keys and ours are never copied, even if a pattern matches.

    :param source, destination: both up. If they are the same server, nothing is done.
    :param patterns: as for Redis's command KEYS.
    :raises BluegreenError: they cannot be copied, and nothing was copied.
    """
    if not patterns or source.run_id() == destination.run_id():
        return Kept(0, 0)
    move_checks.refuse_servers(source, destination)
    found = {number: _matching(source.database(number), patterns) for number in source.databases()}
    needed = sum(move_checks.size_of(source.database(number), keys) for number, keys in found.items())
    move_checks.refuse_room(host, source, destination, needed, "keys to copy")
    copied = 0
    refused: list[bytes] = []
    for number, keys in found.items():
        done = copy_keys(journal, source.database(number), destination.database(number), keys, replace=True)
        copied += done.written
        refused += done.refused
    if copied:
        like = f"{counted(copied, 'key')} like {', '.join(patterns)}"
        host.commands.append(f"copy {like} from {source.name} to {destination.name}")
    if refused:
        host.warn(
            f"{counted(len(refused), 'key')} that bluegreen_keep_keys names, such as {text(refused[0])!r}, "
            f"{agree(refused, 'was', 'were')} not copied from {source.name}, because {destination.name} does not "
            f"accept {agree(refused, 'its', 'their')} type: use the same Redis image in both colors."
        )
    return Kept(copied, len(refused))


def copy_kept(host: Host, journal: AnyJournal, source: Color, destination: Color) -> Kept:
    """The same from color to color, with the patterns of the deployment.

    If a color has no Redis of its own, or it is down, nothing is done.
    """
    patterns = journal.get("keep_keys") or []
    if not patterns:
        return Kept(0, 0)
    with source.own_redis() as here, destination.own_redis() as there:
        if here is None or there is None:
            return Kept(0, 0)
        return keep_keys(host, journal, here, there, patterns)


def _matching(database: Commands, patterns: Iterable[str]) -> list[bytes]:
    keys = sorted({key for pattern in patterns for key in database.scan(match=pattern)})
    own: set[bytes] = set()
    for chunk in chunks(keys):
        own |= celerys_by_content(database, chunk)
    return [key for key in keys if key not in own and not is_bookkeeping(text(key))]
