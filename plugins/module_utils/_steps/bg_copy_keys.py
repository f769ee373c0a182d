# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The module bg_copy_keys."""

from __future__ import annotations

from .._broker.kept_keys import check_patterns, keep_keys
from .._errors import BluegreenError
from .._host import Host
from .._journal.fencing import fenced
from .._journal.step import Step
from .._journal.store import Store
from .._module.spec import ArgumentSpec, Params, Result, Spec
from .._validation import check_app
from .two_brokers import BROKER, check_sides, reached

ARGUMENTS: ArgumentSpec = {
    "source": BROKER,
    "destination": BROKER,
    "keys": {"type": "list", "elements": "str", "required": True, "no_log": False},
}


def copy_keys(params: Params, host: Host, check_mode: bool) -> Result:
    """Copy keys, such as sessions, from one Redis to another."""
    check_app(params["app"])
    check_sides(params)
    if not check_patterns("keys", params["keys"]):
        raise BluegreenError(
            "keys is [], but at least one pattern is needed: name keys as the command KEYS of Redis does, such as "
            "session:*."
        )
    store = Store(params["app"], host)
    with fenced(store, params["deployment_id"], params["epoch"], _step(store), check_mode) as journal:
        with reached(host, params, "copied") as (source, destination):
            copied = 0 if check_mode else keep_keys(host, journal, source, destination, params["keys"]).copied
    return {"changed": bool(copied), "copied": copied}


def _step(store: Store) -> Step:
    """The step that the deployment is in: keys may be copied in any, and the step does not change."""
    journal = store.load()
    return journal.step if journal is not None else Step.HANDOVER


SPEC = Spec(copy_keys, ARGUMENTS)
