# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether the app runs already, started by hand, and the sentences that tell how to adopt it.

The decisions and the lines to write are in :mod:`adoption`; here the host is asked.
"""

from __future__ import annotations

from typing import Callable

from .._errors import BluegreenError
from .._linux.own_addresses import is_own
from . import adoption, adoption_routes, port_holders
from .adoption import App
from .situation import Situation


def findings(situation: Situation) -> list[str]:
    """Sentences where the app runs by hand and no color is live; only a warning where a color can be made beside it."""
    if situation.live:
        return []
    settings, src, apps = situation.settings, situation.params["project_src"], running_apps(situation)
    if adoption.recognize(apps, settings, adoption_routes.UNKNOWN) is None:
        return []
    try:
        ways = adoption_routes.of_seen(situation.seen)
    except BluegreenError as error:
        # Only Nginx tells which app visitors use, and it was not found.
        return [error.message]
    found = adoption.recognize(apps, settings, ways)
    if found is None:
        return []
    by_hand = _is_written_by_hand(situation, apps)
    finding = adoption.finding(found, settings, ways, src, _taken(situation), by_hand)
    if not finding:
        situation.host.warn(adoption.beside(found, src))
    return [finding] if finding else []


def findings_of_file(situation: Situation) -> list[str]:
    """Sentences where the file sends requests to a running app that the settings know as no color."""
    servers = situation.upstream.servers if situation.upstream else []
    active = [server for server in servers if not server.backup and not server.down]
    host, _colon, port = active[0].address.rpartition(":") if len(active) == 1 else ("", "", "")
    if not port.isdigit() or not is_own(host):
        return []
    return findings_of_port(situation, "", int(port), "")


def findings_of_port(situation: Situation, color: str, port: int, project: str) -> list[str]:
    """Sentences where a running app has the port that the file names.

    :param color: the color that the file names by this port, empty when it names neither.
    :param project: the Compose project of that color, which is not one to adopt.
    """
    for app in running_apps(situation):
        if port in app.ports and app.project != project:
            return [adoption.of_file(app, color, port, situation.settings, _taken(situation))]
    return []


def warn_of_served(situation: Situation) -> None:
    """Warn where Nginx does not pass to the upstream yet: it has no server before the first deployment."""
    try:
        ways = adoption_routes.of_seen(situation.seen)
    except BluegreenError:
        # Nginx is not found, and the deployment is refused for that.
        return
    if situation.nginx.upstream in ways.targets:
        return
    listeners = {way.place: (way.port, port_holders.process_on(way.port)) for way in ways.found if is_own(way.host)}
    served = {place: listener for place, listener in listeners.items() if listener[1]}
    sentence = adoption.without_live_color(situation.settings, served)
    if sentence:
        situation.host.warn(sentence)


def running_apps(situation: Situation) -> list[App]:
    """The Compose projects of this host whose web runs."""
    return adoption.running_apps(situation.host.engine.containers(), situation.web, situation.params["project_src"])


def _is_written_by_hand(situation: Situation, apps: list[App]) -> bool:
    """Whether the playbook prepare would not write a live color: somebody else wrote the file, or both colors run."""
    both = {app.project for app in apps} >= set(situation.settings.projects.values())
    return both or bool(situation.upstream and not situation.upstream.owned)


def _taken(situation: Situation) -> Callable[[int], bool]:
    """Tells of a port whether it belongs to anything but the two colors."""
    engine, projects = situation.host.engine, situation.settings.projects.values()
    return lambda port: port_holders.is_taken(engine, port, projects)
