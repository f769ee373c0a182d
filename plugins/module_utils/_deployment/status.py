# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Everything that a host shows of an app. Reads only."""

from __future__ import annotations

import contextlib

from .. import _http
from .._broker import detect as broker_detect, queues as broker_queues
from .._celery.task_names import listed
from .._docker.containers import of_project, role_of
from .._errors import BluegreenError
from .._journal.figures import sentence
from .._journal.live_since import live_since
from .._journal.store import JournalCorrupt
from .._linux.clock import timestamp
from .._nginx import upstream as nginx_upstream
from .._resources import host as host_resources
from .._settings import other, settings_of
from .._snapshot.file import kept_color
from .._validation import COLORS, check_url
from .._workers.without_celery import without_celery
from .color import Color

HISTORY = 20
# What visitors wait for an answer at most before they count as without one, in seconds.
ANSWER_TIMEOUT = 5.0


def info(host, store, params):
    """What bg_info returns."""
    settings = settings_of(params)
    live, upstream = _live(host, settings)
    if live:
        settings = _with_broker(host, settings, params, live)
        _ask_public(host, settings.nginx)
    kept = kept_color(store) or {}
    colors, queues, held = {}, {}, {}
    both = {name: Color(host, settings, name) for name in COLORS}
    lost = without_celery(host, [container for color in both.values() for container in color.of("workers")])
    for name, color in both.items():
        release = upstream.release if upstream and name == live else kept.get("release", "") if kept.get("color") == name else ""
        colors[name] = {
            "project": color.project,
            "port": settings.ports[name],
            "release": release,
            "health": _health(color.of("web")),
            "containers": [_container(container, settings, container.id in lost) for container in color.containers],
            "missing": _missing(color, settings) if name == live else [],
        }
        queues[name], held[name] = _queues(host, color)
    journal, history = _journal(host, store), store.history()
    result = {
        "changed": False,
        "app": settings.app,
        "live": live,
        "idle": other(live) if live else "",
        "release": colors[live]["release"] if live else "",
        "since": live_since(live, journal, history) if live else "",
        "colors": colors,
        "queues": queues,
        "held": held,
        "deployment": _deployment(journal) if journal else None,
        "history": history[-HISTORY:],
        "resources": host_resources.resources(host_resources.docker_root_of(host.engine) or "/"),
        # Whoever reads the result elsewhere has not seen the warnings.
        "problems": list(host.warnings),
    }
    result["summary"] = summary(settings.app, result)
    return result


def _live(host, settings):
    """``(live color or "", parsed upstream or None)``; what cannot be read is warned of, for this only shows."""
    nginx = settings.nginx
    try:
        with open(nginx["file"], encoding="utf-8", errors="replace") as source:
            upstream = nginx_upstream.parse(source.read(), nginx["file"], nginx["upstream"])
        return nginx_upstream.live_color(upstream, nginx["servers"], nginx["file"]) or "", upstream
    except FileNotFoundError:
        return "", None
    except BluegreenError as error:
        host.warn(error.message)
        return "", None


def _ask_public(host, nginx):
    """Warn when visitors get no answer: the file names a color, whether Nginx runs or not."""
    url = check_url("bluegreen_public_url", nginx["public_url"])
    answer = _http.ask(host.clock, url, nginx["public_host"], ANSWER_TIMEOUT, nginx["validate_certs"])
    if answer.failure:
        host.warn(f"Visitors get no answer from {nginx['public_url']}: {answer.failure}.")
    elif answer.status in (502, 503, 504):
        # Nginx's own words for a web that does not answer.
        host.warn(f"Visitors get status {answer.status} from {nginx['public_url']}.")


def _with_broker(host, settings, params, live):
    """The settings with the broker that the live color's containers name; what they leave open is left as it is."""
    services = broker_detect.of_containers(of_project(host.engine, settings.projects[live]))
    given = {**settings.broker, "mode": (params["broker"] or {}).get("mode") or "auto"}
    with contextlib.suppress(BluegreenError):
        choice = broker_detect.choose(given, settings.services, {live: services})
        return settings._replace(broker={**settings.broker, "mode": choice.mode, "service": choice.service})
    return settings


