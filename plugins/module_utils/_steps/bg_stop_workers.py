# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The module bg_stop_workers."""

from __future__ import annotations

import contextlib
from typing import Callable, Optional, Sequence

from .._broker.connection import Broker, connect, of_deployment
from .._broker.settings import BrokerSettings
from .._celery.task_names import POLICIES
from .._docker.containers import Container, of_project
from .._docker.cpu_shares import DEFAULT, LOWEST
from .._errors import BluegreenError
from .._host import Host
from .._journal.fencing import fenced
from .._journal.journal import AnyJournal
from .._journal.step import Step
from .._journal.store import Store
from .._linux.memory import available_memory
from .._module.spec import BROKER_OPTIONS, ArgumentSpec, Params, Result, Spec
from .._resources.memory_budget import may_load
from .._resources.memory_use import app_of
from .._validation import check_app, check_project
from .._workers import stop as workers_stop
from .._workers.container_roles import is_celery, roles_now
from .._workers.stop import StoppedWorkers
from .._workers.unknown_tasks import Checked, check, give_up, park_unknown

ARGUMENTS: ArgumentSpec = {
    "project": {"type": "str", "required": True},
    "services": {"type": "list", "elements": "str", "default": []},
    "state": {"type": "str", "choices": ["stopped", "throttled"], "default": "stopped"},
    "cpu_shares": {"type": "int", "default": LOWEST},
    "timeout": {"type": "float"},
    "on_timeout": {"type": "str", "choices": list(workers_stop.ON_TIMEOUT), "default": "fail"},
    "restore_orphans": {"type": "bool", "default": True},
    "candidate": {"type": "str", "default": ""},
    "unknown_tasks": {"type": "str", "choices": list(POLICIES), "default": "fail"},
    "broker": {"type": "dict", "options": BROKER_OPTIONS},
}


def stop_workers(params: Params, host: Host, check_mode: bool) -> Result:
    """Stop the workers of a color, or throttle them."""
    check_app(params["app"])
    check_project("project", params["project"])
    if params["candidate"]:
        check_project("candidate", params["candidate"])
    timeout = params["timeout"]
    if timeout is not None and timeout <= 0:
        raise BluegreenError(
            f"timeout is {timeout:g} s, but it must be more than 0: write the seconds that running tasks may take."
        )
    shares = params["cpu_shares"]
    if not LOWEST <= shares <= DEFAULT:
        raise BluegreenError(
            f"cpu_shares is {shares}, but throttled workers need a value from {LOWEST} (the lowest) to {DEFAULT} (the "
            "default)."
        )
    store = Store(params["app"], host)
    with fenced(store, params["deployment_id"], params["epoch"], Step.STOP_WORKERS, check_mode) as journal:
        containers = of_project(host.engine, params["project"])
        workers = _workers(containers, params["project"], _services(params, journal))
        if check_mode:
            stopped = _planned(host, workers, params)
        else:
            stopped = _stop(params, host, store, journal, containers, workers)
            journal.done(Step.STOP_WORKERS)
    return {
        **stopped._asdict(),
        "containers": [container._asdict() for container in stopped.containers],
        "diff": {
            "before": {container.name: container.status for container in workers},
            "after": {container.name: _after(container, stopped, params["state"], check_mode) for container in workers},
        },
    }


def _stop(
    params: Params,
    host: Host,
    store: Store,
    journal: AnyJournal,
    containers: Sequence[Container],
    workers: list[Container],
) -> StoppedWorkers:
    settings, checked = of_deployment(store, journal, params["broker"]), Checked(False)
    app = app_of(workers) if params["candidate"] else 0
    with _broker_of(host, containers, settings) or contextlib.nullcontext() as broker:
        if params["candidate"]:
            has_room = may_load(app, available_memory())
            checked = _check_task_names(host, journal, workers, broker, params, has_room, settings.mode)
        journal.begin(Step.STOP_WORKERS)
        if params["state"] == "throttled":
            why = _why_not_throttled(settings, checked)
            if not why:
                return workers_stop.throttle_workers(host, journal, workers, params["cpu_shares"])
            host.warn(f"The workers were stopped instead of throttled, because {why}.")
        stopped = workers_stop.stop_workers(
            host, journal, workers, params["timeout"], params["on_timeout"], broker, params["restore_orphans"]
        )
        if checked.later:
            _load_later(host, params, checked.later, app)
        # No old worker takes a task any more: each was killed, or finishes the one that it has.
        if params["candidate"] and settings.mode == "shared" and broker is not None:
            park_unknown(host, journal, broker, to_candidate=True)
        return stopped


