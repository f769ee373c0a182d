# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Who may act on a deployment.

A deployment belongs to the controller that knows its id and its epoch. Taking a deployment over raises the epoch, so a
controller that slept in the meantime can do nothing when it wakes up.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Iterator, Optional

from .._commands import command
from .._errors import Fenced
from .journal import AnyJournal, Journal, NullJournal
from .step import Step

if TYPE_CHECKING:
    from .store import Store


@contextlib.contextmanager
def fenced(store: Store, deployment_id: str, epoch: int, step: Step, check_mode: bool = False) -> Iterator[AnyJournal]:
    """Hold the lock during an effect, and allow the effect only on the caller's own deployment.

    :param deployment_id: id of the deployment that the caller opened; empty for a module used by itself, which is
        refused while a deployment is open.
    :param epoch: epoch of the deployment as the caller knows it.
    :param step: the step that the effect belongs to; a deployment never returns to an earlier one.
    :returns: the journal; a :class:`NullJournal` in check mode, and for a module used by itself.
    :raises Fenced: the deployment is not the caller's; nothing was changed.
    """
    if check_mode:
        yield NullJournal()
        return
    with store.lock(f"step {step.value}" + (f" of deployment {deployment_id}" if deployment_id else "")):
        journal = store.load()
        require_owner(store.app, journal, deployment_id, epoch, step)
        yield journal or NullJournal()


def require_owner(app: str, journal: Optional[Journal], deployment_id: str, epoch: int, step: Step) -> None:
    """Raise :class:`Fenced` unless the journal allows this caller this step; parameters as for :func:`fenced`."""
    if not deployment_id:
        if journal is not None:
            raise Fenced(
                f"Deployment {journal.describe()} of app {app} is open: finish it ({command('finish')}) or undo it "
                f"({command('rollback')}) before changing this app by hand."
            )
        return
    if journal is None:
        raise Fenced(
            f"deployment_id {deployment_id} does not name an open deployment of app {app}: it was ended in the "
            f"meantime. Check with {command('status')}, then deploy again."
        )
    require_same(app, journal, deployment_id, epoch)
    if journal["result"] or journal["rolling_back"]:
        raise Fenced(
            f"Deployment {deployment_id} of app {app} is being undone: complete that with {command('rollback')}, then "
            "deploy again."
        )
    if step < journal.step:
        raise Fenced(
            f"Deployment {deployment_id} of app {app} has reached step {journal['step']}, and never returns to "
            f"{step.value}. Check with {command('status')}; deploy again once it has ended."
        )


def require_same(app: str, journal: Journal, deployment_id: str, epoch: int) -> None:
    """Raise :class:`Fenced` unless the open deployment has this id and epoch."""
    if journal["id"] != deployment_id:
        raise Fenced(
            f"deployment_id {deployment_id} is not the open deployment of app {app}, which is {journal.describe()}: "
            f"nothing was changed. Check with {command('status')}."
        )
    if journal["epoch"] != epoch:
        raise Fenced(
            f"Deployment {deployment_id} of app {app} was taken over in the meantime (epoch {journal['epoch']}, not "
            f"{epoch}): nothing was changed. Check with {command('status')}."
        )
