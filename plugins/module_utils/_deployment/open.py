# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Opening a deployment: everything is checked, and nothing is touched until all of it is in order.

The checks run twice on every host: in the plan, which changes nothing anywhere, and again when the deployment is
opened, because time has passed.
"""

from __future__ import annotations

from typing import Any, Callable

from .._broker.kept_keys import check_patterns
from .._commands import command
from .._errors import BluegreenError, Fenced
from .._host import Host
from .._journal.journal import Journal
from .._journal.store import Store
from .._settings import Settings, health_of, settings_of
from .._validation import check_deployment_id, check_release
from . import approval
from .findings import Findings
from .may_open import is_abandoned, require_none_open
from .open_result import recovery_first, result, would_do
from .preflight import Preflight
from .write_down import all_or_nothing, write_down

# Seconds that a slow machine may need between two steps, with room to spare.
SHORTEST_REVERT = 20


def open_deployment(
    host: Host,
    store: Store,
    params: dict[str, Any],
    check_mode: bool,
    recover: Callable[[Host, Store, str], str],
) -> dict[str, Any]:
    """Check everything, then take the lock and write the journal.

    :param params: parameters of bg_deployment.
    :param recover: called with a host, a store and a reason, to complete or roll back a deployment whose owner is gone;
        returns a sentence that says how.
    :returns: the module's result.
    """
    settings, against_health = _checked(params)
    journal = store.load()
    if journal is not None:
        against_health.require_none()
    if journal is not None and journal["id"] == params["deployment_id"]:
        return _again(host, store, journal, settings, params)
    preflight = Preflight(host, store, settings, params)
    if against_health.sentences:
        preflight.leave_out_health_check(against_health)
    if journal is not None and is_abandoned(journal):
        if check_mode:
            return recovery_first(preflight, journal)
        how = recover(host, store, "its controller was gone when the next one was deployed")
        host.warn(f"An earlier deployment was still open, but its controller is gone. {how}")
        journal = store.load()
    if journal is not None and journal.awaits_approval and not preflight.kept and preflight.is_pending(journal):
        # A rollout that was stopped half way is deployed again, and this host is done already.
        return result(preflight, changed=False, deployment_id=journal["id"], epoch=journal["epoch"])
    require_none_open(store, journal)

    _check(preflight, check_mode)
    if check_mode or preflight.up_to_date:
        return result(preflight, changed=not preflight.up_to_date)
    if not params["deployment_id"]:
        raise BluegreenError("deployment_id is empty, but a deployment is opened under an id: give it one.")
    with store.lock(f"opening deployment {params['deployment_id']}"), all_or_nothing(store, params["deployment_id"]):
        # Somebody may have opened one between the checks and the lock.
        require_none_open(store, store.load())
        journal = write_down(preflight)
    return result(preflight, changed=True, deployment_id=journal["id"], epoch=journal["epoch"])


def _check(preflight: Preflight, check_mode: bool) -> None:
    """Run all checks; in check mode a refusal ends with what the deployment would do."""
    try:
        preflight.run()
    except BluegreenError as error:
        lines = would_do(preflight) if check_mode and preflight.found.sentences else []
        if not lines:
            raise
        text = "\n".join([error.message, "With all of this corrected, the deployment would do this:", *lines])
        raise BluegreenError(text, **error.details) from error


def _checked(params: dict[str, Any]) -> tuple[Settings, Findings]:
    """The settings in the parameters, and what is wrong with the health check, which keeps no other check from running.

    :raises BluegreenError: all else that cannot be used.
    """
    found, health, settings = Findings(), Findings(), []
    with health.collected():
        health_of(params)
    with found.collected():
        settings.append(settings_of({**params, "health": {}} if health.sentences else params))
    with found.collected():
        check_release(params["release"], "bluegreen_release")
    with found.collected():
        check_patterns("bluegreen_keep_keys", params["keep_keys"])
    with found.collected():
        check_revert_after(params["revert_after"])
    with found.collected():
        approval.check_timeout(params["approval_timeout"])
    if found.sentences:
        found.add(health.sentences)
    found.require_none()
    if params["deployment_id"]:
        check_deployment_id("deployment_id", params["deployment_id"])
    return settings[0], health


def check_revert_after(seconds: int) -> None:
    """Raise unless the guard can act after so many seconds without a heartbeat, ``0`` for never."""
    if seconds and seconds < SHORTEST_REVERT:
        raise BluegreenError(
            f"bluegreen_revert_after is {seconds} s, but a slow host may need up to {SHORTEST_REVERT} s between two "
            f"steps, so a healthy deployment could be rolled back: use {SHORTEST_REVERT} or more, or 0 to disable "
            "automatic recovery."
        )


def _again(host: Host, store: Store, journal: Journal, settings: Settings, params: dict[str, Any]) -> dict[str, Any]:
    """The same open once more: it changes nothing, and decides anew once images are here."""
    if journal["rolling_back"] or journal["result"]:
        raise Fenced(
            f"Deployment {journal.describe()} of app {store.app} is being undone: complete that with "
            f"{command('rollback')}, then deploy again."
        )
    preflight = Preflight(host, store, settings, params)
    preflight.adopt(journal)
    preflight.find_colors(journal["from"])
    if preflight.kept:
        preflight.require_kept()
    else:
        preflight.render(preflight.live or preflight.idle)
        preflight.decide_from_created()
    return result(preflight, changed=False, deployment_id=journal["id"], epoch=journal["epoch"])
