# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""When another run may end a deployment, and how."""

from __future__ import annotations

from typing import Any, Mapping

from .._commands import command
from .._errors import Fenced
from .fencing import require_same
from .journal import Journal
from .step import Step


def require_recoverable(app: str, journal: Journal, deployment_id: str, epoch: int, is_rollback: bool) -> None:
    """Raise :class:`Fenced` unless this caller may end the open deployment.

    :param deployment_id: the only deployment that the caller means; empty for any.
    :param epoch: the epoch in which the caller owns it; 0 for a caller that never owned it.
    :param is_rollback: whether a rollback is asked for, which the user means even while the owner works. The raised
        epoch stops the owner then.
    """
    require_same(app, journal, deployment_id or journal["id"], epoch or journal["epoch"])
    if not is_rollback and journal.step is not Step.AWAITING_APPROVAL and journal.has_owner():
        raise Fenced(
            f"Deployment {journal.describe()} of app {app} is in step {journal['step']}, and the controller that runs "
            f"it still sends heartbeats: wait until it has ended, or undo it with {command('rollback')}."
        )


def may_be_kept(journal: Mapping[str, Any]) -> bool:
    """Whether the new color may still be kept: a rollback did not end, or recovery found no way at all.

    The caller has to verify that Nginx serves it.

    :param journal: the journal's data.
    """
    step = Step(journal["step"])
    if not Step.CUTOVER <= step <= Step.AWAITING_APPROVAL:
        return False
    # A deployment that failed while it awaited approval is finished like any other.
    stuck = journal["result"] == "failed" and step is not Step.AWAITING_APPROVAL
    return journal["result"] in ("", "failed") and bool(journal["rolling_back"] or stuck)
