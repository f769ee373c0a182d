# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""How long an approval may be given, kept by the host itself: a controller may wait for its answer forever, or be gone.

The time is kept as the lease is, by the clock that counts from the boot. A boot begins it anew, because nobody can tell how
long the host was off, and a release that is live and whole is not to go for that.
"""

from __future__ import annotations

from .._errors import BluegreenError

# Seconds; what is longer was meant to be no limit.
LONGEST = 365 * 86400


def check_timeout(seconds):
    """Seconds in which an approval may be given, ``0`` for no limit."""
    if not 0 <= seconds <= LONGEST:
        raise BluegreenError(
            f"bluegreen_approval_timeout is {seconds} s, but it must be from 0, which is no limit, to {LONGEST}, which is a year."
        )


def begin(journal):
    """Let the time begin, or begin anew; on the disk when this returns."""
    # Why the guard did not go back when the time was over the last time.
    journal.data.pop("not_taken_back", None)
    seconds = journal.get("approval_timeout")
    if seconds:
        clock = journal.store.host.clock
        journal.note(approve_until={"boot_id": clock.boot_id(), "until": round(clock.boottime() + seconds, 1)})
    elif journal.data.pop("approve_until", None):
        journal.save()


def begin_anew(journal, seconds, on_timeout):
    """Let the time begin anew, as long as somebody wants it to be who asks again and may not be who opened the deployment."""
    check_timeout(seconds)
    journal.note(approval_timeout=seconds, on_timeout=on_timeout)
    begin(journal)


def outlived_a_boot(journal):
    """Whether the time was kept by a boot that is over."""
    return bool(journal.get("approve_until")) and not _is_of_this_boot(journal)


def seconds_left(journal):
    """Seconds in which the approval may still be given, ``None`` where there is no limit, and as long as it has not begun."""
    if not journal.get("approve_until") or not _is_of_this_boot(journal):
        return None
    return max(journal["approve_until"]["until"] - journal.store.host.clock.boottime(), 0.0)


def is_over(journal):
    return seconds_left(journal) == 0.0


def _is_of_this_boot(journal):
    # The lease's mark tells of the boot of a container, which keeps the boot id of the machine.
    return journal["approve_until"]["boot_id"] == journal.store.host.clock.boot_id() and journal.is_of_this_boot()
