# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Output of a program whose supervisor is frozen: it is forwarded to the log, so that the program's pipe never fills.

A pipe that nobody reads holds 64 KiB. After that each log line blocks the program, and its last task would never end.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
from typing import Collection, Optional

from .processes import PROC

CHUNK = 65536
# Seconds that a slow log may delay the wait for the end of the program.
MOMENT = 0.2
# Size of a pipe in bytes for the time after this process: the largest that Linux allows a user.
LARGEST = 1 << 20
_SETPIPE_SZ = getattr(fcntl, "F_SETPIPE_SZ", 1031)


class Output:
    """The pipes between some programs and the frozen processes that would read them.

    :param writers: pids of the programs and their children.
    :param readers: pids of the frozen processes.
    :param first: pid of the container's process 1, whose own output is the container's log.
    """

    def __init__(self, writers: Collection[int], readers: Collection[int], first: int) -> None:
        wanted = {_pipe(pid, number) for pid in writers for number in (1, 2)} - {""}
        self._pipes = [end for pid in readers for end in _reading_ends(pid, wanted)]
        self._log = _open(first, 1, os.O_WRONLY) if self._pipes else None
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipe, _SETPIPE_SZ, LARGEST)

    def hand_on(self) -> None:
        """Write the content of the pipes to the container's log, except what the log does not take in time."""
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                while True:
                    data = os.read(pipe, CHUNK)
                    if not data:
                        break
                    if self._log is not None:
                        _write(self._log, data)

    def close(self) -> None:
        """Forward the rest, and close the pipes."""
        self.hand_on()
        for descriptor in [*self._pipes, *([self._log] if self._log is not None else [])]:
            os.close(descriptor)
        self._pipes, self._log = [], None


def _write(log: int, data: bytes) -> None:
    with contextlib.suppress(OSError):
        while data and select.select([], [log], [], MOMENT)[1]:
            data = data[os.write(log, data):]


def _pipe(pid: int, number: int | str) -> str:
    """The name of the pipe that a process has open under a number, or an empty string."""
    try:
        target = os.readlink(os.path.join(PROC, str(pid), "fd", str(number)))
    except OSError:
        return ""
    return target if target.startswith("pipe:") else ""


def _reading_ends(pid: int, wanted: set[str]) -> list[int]:
    try:
        numbers = os.listdir(os.path.join(PROC, str(pid), "fd"))
    except OSError:
        return []
    # To open a pipe for reading gives its reading end, even where this process has the writing end.
    found = {pipe: number for number in numbers if (pipe := _pipe(pid, number)) in wanted and int(number) > 2}
    ends = [_open(pid, number, os.O_RDONLY) for number in found.values()]
    return [end for end in ends if end is not None]


def _open(pid: int, number: int | str, how: int) -> Optional[int]:
    try:
        return os.open(os.path.join(PROC, str(pid), "fd", str(number)), how | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
