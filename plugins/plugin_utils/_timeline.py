# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The history of a fleet on one scale: where each deployment stands, and which color was live from when to when. Pure.

Places are percent of the width, 0 for the oldest deployment that is known and 100 for now.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.clock import seconds_of, timestamp

TICKS = 4
# A fleet of which all is new.
SHORTEST = 3600


class Scale:
    """From the oldest deployment to now."""

    def __init__(self, hosts, at):
        begun = [seconds_of(each["started"]) for host in hosts for each in host["history"]]
        self._end = seconds_of(at)
        self._begin = min([self._end - SHORTEST, *(each for each in begun if each is not None)])

    def place(self, stamp):
        """``None`` for what is no timestamp; a clock that is ahead stands at the end."""
        seconds = seconds_of(stamp)
        if seconds is None:
            return None
        return round(min(max((seconds - self._begin) / (self._end - self._begin), 0), 1) * 100, 2)

    def ticks(self):
        """``(place, timestamp)`` of the axis."""
        step = (self._end - self._begin) / TICKS
        return [(round(100 / TICKS * number, 2), timestamp(self._begin + step * number)) for number in range(TICKS + 1)]


class Span(NamedTuple):
    """A color was live."""

    color: str
    start: float
    width: float


class Mark(NamedTuple):
    """A deployment ended, or is open."""

    place: float
    kind: str
    release: str
    stamp: str


def lane(host, scale):
    """``(spans, marks)`` of a host."""
    marks = []
    changes = []
    for entry in host["history"]:
        place = scale.place(entry["ended"])
        if place is not None:
            marks.append(Mark(place, entry["result"], entry["release"], entry["ended"]))
            if entry["result"] == "committed":
                if not changes and entry["from"]:
                    changes.append((0.0, entry["from"]))
                # Its approval may have taken days.
                live = scale.place(entry["live_at"])
                changes.append((place if live is None else live, entry["to"]))
    deployment = host["deployment"]
    if deployment and scale.place(deployment["since"]) is not None:
        marks.append(Mark(scale.place(deployment["since"]), "open", deployment["release"], deployment["since"]))
    if host["live"]:
        # What is live now is known, also where no deployment told of it.
        known = changes and changes[-1][1] == host["live"]
        since = scale.place(host["since"])
        if not known and since is not None:
            changes.append((since, host["live"]))
    ends = [start for start, color in changes[1:]] + [100.0]
    spans = [Span(color, start, round(end - start, 2)) for (start, color), end in zip(changes, ends)]
    return [span for span in spans if span.width > 0], marks
