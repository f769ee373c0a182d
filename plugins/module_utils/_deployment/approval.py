# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How long an approval may be given, kept by the host itself: a controller may wait for its answer forever, or be gone.

The time is kept like the lease, by the clock that counts from the boot. A boot begins it anew: nobody can tell how long
the host was off, and a healthy release must not be rolled back for that alone.
"""

from __future__ import annotations

from typing import Optional

from .._errors import BluegreenError
from .._journal.journal import Journal

# Seconds. A user who gives more means no limit.
LONGEST = 365 * 86400


def check_timeout(seconds: int) -> None:
    """Raise unless an approval may be given within so many seconds, ``0`` for no limit."""
    if not 0 <= seconds <= LONGEST:
        raise BluegreenError(
            f"bluegreen_approval_timeout is {seconds} s, but it must be between 0 (no limit) and {LONGEST} (a year)."
        )


def begin(journal: Journal) -> None:
    """Let the time begin, or begin anew; on the disk when this returns."""
    # The reason why the guard did not roll back when the previous time was over.
    journal.data.pop("not_taken_back", None)
    seconds = journal.get("approval_timeout")
    if seconds:
        clock = journal.store.host.clock
        journal.note(approve_until={"boot_id": clock.boot_id(), "until": round(clock.boottime() + seconds, 1)})
    elif journal.data.pop("approve_until", None):
        journal.save()


def begin_anew(journal: Journal, seconds: int, on_timeout: str) -> None:
    """Let the time begin anew, with the values of a user who asks again, perhaps not the one who opened the deployment.

    :param on_timeout: keep or rollback.
    """
    check_timeout(seconds)
    journal.note(approval_timeout=seconds, on_timeout=on_timeout)
    begin(journal)


def outlived_a_boot(journal: Journal) -> bool:
    """Whether the time was kept by a boot that is over."""
    return bool(journal.get("approve_until")) and not _is_of_this_boot(journal)


def seconds_left(journal: Journal) -> Optional[float]:
    """Seconds in which the approval may still be given, ``None`` without a limit and before the time has begun."""
    if not journal.get("approve_until") or not _is_of_this_boot(journal):
        return None
    until: float = journal["approve_until"]["until"]
    return max(until - journal.store.host.clock.boottime(), 0.0)


def is_over(journal: Journal) -> bool:
    """Whether an approval comes too late."""
    return seconds_left(journal) == 0.0


def _is_of_this_boot(journal: Journal) -> bool:
    # The lease's mark tells of the boot of a container, which keeps the boot id of the machine.
    own: str = journal["approve_until"]["boot_id"]
    return own == journal.store.host.clock.boot_id() and journal.is_of_this_boot()
