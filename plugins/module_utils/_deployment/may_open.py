# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether a deployment may be opened beside the one that is open. It changes nothing."""

from __future__ import annotations

from typing import Optional

from .._commands import command
from .._errors import Fenced
from .._journal.journal import Journal
from .._journal.may_recover import may_be_kept
from .._journal.step import Step
from .._journal.store import Store


def is_abandoned(journal: Journal) -> bool:
    """Whether the owner of an open deployment is gone. One that failed waits for a human."""
    return journal.step is not Step.AWAITING_APPROVAL and journal["result"] != "failed" and not journal.has_owner()


def require_none_open(store: Store, journal: Optional[Journal]) -> None:
    """Raise :class:`Fenced` when another deployment of the app is open."""
    if journal is None:
        return
    if journal["result"] == "failed":
        way = f"look at it ({command('status')}), then undo it with {command('rollback')}"
        if may_be_kept(journal.data):
            keep = command("finish", journal["release"])
            way += f", or keep release {journal.release_label}, which Nginx may still serve, with {keep}"
    elif journal.step is Step.AWAITING_APPROVAL:
        raise Fenced(
            f"Deployment {journal.describe()} of app {store.app} awaits approval of release {journal.release_label}: "
            f"approve it with {command('finish')}, or undo it with {command('rollback')}."
        )
    else:
        way = f"wait for it, or undo it with {command('rollback')}"
    raise Fenced(f"Deployment {journal.describe()} of app {store.app} is open, in step {journal['step']}: {way}.")
