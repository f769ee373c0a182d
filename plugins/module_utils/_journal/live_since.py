# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Since when the live color has been live, according to the journal and the history. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional, Sequence

from .._linux.clock import seconds_of, timestamp
from .step import Step

if TYPE_CHECKING:
    from .journal import Journal

TO_CUTOVER = tuple(step.value for step in Step if step <= Step.CUTOVER)


def live_since(live: str, journal: Optional[Journal], history: Sequence[Mapping[str, Any]]) -> str:
    """The time at which Nginx began to serve the live color, as a timestamp; ``""`` when no deployment recorded it.

    :param live: the live color.
    :param journal: the open deployment, ``None`` when none is open.
    :param history: entries of deployments that have ended, oldest first.
    """
    if journal and journal["to"] == live and (journal.get("cutover") or {}).get("proved") == live:
        if journal.get("live_at"):
            return timestamp(journal["live_at"])
        return _cutover(journal["opened_at"], journal["seconds"])
    last = next((entry for entry in reversed(history) if entry["result"] == "committed"), None)
    if last and last.get("to") == live:
        noted: str = last.get("live_at") or ""
        return noted or _cutover(seconds_of(last.get("started", "")), last.get("seconds") or {})
    # Something else changed Nginx's file, or the color is older than the history.
    return ""


def _cutover(begun: Optional[float], seconds: Mapping[str, float]) -> str:
    """About the time of the cutover, for a deployment that was cut off before it noted the time."""
    if begun is None:
        return ""
    return timestamp(begun + sum(seconds.get(step, 0) for step in TO_CUTOVER))
