# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The end of an approved deployment: the old color is removed, or stopped and kept.

There is no way back from here. A failed step is tried again forward, never undone.
A broker that still holds tasks is never stopped.
"""

from __future__ import annotations

from typing import Any, Callable

from .._broker import move as broker_move, queues as broker_queues
from .._commands import command
from .._docker import leftovers, restart_policies
from .._docker.containers import ROLES
from .._docker.ensure import ensure_running, ensure_stopped
from .._errors import BluegreenError
from .._health import gate as health_gate
from .._host import Host
from .._journal.figures import figures
from .._journal.history import history_of
from .._journal.journal import Journal
from .._journal.may_recover import may_be_kept
from .._journal.step import Step
from .._journal.store import LOCK_WAIT, Store
from .._nginx import public_requests, switch as nginx_switch
from .._settings import Nginx, Settings
from .._snapshot import file as snapshot_file, restore as snapshot_restore
from .._words import agree, joined
from .._workers import stop as workers_stop
from .color import Color, colors_of
from .end import end
from .images import images_of, prune_images
from .may_finish import require_finishable, result_without_deployment
from .transfer import drain, move_tasks, start_broker

# Seconds to wait for the lock where a rollback is turned round: the guard may be waiting for a color to become healthy.
TURN_WAIT = 180


def finish_deployment(
    host: Host,
    store: Store,
    params: dict[str, Any],
    check_mode: bool,
    keep_candidate: Callable[[Host, Store, Journal], object],
) -> dict[str, Any]:
    """Finish (promote) the deployment that awaits approval.

    :param params: ``deployment_id`` and ``epoch`` of the approved deployment, or an empty id for whichever awaits
        approval; ``release``, which must be its release unless empty; ``owner``, who approves, or empty for nobody.
    :param keep_candidate: called with the journal of a deployment that is being rolled back, to turn it round.
    :returns: the module's result.
    :raises Fenced: another deployment is meant, or it may not be finished.
    """
    journal = store.load()
    if journal is None:
        return result_without_deployment(store.app, history_of(store), params["deployment_id"], params["release"])
    require_finishable(store.app, journal, params)
    if check_mode:
        return {"changed": True, "result": "committed", "id": journal["id"]}
    wait = TURN_WAIT if may_be_kept(journal.data) else LOCK_WAIT
    with store.lock(f"finishing deployment {journal['id']}", wait):
        meant, journal = journal["id"], store.load()
        if journal is None:
            # Another process finished it while this one waited for the lock.
            return result_without_deployment(store.app, history_of(store), meant, "")
        require_finishable(store.app, journal, params)
        if may_be_kept(journal.data):
            keep_candidate(host, store, journal)
        return finish(host, store, journal, params["owner"])


def finish(host: Host, store: Store, journal: Journal, approved_by: str = "") -> dict[str, Any]:
    """Remove or keep the old color of an approved deployment; may be interrupted anywhere and run again.

    :param approved_by: who approves, unless the journal names somebody already.
    :returns: the module's result.
    """
    settings, old, candidate = colors_of(host, store, journal)
    nginx = settings.nginx
    # Before Nginx is checked, because only a web that runs can prove it.
    _start_what_is_down(host, candidate)
    _require_served(host, journal, settings, nginx, candidate)
    if old:
        _start_broker(host, old)
    # From here on there is no way back.
    journal.begin(Step.FINISH, approved_by=journal.get("approved_by") or approved_by)
    kept = journal["old_color"] == "stopped"
    if old:
        _stop_old_color(host, store, journal, nginx, old, candidate)
        if not kept:
            _remove(host, old, journal["remove_volumes"])
    if not kept:
        snapshot_file.forget_all(store)
    prune_images(host, images_of(candidate), history_of(store), journal["keep_images"])
    journal.done(Step.FINISH)
    end(store, journal, "committed", images=images_of(candidate))
    return {"changed": True, "result": "committed", "id": journal["id"], "figures": figures(journal)}


# What stays


def _start_what_is_down(host: Host, candidate: Color) -> None:
    """Start what is down of the new color before the old one is removed: a full disk, say, may have ended a beat."""
    ensured = ensure_running(host.engine, candidate.of("support", "web", "workers"))
    for container in ensured.started:
        host.warn(f"Container {container.name} was down and was started again.")
    for container, error in ensured.failed:
        raise BluegreenError(
            f"Container {container.name} of the new color is down and does not start ({error.message}), so nothing "
            f"was removed: correct that, then run {command('finish')}."
        ) from error
    if ensured.started:
        candidate.refresh()


def _require_served(host: Host, journal: Journal, settings: Settings, nginx: Nginx, candidate: Color) -> None:
    served = public_requests.served_color(host, nginx) or ""
    if served != journal["to"] and journal.step is Step.FINISH:
        served = _switch_again(host, journal, settings, nginx, candidate, served)
    if served != journal["to"]:
        raise BluegreenError(
            f"Could not verify that Nginx serves {journal['to']} (it serves {served or 'neither color'}): nothing was "
            f"removed. Look at Nginx, then run {command('finish')} again{or_back(journal, candidate, served)}."
        )


def _switch_again(host: Host, journal: Journal, settings: Settings, nginx: Nginx, candidate: Color, served: str) -> str:
    """Switch Nginx to the approved color after somebody has switched it elsewhere; the color that it serves now."""
    try:
        health_gate.require_still_healthy(host, journal, settings, candidate.name, candidate.of("support", "web"))
        nginx_switch.switch(host, journal, nginx._replace(backup=False), candidate.name, journal["release"])
    except BluegreenError as error:
        host.warn(error.message)
        return served
    host.warn(
        f"Nginx served {served or 'neither color'}, so it was switched back to {candidate.name}, the approved color."
    )
    return candidate.name


def or_back(journal: Journal, candidate: Color, served: str) -> str:
    """How to go back from a color that cannot be finished, as the end of a sentence; empty where nothing leads back."""
    if journal.step is not Step.FINISH:
        return f", or {command('rollback')}"
    is_left = served == journal["from"] or not any(container.running for container in candidate.of("web"))
    if not journal["release_from"] or not is_left:
        return ""
    return f"; or go back to release {journal['release_from']} with {command('rollback', journal['release_from'])}"


# The old color


def _stop_old_color(host: Host, store: Store, journal: Journal, nginx: Nginx, old: Color, candidate: Color) -> None:
    if nginx.backup:
        # First: requests would fail over to a removed color, and a name that does not resolve stops Nginx from
        # starting.
        nginx_switch.switch(host, journal, nginx._replace(backup=False), journal["to"], journal["release"])
    drain(host, journal)
    # Meanwhile docker system prune may have removed what had stopped.
    old.refresh()
    candidate.refresh()
    _start_broker(host, old)
    # The broker has to start again after a boot until it is proved empty.
    support = old.of("support")
    restart_policies.disable_restart(host, journal, old.of("init", "web", "workers"))
    if journal["old_color"] == "stopped":
        _remember_kept(host, store, journal, old)
    _stop_workers(host, journal, old)
    ensure_stopped(host.engine, old.of("web", "init"))
    _empty_broker(host, journal, old, candidate)
    restart_policies.disable_restart(host, journal, support)
    ensure_stopped(host.engine, old.of(*ROLES))


def _remember_kept(host: Host, store: Store, journal: Journal, old: Color) -> None:
    if snapshot_file.of_color(store, old.name) is None:
        # The file was damaged: describe the containers that are still there, with the policies that they had.
        snapshot_restore.remember(host, store, old.name, journal["release_from"], old.of(*ROLES), journal.policy_of)
    snapshot_file.keep(store, old.name, sorted({container.service for container in old.of("workers")}))


def _stop_workers(host: Host, journal: Journal, old: Color) -> None:
    """Give old workers that still finish their tasks (on_timeout: leave) their time once more."""
    running = [container for container in old.of("workers") if container.running]
    if running:
        own = journal["workers"]
        on_timeout = own.get("on_timeout", "fail")
        # A worker that is removed while it works would lose its task.
        on_timeout = "fail" if on_timeout == "leave" else on_timeout
        with old.broker() as broker:
            workers_stop.stop_workers(host, journal, running, own.get("stop_timeout"), on_timeout, broker)


def _start_broker(host: Host, old: Color) -> None:
    try:
        start_broker(host, old)
    except BluegreenError as error:
        raise BluegreenError(
            f"{error.message} Nothing was removed: correct the cause, then run {command('finish')} again, or remove "
            "that container yourself if you do not need those tasks."
        ) from error


def _empty_broker(host: Host, journal: Journal, old: Color, candidate: Color) -> None:
    """Move the last tasks: the old web and workers have stopped, so none can follow."""
    again = f"run {command('finish')} again"
    left = move_tasks(host, journal, old, candidate)
    if left:
        queues = ", ".join(f"{count} in {queue}" for queue, count in sorted(left.items()))
        raise BluegreenError(
            f"The broker of the old color {old.name} still holds tasks ({queues}), so it was not stopped: look at "
            f"them ({command('status')} shows them), then {again}."
        )
    with old.own_broker() as broker:
        if broker is None and old.server() is not None:
            raise BluegreenError(
                f"The broker of the old color {old.name} went down, and may hold tasks, so it was not removed: {again}."
            )
        if broker is not None and broker_queues.count_messages(broker):
            raise BluegreenError(
                f"The broker of the old color {old.name} still holds tasks, and the broker of {candidate.name}, to "
                f"which they have to move, does not answer: start that one, then {again}."
            )
    broker_move.finish_hop(journal)


def _remove(host: Host, old: Color, volumes: bool) -> None:
    """Remove a color. Services that are in no list of its roles, such as an ignored database, are left alone."""
    own = {container.id for container in old.of(*ROLES)}
    for container in old.containers:
        if container.id in own:
            host.engine.remove(container.id, volumes)
    others = [container.name for container in old.containers if container.id not in own]
    if others:
        host.warn(
            f"{joined(others)} {agree(others, 'was', 'were')} not removed with project {old.project}, because "
            f"{agree(others, 'it belongs', 'they belong')} to no color. The networks and volumes of {old.project} were "
            "kept too."
        )
        return
    leftovers.remove_networks(host, old.project)
    if volumes:
        leftovers.remove_volumes(host, old.project)
