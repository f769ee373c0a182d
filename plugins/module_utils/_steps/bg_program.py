# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What the module bg_program does."""

from __future__ import annotations

import os

from .._install.guard_units import has_systemd
from .._install.program import Program
from .._journal.fencing import Fenced
from .._journal.store import JournalCorrupt, Store
from .._module.spec import Spec
from .._validation import check_app


def put(params, host, check_mode):
    store = Store(check_app(params["app"]), host)
    if not has_systemd():
        return {"changed": False, "program": ""}
    program = Program(store)
    # Not "path": Ansible adds to a module's result what it finds there.
    unchanged = {"changed": False, "program": program.path}
    if program.is_there():
        return unchanged
    before = "of another version, or for another Python" if os.path.exists(program.path) else "absent"
    try:
        _refuse_open(store, program)
        if not check_mode:
            with store.lock("putting the program on the host"):
                # Somebody may have opened a deployment between the look and the lock.
                _refuse_open(store, program)
                program.put(host)
    except (Fenced, JournalCorrupt) as refusal:
        # All else of a host can be prepared meanwhile, and the next deployment puts the program there itself.
        host.warn(refusal.message)
        return unchanged
    return {
        **unchanged,
        "changed": True,
        "diff": {"before": {program.path: before}, "after": {program.path: f"of this version, for {program.python}"}},
    }


def _refuse_open(store, program):
    """Raise while a deployment is open: its guard is this file, and reads from it as long as it runs."""
    journal = store.load()
    if journal is not None:
        raise Fenced(
            f"{program.path} is left alone, because it is the guard of deployment {journal.describe()} of app {store.app}, "
            "which is open: the next deployment replaces it, or prepare.yml once this one is finished or undone."
        )


SPEC = Spec(put, {})
