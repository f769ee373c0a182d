# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Time as a deployment needs it: waits, deadlines that survive a wrong clock, and stamps for people."""

from __future__ import annotations

import calendar
import time
from typing import Optional

BOOT_ID = "/proc/sys/kernel/random/boot_id"
TIMESTAMP = "%Y-%m-%dT%H:%M:%SZ"
SHORTEST_PAUSE = 0.02


class Clock:
    """The real time. Tests pass an object with the same methods in which no time passes."""

    def monotonic(self) -> float:
        """Seconds for measuring waits; this clock stops while the machine sleeps."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(seconds, 0.0))

    def wall(self) -> float:
        """Seconds since the epoch. Only for people, because a Raspberry Pi boots without the right time."""
        return time.time()

    def boottime(self) -> float:
        """Seconds since this boot, for deadlines that are kept on disk; this clock runs while the machine sleeps."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def boot_id(self) -> str:
        """The kernel's name of this boot."""
        with open(BOOT_ID, encoding="ascii") as source:
            return source.read().strip()


def timestamp(seconds: float) -> str:
    """``seconds`` since the epoch as an ISO 8601 string in UTC, such as ``2026-11-23T17:07:39Z``."""
    return time.strftime(TIMESTAMP, time.gmtime(seconds))


def seconds_of(stamp: str) -> Optional[int]:
    """Whole seconds since the epoch of a :func:`timestamp`; ``None`` for any other text."""
    try:
        return calendar.timegm(time.strptime(stamp, TIMESTAMP))
    except ValueError:
        return None


def seconds_of_engine(stamp: str) -> int:
    """Whole seconds since the epoch of a time from the engine: RFC 3339, in the time zone of the host or in UTC."""
    seconds = calendar.timegm(time.strptime(stamp[:19], TIMESTAMP[:-1]))
    zone = stamp[-6:]
    if zone[0] not in "+-":
        return seconds
    ahead = int(zone[1:3]) * 3600 + int(zone[4:]) * 60
    return seconds - ahead if zone[0] == "+" else seconds + ahead


class Deadline:
    """A moment on the monotonic clock at which a wait has to end.

    :param seconds: seconds from now until then.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._start = clock.monotonic()
        self.seconds = seconds

    @property
    def elapsed(self) -> float:
        """Seconds since the wait began."""
        return self._clock.monotonic() - self._start

    @property
    def left(self) -> float:
        """Seconds left, never negative."""
        return max(self.seconds - self.elapsed, 0.0)

    @property
    def over(self) -> bool:
        return self.left <= 0.0

    def sleep(self, seconds: float) -> None:
        """Sleep ``seconds``, but never past the deadline."""
        self._clock.sleep(min(seconds, self.left))

    def pause(self, longest: float) -> None:
        """Sleep between two polls: a quarter of the wait so far, and at most ``longest`` seconds.

        So a quick success is seen at once, and a long wait does not poll often.
        """
        self.sleep(min(max(self.elapsed / 4, SHORTEST_PAUSE), longest))
