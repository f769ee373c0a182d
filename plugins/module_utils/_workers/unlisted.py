# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Celery that runs outside of the services that the user lists as workers: in a web, or in an unlisted service."""

from __future__ import annotations

from typing import Iterable, Mapping, Sequence

from .._celery.roles import Roles, roles_of_command, roles_of_processes
from .._docker.containers import ROLES, Container, role_of
from .._errors import BluegreenError
from .._linux.processes import processes_of
from .._words import agree, joined
from .container_roles import is_celery

_LIVE_FIRST = (
    " Then start the live color again with this change (docker compose -p {project} up -d; if the Compose file uses "
    "BG_COLOR, BG_PORT or BG_RELEASE, set these variables to what the color runs with): the deployment is refused as "
    "long as Celery runs in this container."
)

# Names of services by role.
Services = Mapping[str, Sequence[str]]


def services_with_celery(containers: Iterable[Container], services: Services) -> list[str]:
    """Services in no list, not even an ignored one, whose running containers are a worker or a beat of Celery.

    The live color has such services if the new release renames, splits or drops a worker service.
    """
    listed = {name for role in (*ROLES, "ignored") for name in services[role]}
    unlisted = [each for each in containers if each.running and each.service not in listed]
    return sorted({each.service for each in unlisted if is_celery(each)})


def unlisted_sentence(color: str, names: Sequence[str]) -> str:
    """What the deployment does with these services, for the plan."""
    return (
        f"{joined(names)} of the live color {color} {agree(names, 'runs', 'run')} Celery, but no list of services "
        f"names {agree(names, 'this service. It is', 'these services. They are')} stopped with the old workers, "
        "started again by a rollback, and removed with the old color. If the new release has "
        f"{agree(names, 'a service of this name', 'services of these names')} too, add "
        f"{agree(names, 'this name', 'these names')} to bluegreen_worker_services."
    )


def dropped_finding(color: str, names: Sequence[str]) -> str:
    """A sentence for a release without workers whose live color has some."""
    return (
        f"The release has no worker services, but {joined(names)} of the live color {color} "
        f"{agree(names, 'runs', 'run')} Celery, and {agree(names, 'its', 'their')} tasks would be lost: write "
        "those services of the new release that run these tasks into bluegreen_worker_services; or, if you do not need "
        f"the tasks, stop {agree(names, 'this container', 'these containers')} first."
    )


def findings_of_commands(commands: Mapping[str, Sequence[str]], services: Services) -> list[str]:
    """A sentence for each web service whose command starts Celery too.

    :param commands: entry point and command of each service.
    """
    return [
        _beside_web(f"Service {name} (bluegreen_web_services) starts", roles_of_command(commands[name]))
        for name in services["web"]
        if name in commands and roles_of_command(commands[name]) != Roles()
    ]


def findings_of_webs(containers: Iterable[Container], services: Services, is_live: bool = False) -> list[str]:
    """A sentence for each running web container in which Celery runs too.

    :param is_live: whether the containers are those of the live color, which a new Compose file alone does not change.
    """
    findings = []
    for container in containers:
        if container.running and role_of(container.service, services) == "web":
            roles = roles_of_processes(processes_of(container.pid))
            if roles != Roles():
                who = f"Container {container.name} (service {container.service}, bluegreen_web_services) runs"
                findings.append(_beside_web(who, roles))
                if is_live:
                    findings[-1] += _LIVE_FIRST.format(project=container.project)
    return findings


def refuse_celery_in_webs(containers: Iterable[Container], services: Services) -> None:
    """Raise when Celery runs in a web container: an image may start it although the Compose file does not show that."""
    findings = findings_of_webs(containers, services)
    if findings:
        raise BluegreenError("\n".join(findings), failure="celery_in_web")


def _beside_web(who: str, roles: Roles) -> str:
    what = " and ".join(f"a Celery {name}" for name in roles.name.split("+"))
    return (
        f"{who} {what} beside the web. Celery cannot be stopped there while the web still answers, so its tasks "
        "would be lost: give Celery a service of its own in the Compose file (the same image, command: [celery, -A, "
        "your_app, worker]), remove Celery from the web's start, and name the new service in bluegreen_worker_services."
    )
