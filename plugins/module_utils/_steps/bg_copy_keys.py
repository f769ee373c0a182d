# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What the module bg_copy_keys does."""

from __future__ import annotations

from .._broker.kept_keys import check_patterns, keep_keys
from .._errors import BluegreenError
from .._journal.fencing import fenced
from .._journal.store import Store
from .._module.spec import Spec
from .._validation import check_app
from .two_brokers import BROKER, check_sides, reached

ARGUMENTS = {
    "source": BROKER,
    "destination": BROKER,
    "keys": {"type": "list", "elements": "str", "required": True, "no_log": False},
}


def copy(params, host, check_mode):
    check_app(params["app"])
    check_sides(params)
    if not check_patterns("keys", params["keys"]):
        raise BluegreenError("keys is [], which matches no key: name keys as Redis's own KEYS does, such as session:*.")
    store = Store(params["app"], host)
    with fenced(store, params["deployment_id"], params["epoch"], _step(store), check_mode) as journal:
        with reached(host, params, "copied") as (source, destination):
            copied = 0 if check_mode else keep_keys(host, journal, source, destination, params["keys"]).copied
    return {"changed": bool(copied), "copied": copied}


def _step(store):
    """The step that the deployment is in: keys may be copied in any, and it stays as it is."""
    journal = store.load()
    return journal["step"] if journal is not None else "handover"


SPEC = Spec(copy, ARGUMENTS)
