# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Who may act on a deployment.

A deployment belongs to the controller that knows its id and its epoch. Taking a deployment over raises the epoch, so a
controller that slept in the meantime can do nothing when it wakes up.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Optional

from .._commands import command
from .._errors import BluegreenError
from .journal import AnyJournal, Journal, NullJournal
from .step import Step

if TYPE_CHECKING:
    from .store import Store


class Fenced(BluegreenError):
    """The deployment is not, or no longer, that of the caller; nothing was changed."""


class ReadOnlyJournal(NullJournal):
    """The journal of an open deployment, read without the lock, so that the guard and a rollback can act meanwhile.

    Each :meth:`renew_lease` reads the journal again, and checks that the deployment still is the caller's.

    :raises Fenced: the deployment is not, or no longer, the caller's; so does :meth:`renew_lease`.
    """

    def __init__(self, store: Store, deployment_id: str, epoch: int, step: Step) -> None:
        self._store = store
        self._caller = (deployment_id, epoch, step)
        self.renew_lease()

    def get(self, key: str, default: Any = None) -> Any:
        return self.data.get(key, default)

    def renew_lease(self) -> None:
        journal = self._store.load()
        require_owner(self._store.app, journal, *self._caller)
        self.data = journal.data if journal else {}


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
    _require_same(app, journal, deployment_id, epoch)
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


def require_recoverable(app: str, journal: Journal, deployment_id: str, epoch: int, is_rollback: bool) -> None:
    """Raise :class:`Fenced` unless this caller may end the open deployment.

    :param deployment_id: the only deployment that the caller means; empty for any.
    :param epoch: the epoch in which the caller owns it; 0 for a caller that never owned it.
    :param is_rollback: whether a rollback is asked for, which the user means even while the owner works. The raised
        epoch stops the owner then.
    """
    _require_same(app, journal, deployment_id or journal["id"], epoch or journal["epoch"])
    if not is_rollback and journal.step is not Step.AWAITING_APPROVAL and journal.has_owner():
        raise Fenced(
            f"Deployment {journal.describe()} of app {app} is in step {journal['step']}, and the controller that runs "
            f"it still sends heartbeats: wait until it has ended, or undo it with {command('rollback')}."
        )


def _require_same(app: str, journal: Journal, deployment_id: str, epoch: int) -> None:
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
