# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Who may act on a deployment.

A deployment belongs to the controller that knows its id and its epoch. Taking a deployment over raises the epoch, so a
controller that slept through that can do nothing when it wakes up.
"""

from __future__ import annotations

import contextlib

from .._commands import command
from .._errors import BluegreenError
from .journal import Journal, NullJournal
from .schema import STEPS


class Fenced(BluegreenError):
    """The deployment is not, or no longer, that of the caller; nothing was done."""


class ReadOnlyJournal(NullJournal):
    """An open deployment that is only looked at, without the lock: the guard and rollback.yml can act meanwhile.

    Each sign of life is a look at whether it still is the caller's.

    :raises Fenced: it is not, or no longer, here and in :meth:`renew_lease`.
    """

    def __init__(self, store, deployment_id, epoch, step):
        self._store = store
        self._caller = (deployment_id, epoch, step)
        self.renew_lease()

    def get(self, key, default=None):
        return self.data.get(key, default)

    def renew_lease(self):
        journal = self._store.load()
        require_owner(self._store.app, journal, *self._caller)
        self.data = journal.data


@contextlib.contextmanager
def fenced(store, deployment_id, epoch, step, check_mode=False):
    """Hold the lock for the whole of an effect, and let it happen only to the caller's own deployment.

    :param deployment_id: id of the deployment that the caller opened; empty for a module used by itself, which is
        refused while a deployment is open.
    :param step: the step that the effect belongs to; a deployment never goes back to an earlier one.
    :returns: a :class:`Journal`, or :class:`NullJournal`.
    :raises Fenced: nothing was done.
    """
    if check_mode:
        yield NullJournal()
        return
    with store.lock(f"step {step}" + (f" of deployment {deployment_id}" if deployment_id else "")):
        journal = store.load()
        require_owner(store.app, journal, deployment_id, epoch, step)
        yield journal or NullJournal()


def require_owner(app, journal, deployment_id, epoch, step):
    """Raise :class:`Fenced` unless the journal allows this caller this step."""
    if not deployment_id:
        if journal is not None:
            raise Fenced(
                f"Deployment {journal.describe()} of app {app} is open: finish it (finish.yml) or undo it "
                "(rollback.yml) before changing this app by hand."
            )
        return
    if journal is None:
        raise Fenced(
            f"deployment_id {deployment_id} names no open deployment of app {app}: it was ended meanwhile. Look at "
            "status.yml and deploy again."
        )
    if journal["id"] != deployment_id:
        raise Fenced(
            f"deployment_id {deployment_id} is not the open deployment of app {app}, which is {journal.describe()}."
        )
    if journal["epoch"] != epoch:
        raise Fenced(
            f"Deployment {deployment_id} of app {app} was taken over meanwhile (epoch {journal['epoch']}, not "
            f"{epoch}): nothing was done. Look at status.yml."
        )
    if journal["result"] or journal["back"]:
        raise Fenced(
            f"Deployment {deployment_id} of app {app} is being undone: run rollback.yml to complete that, then deploy "
            "again."
        )
    if STEPS.index(step) < STEPS.index(journal["step"]):
        raise Fenced(
            f"Deployment {deployment_id} of app {app} has reached {journal['step']} and does not go back to {step}."
        )


def require_recoverable(app: str, journal: Journal, deployment_id: str, epoch: int, is_rollback: bool) -> None:
    """Raise :class:`Fenced` unless this caller may end the open deployment.

    :param deployment_id: the only deployment that the caller means; empty for any.
    :param epoch: the epoch in which the caller owns it; 0 for a caller that never owned it.
    :param is_rollback: whether a rollback is asked for, which the user means even while the owner works. The raised
        epoch stops the owner then.
    """
    if deployment_id and journal["id"] != deployment_id:
        raise Fenced(
            f"deployment_id {deployment_id} is not the open deployment of app {app}, which is {journal.describe()}: "
            "nothing was done."
        )
    if epoch and journal["epoch"] != epoch:
        raise Fenced(
            f"Deployment {journal.describe()} of app {app} was taken over meanwhile (epoch {journal['epoch']}, not "
            f"{epoch}): nothing was done. Run {command('status')}."
        )
    if not is_rollback and journal["step"] != "awaiting_approval" and journal.has_owner():
        raise Fenced(
            f"Deployment {journal.describe()} of app {app} is in step {journal['step']}, and its owner still sends "
            f"heartbeats: wait until it has ended, or undo it with {command('rollback')}."
        )


def may_be_kept(journal):
    """Whether the new color may be kept after all: a way back did not end, or nobody knew a way at all.

    That Nginx serves it has to be proved then.

    :param journal: the journal's data.
    """
    if journal["step"] not in ("cutover", "handover", "start_workers", "settle", "awaiting_approval"):
        return False
    # One that failed while it awaited approval is finished as any other.
    stuck = journal["result"] == "failed" and journal["step"] != "awaiting_approval"
    return journal["result"] in ("", "failed") and (journal["back"] or stuck)
