# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The module bg_deployment."""

from __future__ import annotations

from .._host import Host
from .._journal.journal import Journal
from .._journal.store import Store
from .._module.spec import Params, Result, Spec
from .._settings import ARGUMENTS
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


SPEC = Spec(
    act=deployment,
    arguments=dict(
        **ARGUMENTS,
        state=dict(type="str", required=True, choices=["open", "settled", "closed", "recovered"]),
        prefer=dict(type="str", default="", choices=["", "rollback"]),
        reason=dict(type="str", default=""),
        owner=dict(type="str", default=""),
        release=dict(type="str", default=""),
        project_src=dict(type="path"),
        files=dict(type="list", elements="str", default=[]),
        profiles=dict(type="list", elements="str", default=[]),
        color_volumes=dict(type="list", elements="str", default=[]),
        init_before_stop=dict(type="list", elements="str", default=[]),
        pull=dict(type="str", default="missing", choices=["always", "missing", "never", "build"]),
        health=dict(
            type="dict",
            default={},
            options=dict(
                path=dict(type="str", default="/health/"),
                host=dict(type="str", default=""),
                status=dict(type="list", elements="int", default=[200]),
                timeout=dict(type="float", default=2),
                interval=dict(type="float", default=0.3),
                successes=dict(type="int", default=2),
                deadline=dict(type="float", default=60),
            ),
        ),
        workers=dict(
            type="dict",
            default={},
            options=dict(
                stop_timeout=dict(type="int"),
                on_timeout=dict(type="str", default="fail", choices=["fail", "leave", "requeue", "kill"]),
                strategy=dict(type="str", default="stop", choices=["stop", "throttle", "auto"]),
            ),
        ),
        old_web=dict(type="str", default="auto", choices=["auto", "running", "stopped"]),
        unknown_tasks=dict(type="str", default="fail", choices=["fail", "hold", "move"]),
        keep_keys=dict(type="list", elements="str", default=[], no_log=False),
        drain_timeout=dict(type="float", default=30),
        revert_after=dict(type="int", default=900),
        watch=dict(type="bool", default=True),
        approval_follows=dict(type="bool", default=False),
        approval_timeout=dict(type="int", default=3600),
        on_timeout=dict(type="str", default="keep", choices=["keep", "rollback"]),
        old_color=dict(type="str", default="removed", choices=["removed", "stopped"]),
        remove_volumes=dict(type="bool", default=False),
        keep_images=dict(type="int", default=3),
    ),
    required_if=[("state", "open", ["project_src"])],
    hidden=[("colors", "blue", "env"), ("colors", "green", "env")],
)
