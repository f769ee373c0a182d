# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Containers that go on running while the Celery that they were started for has ended, such as a ``tail -f`` beside it."""

from __future__ import annotations

from .._celery.roles import Roles, main_processes, roles_of_command
from .._linux.clock import seconds_of
from .._linux.processes import processes_of_each

# A script may wait for a database, say, before it starts Celery.
BOOT_SECONDS = 120


def has_lost(command: list, processes: list) -> bool:
    """Whether a container's command starts Celery, and none of its processes is one. Pure.

    Where the command does not show it, or no process can be seen, nobody can tell: a worker may be another program's.
    """
    return bool(processes) and roles_of_command(command) != Roles() and not main_processes(processes)


def without_celery(host, containers: list) -> set:
    """Ids of those of some worker containers that run without their Celery; one look at ``/proc`` for all of them."""
    asked = [
        each
        for each in containers
        if each.status == "running" and roles_of_command(each.command) != Roles() and not _boots(host, each)
    ]
    processes = processes_of_each([each.pid for each in asked]) if asked else {}
    return {each.id for each in asked if has_lost(each.command, processes.get(each.pid, []))}


def _boots(host, container) -> bool:
    started = seconds_of(f"{container.started_at[:19]}Z")
    return started is None or host.clock.wall() - started < BOOT_SECONDS
