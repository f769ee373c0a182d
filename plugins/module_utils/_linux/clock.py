# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Time as a deployment needs it: waits, deadlines that survive a wrong clock, and stamps for people."""

from __future__ import annotations

import calendar
import os
import time

BOOT_ID = "/proc/sys/kernel/random/boot_id"
TIMESTAMP = "%Y-%m-%dT%H:%M:%SZ"
SHORTEST_PAUSE = 0.02


class Clock:
    """The real time. Tests pass an object with the same methods in which no time passes."""

    def monotonic(self):
        """Seconds for measuring waits; stands still while the machine sleeps."""
        return time.monotonic()

    def sleep(self, seconds):
        time.sleep(max(seconds, 0.0))

    def wall(self):
        """Seconds since the epoch. Only for people: a Raspberry Pi boots without a clock."""
        return time.time()

    def boottime(self):
        """Seconds since this boot, as a deadline on disk is kept."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def boot_id(self):
        with open(BOOT_ID, encoding="ascii") as source:
            return source.read().strip()


def timestamp(seconds):
    """``seconds`` since the epoch as an ISO 8601 string in UTC, such as ``2026-11-23T17:07:39Z``."""
    return time.strftime(TIMESTAMP, time.gmtime(seconds))


def seconds_of(stamp):
    """What :func:`timestamp` was made of, in whole seconds; ``None`` when it was made by something else."""
    try:
        return calendar.timegm(time.strptime(stamp, TIMESTAMP))
    except ValueError:
        return None


def seconds_of_engine(stamp: str) -> int:
    """Whole seconds since the epoch of a time as the engine writes it: RFC 3339, in the zone of the host or in UTC."""
    seconds = calendar.timegm(time.strptime(stamp[:19], TIMESTAMP[:-1]))
    zone = stamp[-6:]
    if zone[0] not in "+-":
        return seconds
    ahead = int(zone[1:3]) * 3600 + int(zone[4:]) * 60
    return seconds - ahead if zone[0] == "+" else seconds + ahead


class Deadline:
    """A moment on the monotonic clock up to which a wait may go on.

    :param clock: a :class:`Clock`.
    :param seconds: how long from now.
    """

    def __init__(self, clock, seconds):
        self._clock = clock
        self._start = clock.monotonic()
        self.seconds = seconds

    @property
    def elapsed(self):
        return self._clock.monotonic() - self._start

    @property
    def left(self):
        """Seconds left, never negative."""
        return max(self.seconds - self.elapsed, 0.0)

    @property
    def over(self):
        return self.left <= 0.0

    def sleep(self, seconds):
        """Sleep ``seconds``, but never past the deadline."""
        self._clock.sleep(min(seconds, self.left))

    def pause(self, longest: float) -> None:
        """Sleep between two looks: a quarter of the wait so far, and at most ``longest`` seconds.

        What is there soon is seen soon, and what takes long is not asked more often for that.
        """
        self.sleep(min(max(self.elapsed / 4, SHORTEST_PAUSE), longest))


def process_start(pid):
    """Start time of a process in clock ticks after boot (field 22 of its stat), or ``None`` when it is gone.

    Together with the pid it names a process for good, because the kernel gives pids out again.
    """
    try:
        with open(os.path.join("/proc", str(pid), "stat"), encoding="utf-8", errors="replace") as source:
            text = source.read()
    except OSError:
        return None
    # The command's name stands in parentheses and may hold spaces and parentheses itself.
    return int(text[text.rindex(")") + 2:].split()[19])
