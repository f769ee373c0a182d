# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The state of an app on a host: colors, queues, deployment, history. It changes nothing."""

from __future__ import annotations

import contextlib
from typing import Any, Mapping, Optional, Sequence

from .. import _http
from .._broker import detect as broker_detect, queues as broker_queues
from .._docker.containers import Container, of_project, role_of
from .._errors import BluegreenError
from .._host import Host
from .._journal.figures import sentence
from .._journal.history import history_of
from .._journal.journal import Journal
from .._journal.live_since import live_since
from .._journal.step import Step
from .._journal.store import JournalCorrupt, Store
from .._linux.clock import timestamp
from .._linux.files import opener
from .._nginx import upstream as nginx_upstream
from .._nginx.upstream import Upstream
from .._resources import host as host_resources
from .._settings import Nginx, Settings, other, settings_of
from .._snapshot.file import kept_color
from .._validation import COLORS, check_url, one_line, release_label
from .._words import listed
from .._workers.without_celery import without_celery
from . import last_roles
from .color import Color

# Entries of the history that are shown.
HISTORY = 20
# Seconds that visitors wait for an answer before they count as without one.
ANSWER_TIMEOUT = 5.0
# The playbook pull, or the unit that runs it, writes it: why the last pull deployed nothing, in one sentence.
PULL_FAILED = "pull-failed"
LONGEST_NOTE = 400
# How a deployment ended, in words.
_ENDED = {"committed": "was finished", "rolled_back": "was rolled back", "failed": "failed"}


def info(host: Host, store: Store, params: dict[str, Any]) -> dict[str, Any]:
    """The result of bg_info.

    :param params: parameters of bg_info.
    """
    settings = settings_of(params)
    live, upstream = _live(host, settings)
    settings = _with_services(host, store, settings, live)
    if live:
        settings = _with_broker(host, settings, params, live)
        _ask_public(host, settings.nginx)
    colors = {name: Color(host, settings, name) for name in COLORS}
    queues = {name: _queues(host, color) for name, color in colors.items()}
    shown = _colors(host, colors, settings, live, _releases(store, live, upstream))
    journal, history = _journal(host, store), history_of(store)
    _warn_of_pull(host, store)
    result = {
        "changed": False,
        "app": settings.app,
        "live": live,
        "idle": other(live) if live else "",
        "release": shown[live]["release"] if live else "",
        "since": live_since(live, journal, history) if live else "",
        "colors": shown,
        "queues": {name: found for name, (found, _held) in queues.items()},
        "held": {name: parked for name, (_found, parked) in queues.items()},
        "deployment": _deployment(journal) if journal else None,
        "history": history[-HISTORY:],
        "resources": host_resources.resources(host_resources.docker_root_of(host.engine) or "/"),
        # A reader of the result, elsewhere, has not seen the warnings.
        "problems": list(host.warnings),
    }
    result["summary"] = summary(settings.app, result)
    return result


def _releases(store: Store, live: str, upstream: Optional[Upstream]) -> dict[str, str]:
    """Labels of the releases that are known: of the live color, and of one that was kept stopped."""
    kept = kept_color(store) or {}
    found = {kept["color"]: kept.get("release", "")} if kept else {}
    return {**found, live: upstream.release} if live and upstream else found


