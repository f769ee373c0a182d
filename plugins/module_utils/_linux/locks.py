# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Locks of files, which the kernel ends with the last process that has them."""

from __future__ import annotations

import errno
import fcntl
from typing import Callable, Optional

from .clock import Deadline

# Seconds between two tries.
PACE = 0.1


def lock_within(descriptor: int, deadline: Deadline, meanwhile: Optional[Callable[[], object]] = None) -> bool:
    """Lock a file for this process and for those that inherit the descriptor (``flock``).

    :param meanwhile: called again and again while another process holds the lock.
    :returns: whether the lock was had before the deadline.
    """
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
        if deadline.over:
            return False
        if meanwhile:
            meanwhile()
        deadline.sleep(PACE)
