# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What is to be done about a deployment that did not end: the one rule of recovery. Pure.

The journal says what was meant, the host shows what is so. docs/failure.md has the same table for people.
"""

from __future__ import annotations

from typing import NamedTuple

# Nothing of the live color was touched: remove what was created.
DISCARD = "discard"
# Nginx was not switched: start the old workers, stop the candidate.
RESTORE = "restore"
# Nginx was, or may have been, switched: go back in the order that loses nothing.
BACK = "back"
# The candidate is live and whole: leave the decision to a human.
HOLD = "hold"
# The end was approved: complete it.
COMPLETE = "complete"
# Keep what is served, and say that a human must look.
FAIL = "fail"

# The steps in which containers were started or stopped, while Nginx still serves the old color.
BEFORE_CUTOVER = ("before_stop", "stop_workers", "start_candidate", "health")


class HostState(NamedTuple):
    """What the host shows.

    ``served`` is the color that the running Nginx is proved to serve now, ``""`` when nobody can tell; ``candidate_whole``
    is whether its web is healthy and all of its workers run; ``old_healthy`` counts only where the candidate is not whole, or
    is not what is served.
    """

    served: str = ""
    candidate_whole: bool = False
    old_healthy: bool = False


def decide(journal, sight, prefer=""):
    """What to do.

    :param journal: the journal's data.
    :param sight: a :class:`HostState`; looked at only from the cutover on.
    :param prefer: ``rollback`` when the deployment has failed or a human wants it undone, else ``""``.
    :returns: one of this module's actions.
    """
    step, back = journal["step"], journal["back"]
    if step == "finish":
        # The point of no return: what was approved is completed, never undone.
        if back:
            # But for one of which nothing was left, and a human has named the release to go back to.
            return BACK
        return COMPLETE if sight.served == journal["to"] else FAIL
    if step in ("open", "fetch"):
        return DISCARD
    if step in BEFORE_CUTOVER:
        return RESTORE
    if back or prefer == "rollback":
        return BACK
    if step == "cutover" and not journal["done"]:
        return BACK
    if last_served(journal, sight.served) == journal["to"] and sight.candidate_whole:
        return HOLD
    if not journal["from"] and step != "awaiting_approval":
        # Before the first color there was none. Its workers, which nobody starts any more, would be waited for in vain.
        return BACK
    return BACK if sight.old_healthy else FAIL


def last_served(journal, served):
    """The color that is served as far as anybody knows.

    An Nginx that is down says nothing, and the last proof counts: it will read the file of then.

    :param journal: the journal's data.
    :param served: what the running Nginx is proved to serve, or ``""``.
    """
    return served or (journal.get("cutover") or {}).get("proved", "")


def switch_was_cut_off(journal):
    """Whether Nginx was told to read another file, and nobody has proved since that it did or did not.

    The way back is not proved either then, so the file of before the deployment is the right one in both directions.

    :param journal: the journal's data.
    """
    cutover = journal.get("cutover")
    # At the end the file names the new color with or without its backup, and that of before names the color that goes.
    return bool(cutover) and not cutover["proved"] and journal["step"] != "finish"
