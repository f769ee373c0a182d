# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What bg_deployment does, by the state that is asked for."""

from __future__ import annotations

from .._host import Host
from .._journal.journal import Journal
from .._journal.store import Store
from .._module.spec import Params, Result
from .._validation import check_app


def deployment(params: Params, host: Host, check_mode: bool) -> Result:
    """Open a deployment, settle, close or recover it."""
    store = Store(check_app(params["app"], "bluegreen_app"), host)
    # Each state needs other parts of the collection, and an import costs a Raspberry Pi more time than the call.
    if params["state"] == "open":
        from .._deployment.open import open_deployment

        return open_deployment(host, store, params, check_mode, recover_abandoned)
    if params["state"] == "settled":
        from .._deployment.settle import settle

        return settle(host, store, params, check_mode)
    if params["state"] == "closed":
        from .._deployment.finish import finish_deployment

        return finish_deployment(host, store, params, check_mode, keep_new_color)
    from .._recovery.recover import recover
    from .._recovery.request import Request

    return recover(host, store, Request(**{name: params[name] for name in _REQUEST}), check_mode)


_REQUEST = ("prefer", "reason", "deployment_id", "epoch", "release")

# Opening and closing a deployment are handed these functions, which import the parts that are almost never needed.


def recover_abandoned(host: Host, store: Store, reason: str) -> str:
    """Complete an abandoned deployment or roll it back; how it ended, as a sentence."""
    from .._recovery.recover import recover
    from .._recovery.request import Request

    message: str = recover(host, store, Request(reason=reason), False)["message"]
    return message


def keep_new_color(host: Host, store: Store, journal: Journal) -> None:
    """Keep the new color of a deployment whose rollback cannot be completed; see :func:`keep_candidate`."""
    from .._recovery.keep_candidate import keep_candidate

    keep_candidate(host, store, journal)