def _colors(
    host: Host, colors: Mapping[str, Color], settings: Settings, live: str, releases: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    lost = without_celery(host, [container for color in colors.values() for container in color.of("workers")])
    return {
        name: {
            "project": color.project,
            "port": settings.ports[name],
            "release": releases.get(name, ""),
            "health": _health(color.of("web")),
            "containers": [_container(container, settings, container.id in lost) for container in color.containers],
            "missing": _missing(color, settings) if name == live else [],
        }
        for name, color in colors.items()
    }


def _live(host: Host, settings: Settings) -> tuple[str, Optional[Upstream]]:
    """The live color, ``""`` without one, and the upstream; a file that cannot be read is only warned of."""
    nginx = settings.nginx
    try:
        with open(nginx.file, encoding="utf-8", errors="replace") as source:
            upstream = nginx_upstream.parse(source.read(), nginx.file, nginx.upstream)
        return nginx_upstream.live_color(upstream, nginx.servers, nginx.file) or "", upstream
    except FileNotFoundError:
        return "", None
    except BluegreenError as error:
        host.warn(error.message)
        return "", None


def _ask_public(host: Host, nginx: Nginx) -> None:
    """Warn when visitors get no answer: the file names a color even while Nginx is down."""
    url = check_url("bluegreen_public_url", nginx.public_url)
    answer = _http.ask(host.clock, url, nginx.public_host, ANSWER_TIMEOUT, nginx.validate_certs)
    if answer.failure:
        host.warn(f"Visitors get no answer from {nginx.public_url}: {answer.failure}.")
    elif answer.status in (502, 503, 504):
        # Nginx answers so for a web that does not.
        host.warn(f"Visitors get status {answer.status} from {nginx.public_url}.")


def _with_services(host: Host, store: Store, settings: Settings, live: str) -> Settings:
    """The settings with the services that the user leaves to the Compose file, as the last deployment found them."""
    if not settings.auto:
        return settings
    color = live or COLORS[0]
    containers = of_project(host.engine, settings.projects[color])
    return settings._replace(services=last_roles.of_color(settings, store, host.engine, color, containers), auto=())


def _with_broker(host: Host, settings: Settings, params: Mapping[str, Any], live: str) -> Settings:
    """The settings with the broker that the live color's containers name; unchanged where they leave it open."""
    services = broker_detect.of_containers(of_project(host.engine, settings.projects[live]))
    given = settings.broker._replace(mode=(params["broker"] or {}).get("mode") or "auto")._asdict()
    with contextlib.suppress(BluegreenError):
        choice = broker_detect.choose(given, settings.services, {live: services})
        return settings._replace(broker=settings.broker._replace(mode=choice.mode, service=choice.service))
    return settings


def _health(web: Sequence[Container]) -> str:
    """One word for the web of a color."""
    if not web:
        return "absent"
    if not all(container.running for container in web):
        return "stopped"
    return "unhealthy" if any(container.health == "unhealthy" for container in web) else "running"


def _missing(color: Color, settings: Settings) -> list[dict[str, str]]:
    """Services of a color that have no container. Init services have done their work, and need none any more."""
    there = {container.service for container in color.containers}
    roles = {role: settings.services[role] for role in ("support", "web", "workers")}
    return [{"service": name, "role": role} for role, names in roles.items() for name in names if name not in there]


def _container(container: Container, settings: Settings, has_lost_celery: bool) -> dict[str, Any]:
    return {
        "id": container.id[:12],
        "name": container.name,
        "service": container.service,
        "role": role_of(container.service, settings.services),
        "status": container.status,
        "health": container.health,
        "image": container.image_name,
        "started_at": container.started_at if container.ever_started else "",
        "restart_policy": container.restart_policy["Name"] or "no",
        "without_celery": has_lost_celery,
    }


def _state(container: Mapping[str, Any]) -> str:
    if container["without_celery"]:
        return "running without Celery"
    # Of a container that has stopped, the engine still gives the last result of its health check.
    status: str = container["status"]
    return container["health"] or status if status == "running" else status


def _queues(host: Host, color: Color) -> tuple[Optional[dict[str, int]], Optional[dict[str, int]]]:
    """Messages of a color's broker per queue, and parked ones per task name; ``None`` when it cannot be asked."""
    try:
        with color.broker() as broker:
            if broker is None:
                return None, None
            queues = broker_queues.count_messages(broker)
            return queues, broker_queues.parked_tasks(broker) if broker_queues.PARKED in queues else {}
    except BluegreenError as error:
        host.warn(error.message)
        return None, None


def _journal(host: Host, store: Store) -> Optional[Journal]:
    try:
        return store.load()
    except JournalCorrupt as error:
        host.warn(error.message)
        return None


def _warn_of_pull(host: Host, store: Store) -> None:
    """Warn of what the last run of ansible-pull noted, if it could not deploy what the repository names."""
    try:
        with open(store.path(PULL_FAILED), "rb", opener=opener) as source:
            host.warn(one_line(source.read(4 * LONGEST_NOTE).decode("utf-8", "replace"), LONGEST_NOTE))
    except FileNotFoundError:
        pass
    except BluegreenError as error:
        host.warn(error.message)


def _deployment(journal: Journal) -> dict[str, Any]:
    return {
        "id": journal["id"],
        "who": journal["who"],
        "since": timestamp(journal["opened_at"]),
        "step": journal["step"],
        "release": journal["release"],
        "from": journal["from"],
        "to": journal["to"],
        "going_back": journal["rolling_back"],
        "result": journal["result"],
        "reason": journal["reason"],
        "held_by": journal.get("held_by") or [],
        "not_taken_back": journal.get("not_taken_back") or "",
        "old_web": journal.get("old_web") or "running",
        "progress": journal.get("progress"),
        "owner_alive": journal.step is not Step.AWAITING_APPROVAL and journal.has_owner(),
    }


def summary(app: str, facts: Mapping[str, Any]) -> list[str]:
    """The result of :func:`info` for people, a line a fact."""
    live = facts["live"]
    release = f" with release {facts['release']}" if facts["release"] else ""
    lines = [f"{app}: {live} is live{release}." if live else f"{app}: no color is live."]
    for name, color in facts["colors"].items():
        lines += _lines_of_color(name, color, facts["queues"][name] or {}, facts["held"][name])
    if facts["deployment"]:
        lines += _lines_of_deployment(facts["deployment"])
    if facts["history"]:
        last = facts["history"][-1]
        ended = _ENDED.get(last["result"], last["result"])
        lines.append(f"Last deployment: release {release_label(last['release'])} {ended} at {last['ended']}.")
        cost = sentence(last)
        if cost:
            lines.append(cost)
    return lines


def _lines_of_color(
    name: str, color: Mapping[str, Any], queues: Mapping[str, int], parked: Optional[Mapping[str, int]]
) -> list[str]:
    lines = []
    if color["containers"]:
        states = ", ".join(f"{each['service']} {_state(each)}" for each in color["containers"])
        lines.append(f"{name} ({color['project']}): {states}.")
    waiting = {queue: count for queue, count in queues.items() if queue != broker_queues.PARKED}
    if waiting:
        counts = ", ".join(f"{count} in {queue}" for queue, count in sorted(waiting.items()))
        lines.append(f"{name}: tasks wait: {counts}.")
    if parked:
        lines.append(
            f"{name}: these tasks are parked, because the workers do not register them: {listed(parked)}. They "
            "continue with the next release that registers them, or with bluegreen_unknown_tasks: move."
        )
    return lines


def _lines_of_deployment(deployment: Mapping[str, Any]) -> list[str]:
    is_pending = deployment["step"] == "awaiting_approval"
    step = "awaits approval" if is_pending else f"is in step {deployment['step']}"
    lines = [
        f"Deployment {deployment['id']} of release {release_label(deployment['release'])} by {deployment['who']} "
        f"{step} since {deployment['since']}."
    ]
    if deployment["not_taken_back"]:
        lines.append(f"Its approval has expired; it was not rolled back, because {deployment['not_taken_back']}.")
    if deployment["old_web"] == "stopped" and is_pending:
        lines.append(
            f"The web of {deployment['from']} is stopped until the approval or a rollback, because this host has too "
            "little memory for both."
        )
    if deployment["progress"]:
        lines.append("Of {of} tasks {moved} have moved so far.".format(**deployment["progress"]))
    return lines
