# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Celery that runs where the user's lists do not say so: beside a web, or in a service that is in no list."""

from __future__ import annotations

from .._celery.roles import Roles, roles_of_command, roles_of_processes
from .._docker.containers import ROLES, role_of
from .._errors import BluegreenError
from .._linux.processes import processes_of
from .stop import is_celery

LIVE_FIRST = (
    " Start the live color once more in that way, as you started it before: this container is refused for as long as Celery "
    "runs in it."
)


def services_with_celery(containers: list, services: dict) -> list:
    """Services in no list, ignored ones left out, in whose running containers a worker or a beat of Celery works.

    A release that renames, splits or drops a worker service leaves the live color with such ones.
    """
    listed = {name for role in (*ROLES, "ignored") for name in services[role]}
    return sorted({each.service for each in containers if each.running and each.service not in listed and is_celery(each)})


def unlisted_sentence(color: str, names: list) -> str:
    """What is done with them, for the plan."""
    return (
        f"{', '.join(names)} of the live color {color} runs Celery and is in no list: it is stopped with the old workers, "
        "started again by a rollback, and goes with the old color. If a service of this name is to go on, add it to "
        "bluegreen_worker_services."
    )


def dropped_finding(color: str, names: list) -> str:
    """A sentence for a release without workers whose live color has some."""
    return (
        f"bluegreen_worker_services is [], but {', '.join(names)} of the live color {color} runs Celery, and its tasks would "
        "be lost: add the services of the new release that work on its tasks; or, if no task is to run any more, stop these "
        "containers first."
    )


def findings_of_commands(commands: dict, services: dict) -> list:
    """A sentence for each web service whose command starts Celery too.

    :param commands: for each service its entry point and command, a list.
    """
    return [
        _beside_web(f"Service {name} (bluegreen_web_services) starts", roles_of_command(commands[name]))
        for name in services["web"]
        if name in commands and roles_of_command(commands[name]) != Roles()
    ]


def findings_of_webs(containers: list, services: dict, is_live: bool = False) -> list:
    """A sentence for each running web container in which Celery runs too.

    :param is_live: whether they are those of the live color, which a new Compose file alone does not change.
    """
    findings = []
    for container in containers:
        if container.running and role_of(container.service, services) == "web":
            roles = roles_of_processes(processes_of(container.pid))
            if roles != Roles():
                who = f"Container {container.name} (service {container.service}, bluegreen_web_services) runs"
                findings.append(_beside_web(who, roles, is_live))
    return findings


def refuse_celery_in_webs(containers: list, services: dict) -> None:
    """Raise when Celery runs in a web container: an image may start it without a word in the Compose file."""
    findings = findings_of_webs(containers, services)
    if findings:
        raise BluegreenError("\n".join(findings), failure="celery_in_web")


def _beside_web(who: str, roles: Roles, is_live: bool = False) -> str:
    what = " and ".join(f"a Celery {name}" for name in roles.name.split("+"))
    return (
        f"{who} {what} beside the web, and these cannot be stopped while the web still answers, so their tasks would be lost: "
        "give Celery a service of its own in the Compose file (the same image, command: [celery, -A, your_app, worker]), take "
        f"it out of the web's start, and name the new service in bluegreen_worker_services.{LIVE_FIRST if is_live else ''}"
    )
