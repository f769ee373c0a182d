# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What bg_program does."""

from __future__ import annotations

import os

from .._commands import command
from .._errors import Fenced
from .._host import Host
from .._install.guard_units import has_systemd
from .._install.program import Program
from .._journal.store import JournalCorrupt, Store
from .._module.spec import Params, Result
from .._validation import check_app


def program(params: Params, host: Host, check_mode: bool) -> Result:
    """Put the program of the collection on the host, unless it is there already."""
    store = Store(check_app(params["app"]), host)
    if not has_systemd():
        return {"changed": False, "program": ""}
    wanted = Program(store)
    # Not "path": Ansible adds facts about a file of that name to the result.
    unchanged: Result = {"changed": False, "program": wanted.path}
    if wanted.is_there():
        return unchanged
    before = "of another version, or for another Python" if os.path.exists(wanted.path) else "absent"
    try:
        _refuse_open(store, wanted)
        if not check_mode:
            with store.lock("putting the program on the host"):
                # A deployment may have been opened while the lock was waited for.
                _refuse_open(store, wanted)
                wanted.put(host)
    except (Fenced, JournalCorrupt) as refusal:
        # No error, so that the rest of the host is prepared; the next deployment puts the program there itself.
        host.warn(refusal.message)
        return unchanged
    return {
        **unchanged,
        "changed": True,
        "diff": {"before": {wanted.path: before}, "after": {wanted.path: f"of this version, for {wanted.python}"}},
    }


def _refuse_open(store: Store, wanted: Program) -> None:
    """Raise while a deployment is open: its guard is this file, and reads from it as long as it runs."""
    journal = store.load()
    if journal is not None:
        raise Fenced(
            f"{wanted.path} was not replaced, because it is the guard of deployment {journal.describe()} of app "
            f"{store.app}, which is open. The next deployment replaces it, or {command('prepare')} once this one is "
            "finished or rolled back."
        )
