# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""An app that runs already, started by hand, while no color is live: which lines make it the live color. Pure.

It is recognized by the folder of its Compose files, by the name of a color's project, or by a color's port. An app that
Nginx serves is never to be stopped: it is adopted where it stands. :mod:`adoption_routes` tells where Nginx sends
requests.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Collection, Iterable, Iterator, Mapping, NamedTuple, Optional

from .._commands import command
from .._docker.containers import ONEOFF_LABEL, PROJECT_LABEL, SERVICE_LABEL
from .._settings import Settings
from .._validation import COLORS, HIGHEST_PORT, LOWEST_PORT
from .adoption_routes import Line, Way, Ways

FOLDER_LABEL = "com.docker.compose.project.working_dir"
FILES_LABEL = "com.docker.compose.project.config_files"
RELOAD = "nginx -t && systemctl reload nginx"
_UNKNOWN = "the Nginx configuration uses a variable, or is broken"


class App(NamedTuple):
    """A Compose project whose web runs.

    :ivar container: name of the container of its web.
    :ivar ports: the ports that it publishes on the host, in order.
    :ivar names: ``{(name, port)}`` by which an Nginx in a container may reach it.
    :ivar own: whether it was made from the Compose files of the app that is deployed.
    """

    project: str
    container: str
    ports: tuple[int, ...]
    names: frozenset[tuple[str, int]]
    own: bool


class Found(NamedTuple):
    """An app that may be the one to adopt, the ways of Nginx to it, and the color that it would be, with its port."""

    app: App
    ways: tuple[Way, ...]
    color: str
    port: int


# Recognizing


def running_apps(summaries: Iterable[Mapping[str, Any]], web: str, src: str) -> list[App]:
    """Each project whose web runs.

    :param summaries: of all containers, as the engine lists them.
    :param web: name of the service that answers HTTP.
    :param src: folder of the Compose files.
    """
    apps: dict[str, App] = {}
    for summary in summaries:
        labels = summary.get("Labels") or {}
        project = labels.get(PROJECT_LABEL)
        if (
            summary.get("State") != "running"
            or not project
            or labels.get(SERVICE_LABEL) != web
            or labels.get(ONEOFF_LABEL, "False") == "True"
            or project in apps
        ):
            continue
        ports = summary.get("Ports") or ()
        # A container that is just being removed has no name any more.
        name = ((summary.get("Names") or [""])[0] or summary.get("Id", "")).lstrip("/")
        apps[project] = App(
            project,
            name,
            tuple(sorted({port["PublicPort"] for port in ports if port.get("PublicPort")})),
            frozenset((name, port["PrivatePort"]) for port in ports if port.get("PrivatePort")),
            _is_made_from(labels, src),
        )
    return list(apps.values())


def _is_made_from(labels: Mapping[str, str], src: str) -> bool:
    src = os.path.normpath(src)
    files = (labels.get(FILES_LABEL) or "").split(",")
    return os.path.normpath(labels.get(FOLDER_LABEL) or "/") == src or any(
        os.path.dirname(os.path.normpath(file)) == src for file in files if file
    )


def recognize(apps: Iterable[App], settings: Settings, ways: Ways) -> Optional[Found]:
    """The running app that is the one of these settings, ``None`` without one; one that Nginx serves comes first."""
    found = [
        _found(app, settings, ways)
        for app in apps
        if app.own or app.project in settings.projects.values() or set(app.ports) & set(settings.ports.values())
    ]
    return min(found, key=lambda each: (not each.ways, not each.app.own, each.app.project), default=None)


def _found(app: App, settings: Settings, ways: Ways) -> Found:
    to_it = tuple(ways.to(app.ports, _names(app, settings)))
    color = next((color for color in COLORS if settings.projects[color] == app.project), "")
    served = [way.port for way in to_it if way.port in app.ports]
    candidates = [color] if color else COLORS
    known = [settings.ports[each] for each in candidates if settings.ports[each] in app.ports]
    port = next(iter([*served, *known, *app.ports]), 0)
    color = color or next((each for each in COLORS if settings.ports[each] == port), COLORS[0])
    return Found(app, to_it, color, port)


def is_in_the_way(found: Found, settings: Settings) -> bool:
    """Whether a color cannot be made beside it."""
    return found.app.project in settings.projects.values() or bool(set(found.app.ports) & set(settings.ports.values()))


# The lines to write


class Upstream(NamedTuple):
    """The upstream to adopt the app with, and its file; ``theirs``: the user has it already, with the app's server."""

    name: str
    file: str
    theirs: bool


