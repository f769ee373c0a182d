# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One switch at a time on a host, because several apps may share one Nginx.

A reload reads the files of all apps. So without turns one app could fail by the file that another one is about to put
back, and take worker processes for new that the reload of the other one started before its own file was there.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Iterator

from .._host import Host
from .._journal.store import RUN_ROOT
from .._linux.clock import Deadline
from .._linux.files import StateFailure, lock_within, make_folder, opener
from .._progress import report
from .._validation import one_line

if TYPE_CHECKING:
    from .._journal.journal import AnyJournal

# Seconds. A switch that fails and is undone takes half of it.
WAIT = 30.0
# The name of an app has no dot, so this cannot be the mark of its lease.
_NAME = "nginx.lock"


@contextlib.contextmanager
def turn(host: Host, journal: AnyJournal, file: str, wait: float = WAIT) -> Iterator[None]:
    """Hold the host's lock of Nginx, which ends with the last process that holds it.

    A process that hangs must not stop a rollback. So a lock that stays held is only warned of.

    :param file: the owned file of the app, which tells others who holds the lock.
    :param wait: seconds to wait for another holder.
    """
    descriptor = _opened(host)
    if descriptor is None:
        yield
        return

    def meanwhile() -> None:
        journal.renew_lease()
        report("waiting until another app of this host has been switched")

    try:
        if lock_within(descriptor, Deadline(host.clock, wait), meanwhile):
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"the switch of {one_line(file, 160)} (process {os.getpid()})".encode(), 0)
        else:
            holder = one_line(os.pread(descriptor, 250, 0).decode("utf-8", "replace"), 250) or "another process"
            host.warn(
                f"The lock of Nginx has been held for {wait:g} s by {holder}, but a switch takes a few seconds. Nginx "
                "was switched without waiting longer: look at that process, and end it if it hangs."
            )
        host.keep_open.add(descriptor)
        yield
    finally:
        host.keep_open.discard(descriptor)
        os.close(descriptor)


def _opened(host: Host) -> int | None:
    try:
        make_folder(RUN_ROOT)
        return opener(os.path.join(RUN_ROOT, _NAME), os.O_RDWR | os.O_CREAT)
    except StateFailure as error:
        host.warn(f"Nginx was switched without its lock, which another app may need at the same time: {error.message}")
        return None
