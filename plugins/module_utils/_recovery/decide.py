# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is to be done about a deployment that did not end: the table of recovery. Pure.

The journal tells what was intended, the host shows what really happened. docs/failure.md has the same table for people.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from .._journal.step import Step

# Nothing of the live color was touched: remove the containers that were created.
DISCARD = "discard"
# Nginx was not switched: start the old workers, stop the candidate.
RESTORE = "restore"
# Nginx was, or may have been, switched: go back in the order that loses nothing.
BACK = "back"
# The candidate is live and healthy: let it await approval.
HOLD = "hold"
# The end was approved: complete it.
COMPLETE = "complete"
# Leave Nginx as it is, and tell the user to look.
FAIL = "fail"


class HostState(NamedTuple):
    """What the host shows.

    ``served`` is the color that the running Nginx is proved to serve now, empty if it cannot be told;
    ``candidate_whole`` is whether the web of the candidate is healthy and all of its workers run; ``old_healthy`` is
    looked at only if the candidate is not whole, or not served.
    """

    served: str = ""
    candidate_whole: bool = False
    old_healthy: bool = False


def decide(journal: Mapping[str, Any], host_state: HostState, prefer: str = "") -> str:
    """What to do: one of the actions of this file.

    :param journal: the data of the journal.
    :param host_state: matters only from the cutover on.
    :param prefer: ``rollback`` if the deployment has failed or the user wants it undone, else empty.
    """
    step, back = Step(journal["step"]), journal["rolling_back"]
    if step is Step.FINISH:
        # The point of no return: what was approved is completed, never undone.
        if back:
            # Only if nothing was left of it, and the user has named the release to go back to.
            return BACK
        return COMPLETE if host_state.served == journal["to"] else FAIL
    if step <= Step.FETCH:
        return DISCARD
    if step < Step.CUTOVER:
        return RESTORE
    if back or prefer == "rollback":
        return BACK
    if step is Step.CUTOVER and not journal["done"]:
        return BACK
    if last_served(journal, host_state.served) == journal["to"] and host_state.candidate_whole:
        return HOLD
    if not journal["from"] and step is not Step.AWAITING_APPROVAL:
        # A first deployment has no old color, and nobody starts the workers of the candidate any more.
        return BACK
    return BACK if host_state.old_healthy else FAIL


def last_served(journal: Mapping[str, Any], served: str) -> str:
    """The color that Nginx serves, or will serve once it runs again: it reads the file of the last proof then.

    :param journal: the data of the journal.
    :param served: the color that the running Nginx is proved to serve; empty if it is down or cannot be asked.
    """
    proved: str = (journal.get("cutover") or {}).get("proved", "")
    return served or proved


def switch_was_cut_off(journal: Mapping[str, Any]) -> bool:
    """Whether Nginx was told to read another file, and was not proved to have read it or not.

    That may have happened on the way forward or back. The file from before the deployment is right for both.

    :param journal: the data of the journal.
    """
    cutover = journal.get("cutover")
    # In step finish the file names the new color, and the previous file names a color that is being removed.
    return bool(cutover and not cutover["proved"] and Step(journal["step"]) is not Step.FINISH)