def _may_ask_later(mode: str, state: str, workers: Sequence[Container], has_room: bool) -> bool:
    """Whether the new workers can run, and tell their tasks, before they get the waiting ones.

    :param workers: workers and beats of both colors.
    """
    if mode != "color" or state == "stopped":
        return mode == "color"
    # A worker that is a beat too starts only after the old ones have stopped. Without memory they are not throttled.
    return has_room and not any(roles_now(each).beat and roles_now(each).worker for each in workers)


def _load_later(host: Host, params: Params, later: Callable[[], bool], app: int) -> None:
    if may_load(app, available_memory()):
        later()
    else:
        give_up(host, params["unknown_tasks"])


def _why_not_throttled(settings: BrokerSettings, checked: Checked) -> str:
    if checked.later:
        return "the host no longer has the memory for both colors"
    if settings.mode == "shared" and not checked.same:
        # Between the cutover and the start of the new workers they would take tasks that the new web publishes.
        return "both colors share one broker, and it is not certain that the releases register the same tasks"
    return ""


def _check_task_names(
    host: Host,
    journal: AnyJournal,
    workers: list[Container],
    broker: Optional[Broker],
    params: Params,
    has_room: bool,
    mode: str,
) -> Checked:
    signalled = journal.get("signalled") or ()
    candidate = _workers(of_project(host.engine, params["candidate"]), params["candidate"], params["services"])
    return check(
        host,
        journal,
        # On a second try, workers that this deployment has stopped already are compared too.
        [container for container in workers if container.running or container.id in signalled],
        candidate,
        broker,
        params["unknown_tasks"],
        has_room,
        _may_ask_later(mode, params["state"], workers + candidate, has_room),
    )


def _services(params: Params, journal: AnyJournal) -> list[str]:
    """The services asked for, and those of the old color that the deployment found to run Celery."""
    found = journal.get("old_workers") or []
    projects = journal.get("settings", {}).get("projects", {})
    is_old = projects.get(journal.get("from")) == params["project"]
    return [*params["services"], *found] if is_old and params["services"] else params["services"]


def _workers(containers: Sequence[Container], project: str, services: Sequence[str]) -> list[Container]:
    if not containers:
        raise BluegreenError(
            f"project is {project!r}, but this host has no container of that Compose project: docker compose ls --all "
            "shows the projects that it has."
        )
    if not services:
        return [container for container in containers if is_celery(container)]
    return [container for container in containers if container.service in services]


def _planned(host: Host, workers: list[Container], params: Params) -> StoppedWorkers:
    planned = workers_stop.plan_stop(workers)
    if params["state"] == "stopped":
        return planned
    return planned._replace(
        changed=any(each.running and each.cpu_shares != params["cpu_shares"] for each in workers), drained=False
    )


def _broker_of(host: Host, containers: Sequence[Container], settings: BrokerSettings) -> Optional[Broker]:
    broker = connect(host, containers, settings)
    if broker is not None and broker.container is not None and not broker.container.running:
        return None
    return broker


def _after(container: Container, stopped: StoppedWorkers, state: str, check_mode: bool) -> str:
    if check_mode and state == "throttled":
        return container.status
    if check_mode:
        return "exited" if container.running else container.status
    still_running = any(each.id == container.id and each.exit_code is None for each in stopped.containers)
    return "exited" if container.running and not still_running else container.status


SPEC = Spec(stop_workers, ARGUMENTS)
