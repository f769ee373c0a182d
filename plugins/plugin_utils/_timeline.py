# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The history of a fleet on one time axis: when deployments ended, and which color was live in between. Pure.

Places are percent of the width: 0 is the oldest known deployment, 100 is now.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.clock import seconds_of, timestamp

TICKS = 4
# Seconds of the axis of a new fleet.
SHORTEST = 3600


class Scale:
    """From the oldest deployment to now."""

    def __init__(self, hosts: list[dict[str, Any]], at: str) -> None:
        begun = [seconds_of(each["started"]) for host in hosts for each in host["history"]]
        self._end = float(seconds_of(at) or 0)
        self._begin = min([self._end - SHORTEST, *(each for each in begun if each is not None)])

    def place(self, stamp: str) -> float | None:
        """Percent of the width, at most 100 if the host's clock is ahead; ``None`` for anything but a timestamp."""
        seconds = seconds_of(stamp)
        if seconds is None:
            return None
        share: float = (seconds - self._begin) / (self._end - self._begin)
        return round(min(max(share, 0), 1) * 100, 2)

    def ticks(self) -> list[tuple[float, str]]:
        """``(place, timestamp)`` of the axis."""
        step = (self._end - self._begin) / TICKS
        return [(round(100 / TICKS * number, 2), timestamp(self._begin + step * number)) for number in range(TICKS + 1)]


class Span(NamedTuple):
    """A time in which a color was live."""

    color: str
    start: float
    width: float


class Mark(NamedTuple):
    """A deployment that ended or is open."""

    place: float
    kind: str
    release: str
    stamp: str


def lane(host: dict[str, Any], scale: Scale) -> tuple[list[Span], list[Mark]]:
    """``(spans, marks)`` of a host."""
    marks = []
    # (place from which on it was live, color)
    changes: list[tuple[float, str]] = []
    for entry in host["history"]:
        place = scale.place(entry["ended"])
        if place is not None:
            marks.append(Mark(place, entry["result"], entry["release"], entry["ended"]))
            if entry["result"] == "committed":
                if not changes and entry["from"]:
                    changes.append((0.0, entry["from"]))
                # It was live before its approval, which may have taken days.
                live = scale.place(entry["live_at"])
                changes.append((place if live is None else live, entry["to"]))
    deployment = host["deployment"]
    place = scale.place(deployment["since"]) if deployment else None
    if place is not None:
        marks.append(Mark(place, "open", deployment["release"], deployment["since"]))
    if host["live"]:
        # The color that is live now is known even if no deployment of the history made it live.
        known = changes and changes[-1][1] == host["live"]
        since = scale.place(host["since"])
        if not known and since is not None:
            changes.append((since, host["live"]))
    ends = [start for start, color in changes[1:]] + [100.0]
    spans = [Span(color, start, round(end - start, 2)) for (start, color), end in zip(changes, ends)]
    return [span for span in spans if span.width > 0], marks
