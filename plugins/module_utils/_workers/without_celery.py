# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Containers that still run although their Celery has ended, because of another program such as ``tail -f``."""

from __future__ import annotations

from typing import Iterable, Sequence

from .._celery.roles import Roles, main_processes, roles_of_command
from .._docker.containers import Container
from .._host import Host
from .._linux.clock import seconds_of
from .._linux.processes import processes_of, processes_of_each
from .._process import Process

# Seconds after its start in which a container is not judged: a script may wait, for a database for example, before it
# starts Celery.
BOOT_SECONDS = 120


def has_lost(command: Sequence[str], processes: Sequence[Process]) -> bool:
    """Whether a container's command starts Celery, and none of its processes is Celery. Pure.

    Never true if the command does not show Celery, because the worker may be another program, or if no process can be
    seen.
    """
    return bool(processes) and roles_of_command(command) != Roles() and not main_processes(processes)


def has_lost_celery(container: Container) -> bool:
    """The same of a container as it is now."""
    return has_lost(container.command, processes_of(container.pid))


def without_celery(host: Host, containers: Iterable[Container]) -> set[str]:
    """Ids of the worker containers that run without their Celery; ``/proc`` is read once for all of them."""
    asked = [
        each
        for each in containers
        if each.status == "running" and roles_of_command(each.command) != Roles() and not _boots(host, each)
    ]
    processes = processes_of_each([each.pid for each in asked]) if asked else {}
    return {each.id for each in asked if has_lost(each.command, processes.get(each.pid, []))}


def _boots(host: Host, container: Container) -> bool:
    started = seconds_of(f"{container.started_at[:19]}Z")
    return started is None or host.clock.wall() - started < BOOT_SECONDS