def upstream_of(found: Found, settings: Settings, ways: Ways) -> Upstream:
    """The upstream to adopt the app with: the user's own if its file holds nothing else, otherwise a new one."""
    name, file = settings.nginx.upstream, settings.nginx.file
    # In a container the file has another path than on the host.
    if not settings.nginx.container:
        for way in found.ways:
            if way.upstream and ways.alone.get(way.upstream) == way.defined:
                return Upstream(way.upstream, way.defined, True)
    if any(place != file for place in ways.upstreams.get(name, ())):
        name += "_live"
    return Upstream(name, file, False)


def variables(found: Found, settings: Settings, upstream: Upstream, taken: Callable[[int], bool]) -> list[str]:
    """The variables that make the running project a color, as lines of an inventory; correct ones are left out.

    :param taken: called with a port, whether something on this host has it.
    """
    idle = COLORS[1 - COLORS.index(found.color)]
    projects, ports = dict(settings.projects), dict(settings.ports)
    projects[found.color], ports[found.color] = found.app.project, found.port
    if projects[idle] == found.app.project:
        projects[idle] = f"{settings.app}-{idle}"
    while (ports[idle] == found.port or taken(ports[idle])) and ports[idle] < HIGHEST_PORT:
        ports[idle] += 1
    lines = []
    for name, given, before in (
        ("bluegreen_projects", projects, settings.projects),
        ("bluegreen_ports", ports, settings.ports),
    ):
        if given != before:
            lines.append(f"{name}: {{{', '.join(f'{color}: {given[color]}' for color in COLORS)}}}")
    servers = _servers(found, settings, projects, idle)
    if servers != settings.nginx.servers and servers:
        written = [f'{color}: "{servers[color]}"' for color in COLORS]
        lines.append(f"bluegreen_nginx_servers: {{{', '.join(written)}}}")
    if upstream.name != settings.nginx.upstream:
        lines.append(f"bluegreen_nginx_upstream: {upstream.name}")
    if upstream.file != settings.nginx.file:
        lines.append(f"bluegreen_nginx_file: {upstream.file}")
    return lines


def _servers(found: Found, settings: Settings, projects: Mapping[str, str], idle: str) -> dict[str, str]:
    """``{color: "name:port"}`` as an Nginx in a container reaches the colors; none if it uses the host's ports."""
    inside = [way.port for way in found.ways if (way.host, way.port) in _names(found.app, settings)]
    if not inside:
        return {}
    web = settings.services["web"][0]
    return {found.color: f"{found.app.container}:{inside[0]}", idle: f"{projects[idle]}-{web}-1:{inside[0]}"}


def _names(app: App, settings: Settings) -> Collection[tuple[str, int]]:
    """``{(name, port)}`` by which an Nginx in a container reaches the app's web, by container and by service."""
    web = settings.services["web"][0]
    if not settings.nginx.container:
        return frozenset()
    return app.names | {(web, port) for _name, port in app.names}


def edits(found: Found, upstream: Upstream) -> list[Line]:
    """The lines to write into the user's files of Nginx."""
    lines: list[Line] = []
    for way in found.ways:
        if not (upstream.theirs and way.upstream == upstream.name):
            lines += [line for line in way.through(upstream.name) if line not in lines]
    return lines


# The finding


def finding(found: Found, settings: Settings, ways: Ways, src: str, taken: Callable[[int], bool], by_hand: bool) -> str:
    """How to adopt the app, as one finding with the lines to write; empty where the app does not keep a deployment out.

    :param taken: called with a port, whether something on this host has it.
    :param by_hand: whether the playbook prepare leaves the file as it is: somebody else wrote it, or both colors run.
    """
    app = found.app
    what = f"Project {app.project} runs the app of {src} already" if app.own else f"Project {app.project} runs already"
    if not found.ways and ways.complete and not is_in_the_way(found, settings):
        return ""
    if found.port < LOWEST_PORT:
        published = (
            f"port {found.port}, but a color needs one that is {LOWEST_PORT} or higher"
            if found.port
            else "no port, but a color needs one"
        )
        return (
            f"{what}, and its container {app.container} publishes {published}: at a quiet time, publish a port such as "
            "127.0.0.1:8000 in its Compose file, start it again, let Nginx pass requests to that port, and then deploy."
        )
    upstream = upstream_of(found, settings, ways)
    served = ", ".join(dict.fromkeys(way.place for way in found.ways))
    begin = f"{what} ({app.container} publishes port {found.port})"
    if served:
        begin += f", and Nginx sends requests to it ({served}), but "
    elif ways.complete:
        begin += ", and nothing in the Nginx configuration sends requests to it; "
    else:
        begin += f", and it is unknown whether Nginx sends requests to it ({_UNKNOWN}); "
    begin += f"{settings.nginx.file} names no live color: leave the app running, and adopt it as {found.color}"
    end = "Then deploy again."
    if not served:
        whose = (
            "nobody uses it any more" if ways.complete else f"you are sure that Nginx does not use port {found.port}"
        )
        end += f" If {whose}, stop it instead (docker compose -p {app.project} stop)."
    return "\n".join([f"{begin}.", *_numbered(_steps(found, settings, ways, upstream, taken, by_hand)), end])


