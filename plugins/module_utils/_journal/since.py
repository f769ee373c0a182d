# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Since when the live color is live, by what deployments have noted."""

from __future__ import annotations

from .._linux.clock import seconds_of, timestamp
from .schema import STEPS

TO_CUTOVER = STEPS[: STEPS.index("cutover") + 1]


def live_since(live, journal, history):
    """When requests began to go to the live color, as a timestamp; ``""`` when no deployment has noted that.

    :param journal: the open deployment, ``None`` when none is.
    :param history: deployments that have ended, oldest first.
    """
    if journal and journal["to"] == live and (journal.get("cutover") or {}).get("proved") == live:
        return timestamp(journal["live_at"]) if journal.get("live_at") else _cutover(journal["opened_at"], journal["seconds"])
    last = next((entry for entry in reversed(history) if entry["result"] == "committed"), None)
    # Entries of earlier versions lack some of it.
    if last and last.get("to") == live:
        return last.get("live_at") or _cutover(seconds_of(last.get("started", "")), last.get("seconds") or {})
    # Nginx's file was changed by somebody else, or the color is older than the history.
    return ""


def _cutover(begun, seconds):
    """About when it was in a deployment of an earlier version, which noted only what each step took."""
    if begun is None:
        return ""
    return timestamp(begun + sum(seconds.get(step, 0) for step in TO_CUTOVER))
