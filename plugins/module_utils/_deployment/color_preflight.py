# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether the live color runs where Nginx sends requests, and whether the place of the idle color is free."""

from __future__ import annotations

from .._broker import detect as broker_detect
from .._commands import command
from .._words import agree, joined
from .._workers import finish_container, unlisted
from . import adoption, adoption_preflight, adoption_routes, port_holders
from .situation import Situation


def live_findings(situation: Situation) -> list[str]:
    """Sentences where the web of the live color does not run."""
    if not situation.live:
        return []
    project, port = situation.settings.projects[situation.live], situation.settings.ports[situation.live]
    if any(each.running for each in situation.live_containers if each.service == situation.web):
        return []
    found = adoption_preflight.findings_of_port(situation, situation.live, port, project)
    if found:
        return found
    holder = port_holders.container_on(situation.host.engine, port)
    if holder:
        return [
            f"Nginx sends requests to {situation.live} (port {port}), which container {port_holders.name_of(holder)} "
            f"of project {port_holders.project_of(holder) or '(none)'} publishes, but the "
            f"inventory has project {project!r} (bluegreen_projects.{situation.live}) and web service "
            f"{situation.web!r} (the first of bluegreen_web_services): set both to what runs."
        ]
    return [
        f"Nginx sends requests to {situation.live} (port {port}), but service {situation.web} of project {project} "
        f"does not run: start it, or, if no color is to be live, remove {situation.nginx.file} and run "
        f"{command('prepare')}."
    ]


def idle_findings(situation: Situation) -> list[str]:
    """Sentences where the idle color runs, or where something else has its port."""
    project, port = situation.settings.projects[situation.idle], situation.settings.ports[situation.idle]
    running = _running_services(situation)
    if situation.web in running:
        ways = adoption_routes.of_seen(situation.seen)
        past = [way.place for way in ways.to((port,)) if way.upstream != situation.nginx.upstream]
        if past or not ways.complete:
            places = list(dict.fromkeys(past))
            return [adoption.served_idle(situation.idle, project, port, places, situation.settings)]
    if running:
        names = sorted(set(running))
        return [
            f"Color {situation.idle} is idle, but {joined(names)} of project {project} {agree(names, 'runs', 'run')}: "
            f"stop {agree(names, 'it', 'them')} first (docker compose -p {project} stop {' '.join(names)})."
        ]
    return _port_findings(situation, project, port)


def _running_services(situation: Situation) -> list[str]:
    """Services of the idle color that keep it from being created anew."""
    services = situation.settings.services
    # No color starts an ignored service, so no color may stop it: it may be the database of an adopted app.
    allowed, workers = (*services["support"], *services["ignored"]), services["workers"]
    return [
        each.service
        for each in situation.containers[situation.idle]
        # A worker that outlived its deployment is over when its Celery is; fetch removes the frozen container.
        if each.running
        and each.service not in allowed
        and not (each.service in workers and finish_container.is_over(each))
    ]


def _port_findings(situation: Situation, project: str, port: int) -> list[str]:
    variable, holder = f"bluegreen_ports.{situation.idle}", port_holders.container_on(situation.host.engine, port)
    if holder is None:
        process = port_holders.process_on(port)
        return [f"{variable} is {port}, but {process} listens on that port: choose another port."] if process else []
    name, service = port_holders.name_of(holder), port_holders.service_of(holder)
    if port_holders.project_of(holder) != project:
        return [f"{variable} is {port}, but container {name} holds that port: choose another port."]
    if service in situation.settings.services["ignored"]:
        return [
            f"{variable} is {port}, but container {name} (service {service}, bluegreen_ignored_services) holds that "
            "port: give the container another port in the Compose file, or choose another one for the color."
        ]
    return []


def celery_findings(situation: Situation) -> list[str]:
    """Sentences where Celery of the live color runs in services whose tasks could not be kept.

    Services that run Celery and are in no list become ``old_workers`` of the situation.
    """
    live, services = situation.live_containers, situation.settings.services
    findings = list(unlisted.findings_of_webs(live, services, is_live=True))
    if not findings and situation.renderings.models:
        commands = {name: each.command for name, each in broker_detect.of_rendering(situation.model).items()}
        findings += unlisted.findings_of_commands(commands, services)
    if situation.undecided_services:
        # Until each service has a role, nobody knows which workers of the live color the new one leaves out.
        return findings
    situation.old_workers = unlisted.services_with_celery(live, services)
    if situation.old_workers and not services["workers"]:
        findings.append(unlisted.dropped_finding(situation.live, situation.old_workers))
    elif situation.old_workers and not situation.kept:
        situation.host.warn(unlisted.unlisted_sentence(situation.live, situation.old_workers))
    return findings
