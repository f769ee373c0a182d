# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The journal of a new deployment."""

from __future__ import annotations

from typing import Any

from .._errors import BluegreenError
from .._words import agree
from . import schema as journal_schema
from .journal import Journal
from .schema import VERSION
from .step import Step
from .store import Store


def create_journal(store: Store, deployment_id: str, who: str, facts: dict[str, Any]) -> Journal:
    """A new deployment in step ``open``; on the disk when this returns.

    :param who: user and controller, as ``ada@laptop``.
    :param facts: the other keys of the journal, among them all required ones of docs/journal.md.
    :raises BluegreenError: nobody could read the journal of such facts again; nothing was written.
    """
    clock = store.host.clock
    journal = Journal(
        store,
        {
            "version": VERSION,
            "app": store.app,
            "id": deployment_id,
            "epoch": 1,
            "guard": False,
            "who": who,
            "opened_at": clock.wall(),
            "step": Step.OPEN.value,
            "done": False,
            "rolling_back": False,
            "result": "",
            "reason": "",
            "seconds": {},
            "policies": {},
            "signalled": [],
            "hops": [],
            **facts,
        },
    )
    journal.data["counted"] = journal.now()._asdict()
    wrong = journal_schema.problems({**journal.data, "lease": {"boot_id": "", "until": 0.0}}, store.app)
    if wrong:
        # Without a readable journal a rollback would be impossible.
        raise BluegreenError(
            f"Cannot open deployment {deployment_id}: its journal would be invalid ({'; '.join(wrong)}). Correct "
            f"the {agree(wrong, 'variable that sets this value', 'variables that set these values')}."
        )
    journal.begin(Step.OPEN)
    return journal
