# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Results in a Redis that each color has beside its broker, copied to the same service of the other color.

The broker may be shared by both colors, or not be a Redis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._errors import BluegreenError
from . import move_checks
from .redbeat import copy_schedule
from .results import copy_results

if TYPE_CHECKING:
    from .._host import Host
    from .._journal.journal import AnyJournal
    from .connection import Broker, Color


def copy_beside(host: Host, journal: AnyJournal, source: Color, destination: Color) -> int:
    """Copy results, chords and RedBeat's schedule that are not in the broker.

    If that fails, the user is warned: no task is lost.

    :returns: how many keys were written.
    """
    copied = 0
    for service in source.other_redis(_result_hosts(journal)):
        with source.redis_of(service) as here, destination.redis_of(service) as there:
            if here is None or there is None:
                continue
            try:
                copied += _copy(host, journal, here, there)
            except BluegreenError as error:
                host.warn(
                    f"Results of tasks in {here.name} could not be copied to the other color, and stay there: "
                    f"{error.message}"
                )
    return copied


def _result_hosts(journal: AnyJournal) -> set[str] | None:
    """The hosts that the workers named as their result backends; ``None`` when they are not known."""
    hosts = [each["results"] for each in (journal.get("celery") or {}).values()]
    return None if not hosts or None in hosts else set(hosts)


def _copy(host: Host, journal: AnyJournal, here: Broker, there: Broker) -> int:
    if here.run_id() == there.run_id():
        return 0
    numbers = here.message_databases()
    needed = sum(move_checks.needed_for_results(here.database(each), there.database(each)) for each in numbers)
    if needed:
        move_checks.refuse_servers(here, there)
        move_checks.refuse_room(host, here, there, needed, "results")
    copied = 0
    for number in numbers:
        ours, theirs = here.database(number), there.database(number)
        copied += copy_results(host, journal, ours, theirs, replace=False)
        copied += copy_schedule(journal, ours, theirs, replace=False)
    if copied:
        host.commands.append(f"copy {copied} results and chords from {here.name} to {there.name}")
    return copied
