# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The module bg_health."""

from __future__ import annotations

from .._docker.containers import of_project
from .._errors import BluegreenError
from .._health.gate import HealthSettings, wait_healthy
from .._host import Host
from .._journal.fencing import fenced
from .._journal.journal import AnyJournal, NullJournal
from .._journal.read_only import ReadOnlyJournal
from .._journal.step import Step
from .._journal.store import Store
from .._module.spec import ArgumentSpec, Params, Result, Spec
from .._settings import check_health
from .._validation import check_app, check_project
from .._workers.unlisted import refuse_celery_in_webs

NOTHING: Result = {"attempts": 0, "seconds": 0.0, "status": 0, "latency_ms": 0, "failure": "", "logs": {}}

ARGUMENTS: ArgumentSpec = {
    "url": {"type": "str", "required": True},
    "host": {"type": "str", "default": ""},
    "status": {"type": "list", "elements": "int", "default": [200]},
    "timeout": {"type": "float", "default": 2.0},
    "interval": {"type": "float", "default": 0.3},
    "successes": {"type": "int", "default": 2},
    "deadline": {"type": "float", "default": 60.0},
    "project": {"type": "str", "default": ""},
    "validate_certs": {"type": "bool", "default": True},
}


def health(params: Params, host: Host, check_mode: bool) -> Result:
    """Wait until a color is healthy."""
    settings = settings_of(params)
    store = Store(params["app"], host)
    if check_mode:
        return {"changed": False, **NOTHING}
    if not params["deployment_id"]:
        # It changes nothing, so outside of a deployment it needs no lock, and may run while one is open.
        return _wait(host, NullJournal(), settings, params["project"])
    if _is_pending(store):
        watched = ReadOnlyJournal(store, params["deployment_id"], params["epoch"], Step.AWAITING_APPROVAL)
        result = _wait(host, watched, settings, params["project"])
        watched.renew_lease()
        return result
    with fenced(store, params["deployment_id"], params["epoch"], Step.HEALTH) as journal:
        journal.begin(Step.HEALTH)
        result = _wait(host, journal, settings, params["project"])
        if params["project"]:
            # An image may start Celery beside its web, which the Compose file does not show.
            webs = {"web": journal.get("settings")["services"]["web"]}
            refuse_celery_in_webs(of_project(host.engine, params["project"], webs["web"]), webs)
        journal.done(Step.HEALTH)
        return result


def _is_pending(store: Store) -> bool:
    journal = store.load()
    return journal is not None and journal.step is Step.AWAITING_APPROVAL


def _wait(host: Host, journal: AnyJournal, settings: HealthSettings, project: str) -> Result:
    services = journal.get("settings", {}).get("services")
    names = None if services is None else services["support"] + services["web"]
    containers = of_project(host.engine, project, names) if project else []
    if services is None:
        containers = [container for container in containers if container.running]
    if project and not containers:
        raise BluegreenError(f"project is {project!r}, but no container of that Compose project runs: start it first.")
    waited = wait_healthy(host, journal, settings, containers)._asdict()
    return {"changed": False, "failure": "", "logs": {}, **waited}


def settings_of(params: Params) -> HealthSettings:
    """Check the parameters.

    :raises BluegreenError: the first one that cannot be used.
    """
    check_app(params["app"])
    if params["project"]:
        check_project("project", params["project"])
    check_health(params, str)
    return HealthSettings(
        url=params["url"],
        host=params["host"],
        status=tuple(params["status"]),
        timeout=params["timeout"],
        interval=params["interval"],
        successes=params["successes"],
        deadline=params["deadline"],
        validate_certs=params["validate_certs"],
        # Within a deployment the role gives it.
        deadline_option="bluegreen_health_deadline" if params["deployment_id"] else "deadline",
    )


SPEC = Spec(health, ARGUMENTS)
