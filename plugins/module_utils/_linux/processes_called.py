# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Processes found by their arguments, and ended."""

from __future__ import annotations

import contextlib
import os
import signal

from .clock import Clock, Deadline
from .processes import PROC, _read

# Seconds that a process gets to end after SIGTERM, and then the kernel to end it after SIGKILL.
END_TIMEOUT = 10


def called_with(*words: str, proc: str = PROC) -> list[int]:
    """Pids of the processes that have all of these words, such as a path, among their arguments."""
    wanted = {os.fsencode(word) for word in words}
    return [
        int(name)
        for name in os.listdir(proc)
        if name.isdigit() and wanted.issubset(_read(proc, name, "cmdline").split(b"\0"))
    ]


def end_called_with(clock: Clock, *words: str) -> list[int]:
    """End the processes that :func:`called_with` finds, and wait until they are gone.

    :returns: pids of those that still run although they were killed.
    """
    for how in (signal.SIGTERM, signal.SIGKILL):
        for pid in called_with(*words):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
        deadline = Deadline(clock, END_TIMEOUT)
        while called_with(*words) and not deadline.over:
            deadline.sleep(0.1)
    return called_with(*words)
