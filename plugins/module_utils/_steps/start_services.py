# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What bg_start does."""

from __future__ import annotations

import contextlib
import functools
from typing import Any, Callable, Iterable, Mapping, NamedTuple, Optional, Sequence

from .._broker.connection import Broker, connect, of_deployment
from .._deployment import old_web, start_candidate
from .._deployment.color import Color, colors_of
from .._deployment.transfer import move_tasks
from .._docker.containers import Container, of_project
from .._errors import BluegreenError
from .._host import Host
from .._journal.fencing import fenced
from .._journal.journal import AnyJournal, Journal
from .._journal.step import Step
from .._journal.store import Store
from .._module.spec import Params, Result
from .._validation import check_app, check_project
from .._workers.container_roles import is_celery
from .._workers.handover import Stop, TookOver, take_over
from .._workers.unknown_tasks import ask_working, park_unknown


def start(params: Params, host: Host, check_mode: bool) -> Result:
    """Start the created containers of a color."""
    check_app(params["app"])
    check_project("project", params["project"])
    if params["replaces"]:
        check_project("replaces", params["replaces"])
    if params["timeout"] <= 0:
        raise BluegreenError(
            f"timeout is {params['timeout']:g} s, but it must be more than 0: write the seconds for each role."
        )
    services = {role: names for role, names in params["services"].items() if names}
    if params["replaces"] and "workers" not in services:
        raise BluegreenError(
            f"replaces is {params['replaces']!r}, but services names no workers that could take over: name them in "
            "services.workers, or leave replaces out."
        )
    if params["before_stop"]:
        _refuse_before_stop(params, services)
    store = Store(params["app"], host)
    with fenced(store, params["deployment_id"], params["epoch"], _step_of(params, services), check_mode) as journal:
        containers = of_project(host.engine, params["project"])
        found = start_candidate.by_role(containers, services, params["project"])
        planned = start_candidate.would_start(journal, found)
        names = [container.name for container in planned]
        result: Result = {"started": names, "seconds": 0.0, "moved": 0, "schedule": []}
        if not check_mode:
            result = _start(params, host, store, journal, containers, found)
    return {
        "changed": bool(result["started"] or result["moved"]),
        **result,
        "diff": {
            "before": {container.name: container.status for container in planned},
            "after": {
                container.name: "exited" if _is_init(container, services) else "running" for container in planned
            },
        },
    }


def _refuse_before_stop(params: Params, services: Mapping[str, Sequence[str]]) -> None:
    if not params["deployment_id"]:
        raise BluegreenError(
            "before_stop is true, but deployment_id is empty, and only a deployment stops old workers afterwards: give "
            "deployment_id, or leave before_stop out."
        )
    if set(services) - {"support"} != {"init"}:
        raise BluegreenError(
            f"before_stop is true, but services names {', '.join(services) or 'nothing'}, and only init services, and "
            "the support services that they need, may run before the old workers stop: name init services, and start "
            "all others later."
        )


def _step_of(params: Params, services: Iterable[str]) -> Step:
    # Workers start after the cutover, all others before it.
    late = Step.HANDOVER if set(services) <= {"workers"} else Step.START_CANDIDATE
    return Step.BEFORE_STOP if params["before_stop"] else late


def _start(
    params: Params,
    host: Host,
    store: Store,
    journal: AnyJournal,
    containers: Sequence[Container],
    found: Mapping[str, Sequence[Container]],
) -> Result:
    result: Result = {"started": [], "seconds": 0.0, "moved": 0, "schedule": []}
    broker = connect(host, containers, of_deployment(store, journal, params["broker"]))
    with broker or contextlib.nullcontext():
        if set(found) - {"workers"}:
            step = _step_of(params, found)
            journal.begin(step)
            if params["before_stop"]:
                # Seldom needed, and an import costs a Raspberry Pi more time than the call.
                from .._deployment.before_stop import run_before_stop

                started = run_before_stop(host, journal, found, params["timeout"], broker)
            else:
                started = start_candidate.start(host, journal, found, params["timeout"], broker, params["wait"])
            journal.done(step)
            result.update(started._asdict())
        if "workers" in found:
            moved_before = journal.get("tasks_moved", 0)
            took_over = _take_over(params, host, store, journal, found["workers"], broker)
            result["started"] = result["started"] + took_over.started
            result["seconds"] = round(result["seconds"] + took_over.seconds, 2)
            result["schedule"] = took_over.schedule
            result["moved"] = journal.get("tasks_moved", 0) - moved_before
    return result


class _Replaced(NamedTuple):
    """How the workers of another color are replaced: arguments of :func:`handover.take_over`, and the new color."""

    old: Sequence[Container] = ()
    stop: Stop = Stop()
    move: Optional[Callable[..., Any]] = None
    sort: Optional[Callable[[], Any]] = None
    make_room: Optional[Callable[[], Any]] = None
    candidate: Optional[Color] = None


def _replaced(params: Params, host: Host, store: Store, journal: AnyJournal, broker: Optional[Broker]) -> _Replaced:
    if not params["replaces"]:
        return _Replaced()
    containers = of_project(host.engine, params["replaces"])
    of_old = connect(host, containers, of_deployment(store, journal, params["broker"]))
    own = journal.get("workers") or {}
    replaced = _Replaced(
        old=_workers_of(containers, journal, params["services"]["workers"]),
        stop=Stop(own.get("stop_timeout"), own.get("on_timeout") or "fail", of_old),
    )
    if not isinstance(journal, Journal) or not journal["from"]:
        return replaced
    settings, source, candidate = colors_of(host, store, journal)
    if source is None:
        return replaced
    sort = make_room = None
    if settings.broker.mode == "shared" and broker is not None:
        # The old web has published to the same queues since the old workers stopped.
        sort = functools.partial(park_unknown, host, journal, broker, to_candidate=True)
    if old_web.is_stopped(journal):
        make_room = functools.partial(old_web.stop, host, journal, source)
    move = functools.partial(move_tasks, host, journal, source, candidate)
    return replaced._replace(move=move, sort=sort, make_room=make_room, candidate=candidate)


def _take_over(
    params: Params,
    host: Host,
    store: Store,
    journal: AnyJournal,
    workers: Sequence[Container],
    broker: Optional[Broker],
) -> TookOver:
    given = _replaced(params, host, store, journal, broker)
    took_over = take_over(
        host,
        journal,
        workers,
        broker,
        given.old,
        given.move,
        given.stop,
        params["timeout"],
        params["wait"],
        given.sort,
        given.make_room,
    )
    if given.candidate and broker is not None:
        ask_working(host, journal, given.candidate.renewed().of("workers"), broker)
    return took_over


def _workers_of(replaced: Sequence[Container], journal: AnyJournal, names: Sequence[str]) -> list[Container]:
    """The workers of the color that is replaced: those that the deployment knows, else by name and by process."""
    services = (journal.get("settings") or {}).get("services")
    if services is None:
        return [each for each in replaced if each.service in names or is_celery(each)]
    listed = {*names, *services["workers"], *(journal.get("old_workers") or ())}
    return [each for each in replaced if each.service in listed]


def _is_init(container: Container, services: Mapping[str, Sequence[str]]) -> bool:
    return container.service in services.get("init", ())
