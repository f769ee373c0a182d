# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""After the cutover the old web's last requests end, and late tasks move. Then a human decides."""

from __future__ import annotations

from typing import Any

from .._broker import worker_conf
from .._docker.logs import last_lines
from .._errors import BluegreenError
from .._health import gate as health_gate
from .._host import Host
from .._install import guard_units
from .._journal.counting import gap_ends
from .._journal.fencing import fenced
from .._journal.figures import figures, sentence
from .._journal.journal import Journal
from .._journal.step import Step
from .._journal.store import Store
from .._resources import killed
from .._words import agree, joined
from . import approval, old_web
from .color import Color, colors_of
from .transfer import drain, move_tasks


def settle(host: Host, store: Store, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Wait for the drain, move what the old web published meanwhile, and await approval.

    A drain that runs out of time is not a failure: the result names what holds it, and finish waits for it once more.

    :param params: parameters of bg_deployment.
    :returns: the module's result.
    """
    # The answer of an earlier run may have been lost on the way; then the deployment awaits approval already.
    with fenced(store, params["deployment_id"], params["epoch"], Step.AWAITING_APPROVAL, check_mode) as journal:
        if check_mode:
            return {"changed": True, "figures": {}, "message": ""}
        if not isinstance(journal, Journal):
            raise BluegreenError("deployment_id is empty, but only an open deployment settles: give the id of one.")
        if journal.step is Step.AWAITING_APPROVAL and journal["done"]:
            # A rollout may have taken long until somebody is asked.
            approval.begin_anew(journal, params["approval_timeout"], params["on_timeout"])
            return _result(journal, changed=False)
        _settle(host, store, journal, params)
        return _result(journal, changed=True)


def _settle(host: Host, store: Store, journal: Journal, params: dict[str, Any]) -> None:
    journal.begin(Step.SETTLE)
    settings, old, candidate = colors_of(host, store, journal)
    if old and old_web.is_stopped(journal):
        # Where there are no workers, nobody has waited for the memory yet.
        held_by = old_web.stop(host, journal, old)
    else:
        held_by = drain(host, journal).held_by
    if old:
        _ask_new_workers(host, journal, candidate)
        move_tasks(host, journal, old, candidate)
    _require_standing(host, journal, candidate)
    # If the approval comes by itself, nobody looks again before the old color is removed.
    health_gate.require_still_healthy(host, journal, settings, candidate.name, candidate.of("support", "web"))
    journal.done(Step.SETTLE, held_by=held_by)
    # Should the approval that follows never come, the timer still starts the guard.
    armed = bool(journal.get("armed") and params["approval_follows"])
    journal.begin(Step.AWAITING_APPROVAL, armed=armed, **gap_ends(journal.data, bool(candidate.of("workers"))))
    journal.done(Step.AWAITING_APPROVAL)
    approval.begin(journal)
    if not armed:
        guard_units.watch_pending(host, store.app)


def _ask_new_workers(host: Host, journal: Journal, candidate: Color) -> None:
    """A release may name the lists of a queue in another way; the workers can tell now that they run."""
    workers = [container for container in candidate.of("workers") if container.running]
    with candidate.own_broker() as broker:
        if broker is not None:
            worker_conf.remember(journal, broker, worker_conf.ask_conf(host, broker, workers))


def _require_standing(host: Host, journal: Journal, candidate: Color) -> None:
    """Raise unless everything that was started still runs: a beat may exit some time after its start."""
    exited = [
        killed.judged(container, journal)
        for container in candidate.of("support", "web", "workers")
        if container.status != "running"
    ]
    if exited:
        names = [f"{each.name}{' (killed for memory)' if each.oom_killed else ''}" for each in exited]
        raise BluegreenError(
            f"{joined(names)} of the new color exited after the start: {agree(names, 'its', 'their')} last log lines "
            f"follow. Correct the cause, then deploy again.{killed.memory_sentence(journal)}",
            failure="exited",
            logs=last_lines(host, exited),
        )


def _result(journal: Journal, changed: bool) -> dict[str, Any]:
    cost = figures(journal)
    message = f"Release {journal.release_label} of {journal['app']} is live ({journal['to']})."
    return {"changed": changed, "figures": cost, "message": f"{message} {sentence(cost)}".rstrip()}