def _steps(
    found: Found, settings: Settings, ways: Ways, upstream: Upstream, taken: Callable[[int], bool], by_hand: bool
) -> Iterator[list[str]]:
    lines = variables(found, settings, upstream, taken)
    if lines:
        yield ["Write into the inventory:", *lines]
    if by_hand and not upstream.theirs:
        yield [
            f"Write this and nothing else into {upstream.file} ({command('prepare')} does not write it here):",
            f"upstream {upstream.name} {{ server 127.0.0.1:{found.port}; }}",
        ]
    elif not upstream.theirs:
        block = " with bluegreen_prepare_server_block: false, since your own server block stays" if found.ways else ""
        yield [
            f"Run {command('prepare')}{block}. The playbook writes {found.color} as the live color into "
            f"{upstream.file}, and does not reload Nginx."
        ]
    changes = edits(found, upstream)
    reload = f"Check and reload Nginx: {RELOAD}"
    if settings.nginx.container:
        name = settings.nginx.container
        reload = f"Check and reload Nginx: docker exec {name} nginx -t && docker exec {name} nginx -s reload"
    for line in changes:
        yield [f"At {line.place} write", line.new, f"in place of {line.old}"]
    if not found.ways and upstream.name not in ways.targets:
        yield [f"In the server block of this app write proxy_pass http://{upstream.name};"]
    if changes or not upstream.theirs:
        yield [reload]


def _numbered(steps: Iterable[list[str]]) -> Iterator[str]:
    for number, (first, *rest) in enumerate(steps, 1):
        yield f"{number}. {first}"
        yield from rest


def of_file(app: App, color: str, port: int, settings: Settings, taken: Callable[[int], bool]) -> str:
    """How to make a running app the live color, where the owned file sends requests to it already.

    :param color: the color whose port the file names, empty when it is the port of neither.
    """
    file = settings.nginx.file
    color = color or next((each for each in COLORS if settings.projects[each] == app.project), COLORS[0])
    found = Found(app, (), color, port)
    lines = variables(found, settings, Upstream(settings.nginx.upstream, file, True), taken)
    first = (
        f"{file} sends requests to port {port}, which {app.container} of project {app.project} publishes, but no color "
        f"has this project and this port: leave the app running, and make it {found.color}, the live color. Write "
        "into the inventory:"
    )
    return "\n".join([first, *lines, "Then deploy again."])


def served_idle(color: str, project: str, port: int, places: Collection[str], settings: Settings) -> str:
    """A finding for an idle color that runs, and to which Nginx sends requests past the upstream, or may do so.

    :param places: the lines of Nginx that do, as ``file:line``; empty when that is unknown.
    """
    begin = f"According to {settings.nginx.file}, color {color} is idle, but project {project} runs, and "
    if not places:
        return begin + (
            f"it is unknown whether Nginx sends requests to its port {port} ({_UNKNOWN}): look for that port in nginx "
            f"-T, and stop the project (docker compose -p {project} stop) only if Nginx does not use it."
        )
    return begin + (
        f"Nginx sends requests to port {port} of that project ({', '.join(places)}): leave the project running, write "
        f"http://{settings.nginx.upstream} there in place of the address with port {port}, reload Nginx ({RELOAD}), "
        "and stop the project only after that."
    )


def without_live_color(settings: Settings, served: Mapping[str, tuple[int, str]]) -> str:
    """A warning before a line of Nginx is changed while no color is live; empty where none serves anything.

    :param served: for each place (``file:line``), the port that it sends requests to, and the process that listens
        there.
    """
    if not served:
        return ""
    places = ", ".join(f"{place} (port {port}: {listener})" for place, (port, listener) in served.items())
    return (
        f"No color is live yet, so requests that Nginx passes to http://{settings.nginx.upstream} get a 502 until the "
        f"first deployment has switched Nginx: if visitors reach this app through {places} now, change that only when "
        "they can wait that long."
    )


def beside(found: Found, src: str) -> str:
    """A warning of an app that runs beside the two colors, and does not keep a deployment out."""
    return (
        f"Project {found.app.project} runs from {src} too ({found.app.container}), beside the two colors, and nothing "
        "in the Nginx configuration sends requests to it: if it is this app, started by hand earlier, its workers keep "
        "working until you stop it."
    )
