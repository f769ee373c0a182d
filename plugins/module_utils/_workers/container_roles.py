# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which containers are workers and which are beats (send the periodic tasks)."""

from __future__ import annotations

from typing import Iterable, Mapping, Optional

from .._celery.roles import Roles, roles_named, roles_of_command, roles_of_listed, roles_of_processes
from .._docker.containers import Container
from .._journal.journal import AnyJournal
from .._linux.processes import processes_of


def roles_now(container: Container, noted: Optional[Mapping[str, str]] = None) -> Roles:
    """Roles of a container that the user lists as a worker.

    Its processes show them while it runs; later its service's roles as noted, its command, or names.

    :param noted: names of the roles that services had while they ran, by service; see :func:`with_roles`.
    """
    roles = roles_of_processes(processes_of(container.pid)) if container.running else Roles()
    if roles == Roles() and noted and container.service in noted:
        return roles_named(noted[container.service])
    return roles if roles != Roles() else roles_of_listed(container.service, container.command)


def with_roles(journal: AnyJournal, containers: Iterable[Container], roles: Mapping[str, Roles]) -> dict[str, str]:
    """The journal's ``worker_roles`` with those of some more containers.

    A container that starts Celery by a script shows its roles only while it runs.

    :param roles: by id of the container.
    """
    noted = dict(journal.get("worker_roles") or {})
    for container in containers:
        noted[container.service] = roles[container.id].name
    return noted


def is_celery(container: Container) -> bool:
    """Whether a container is a worker or a beat of Celery; its service may have any name.

    Its processes decide; its command only if no process can be seen.
    """
    processes = processes_of(container.pid) if container.running else []
    return (roles_of_processes(processes) if processes else roles_of_command(container.command)) != Roles()


def is_only_beat(roles: Roles) -> bool:
    """Whether a container sends periodic tasks and does nothing else, so that it can start after the workers."""
    return roles == Roles(worker=False, beat=True)