def _health(web):
    """One word for the web of a color."""
    if not web:
        return "absent"
    if not all(container.running for container in web):
        return "stopped"
    return "unhealthy" if any(container.health == "unhealthy" for container in web) else "running"


def _missing(color, settings):
    """Services of a color that have no container; those of init have done their work, and may have none any more."""
    there = {container.service for container in color.containers}
    roles = {role: settings.services[role] for role in ("support", "web", "workers")}
    return [{"service": name, "role": role} for role, names in roles.items() for name in names if name not in there]


def _container(container, settings, without_celery):
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
        "without_celery": without_celery,
    }


def _state(container):
    if container["without_celery"]:
        return "running without Celery"
    # The engine keeps the last word of a health check of a container that has stopped.
    return container["health"] or "running" if container["status"] == "running" else container["status"]


def _queues(host, color):
    """Messages of a color's broker per queue, and of those that are held per task; ``None`` when it cannot be asked."""
    try:
        with color.broker() as broker:
            if broker is None:
                return None, None
            queues = broker_queues.count_messages(broker)
            return queues, broker_queues.held_tasks(broker) if broker_queues.HELD in queues else {}
    except BluegreenError as error:
        host.warn(error.message)
        return None, None


def _journal(host, store):
    try:
        return store.load()
    except JournalCorrupt as error:
        host.warn(error.message)
        return None


def _deployment(journal):
    return {
        "id": journal["id"],
        "who": journal["who"],
        "since": timestamp(journal["opened_at"]),
        "step": journal["step"],
        "release": journal["release"],
        "from": journal["from"],
        "to": journal["to"],
        "going_back": journal["back"],
        "result": journal["result"],
        "reason": journal["reason"],
        "held_by": journal.get("held_by") or [],
        "not_taken_back": journal.get("not_taken_back") or "",
        "old_web": journal.get("old_web") or "running",
        "progress": journal.get("progress"),
        "owner_alive": journal["step"] != "awaiting_approval" and journal.has_owner(),
    }


def summary(app, facts):
    """The same for people, a line a fact."""
    live = facts["live"]
    release = f" with release {facts['release']}" if facts["release"] else ""
    lines = [f"{app}: {live} is live{release}." if live else f"{app}: no color is live."]
    for name, color in facts["colors"].items():
        if color["containers"]:
            states = ", ".join(f"{each['service']} {_state(each)}" for each in color["containers"])
            lines.append(f"{name} ({color['project']}): {states}.")
        waiting = {queue: count for queue, count in (facts["queues"][name] or {}).items() if queue != broker_queues.HELD}
        if waiting:
            counts = ", ".join(f"{count} in {queue}" for queue, count in sorted(waiting.items()))
            lines.append(f"{name}: tasks wait: {counts}.")
        if facts["held"][name]:
            lines.append(
                f"{name}: tasks are held that the workers do not register: {listed(facts['held'][name])}. They go on "
                "with the next release that registers them, or with bluegreen_unknown_tasks: move."
            )
    deployment = facts["deployment"]
    if deployment:
        step = "awaits approval" if deployment["step"] == "awaiting_approval" else f"is in step {deployment['step']}"
        lines.append(
            f"Deployment {deployment['id']} of release {deployment['release'] or '(none)'} by {deployment['who']} {step} "
            f"since {deployment['since']}."
        )
        if deployment["not_taken_back"]:
            lines.append(f"Its time for the approval is over; not taken back, because {deployment['not_taken_back']}.")
        if deployment["old_web"] == "stopped" and deployment["step"] == "awaiting_approval":
            lines.append(f"The web of {deployment['from']} is stopped until then, because this host cannot hold both.")
        if deployment["progress"]:
            lines.append("Of {of} tasks {moved} have moved so far.".format(**deployment["progress"]))
    if facts["history"]:
        last = facts["history"][-1]
        lines.append(f"Last: release {last['release'] or '(none)'} {last['result']} at {last['ended']}.")
        cost = sentence(last)
        if cost:
            lines.append(cost)
    return lines
