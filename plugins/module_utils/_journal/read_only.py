# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The journal of a step that acts without the lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .fencing import require_owner
from .journal import NullJournal
from .step import Step

if TYPE_CHECKING:
    from .store import Store


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
