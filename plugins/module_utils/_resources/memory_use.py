# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How much memory containers hold, by their control groups, or by their processes where the kernel counts no groups."""

from __future__ import annotations

from typing import Iterable

from .._celery.roles import main_processes
from .._docker.containers import Container
from .._docker.engine import Engine, EngineError
from .._linux.control_group import memory_stats
from .._linux.processes import processes_of, processes_of_each, shared_fairly, status_of


def memory_of(engine: Engine, containers: Iterable[Container]) -> int:
    """Bytes that running containers hold, without the file cache, which the kernel frees when it needs to."""
    return sum(_held(engine, container) for container in containers if container.running)


def _held(engine: Engine, container: Container) -> int:
    stats = memory_stats(container)
    if stats is None:
        try:
            stats = engine.stats(container.id).get("memory_stats") or {}
        except EngineError:
            stats = {}
    if not stats.get("usage"):
        # Raspberry Pi OS turns control groups for memory off by default.
        return sum(shared_fairly(process.pid) for process in processes_of(container.pid))
    cache = stats.get("stats") or {}
    held: int = stats["usage"] - cache.get("total_inactive_file", cache.get("inactive_file", 0))
    return held


def app_of(workers: Iterable[Container]) -> int:
    """Bytes that the app holds once loaded: those of the largest main process of running workers, 0 without one."""
    each = processes_of_each([container.pid for container in workers if container.running]).values()
    return max([0, *(_resident(process.pid) for found in each for process in main_processes(found) or found)])


def _resident(pid: int) -> int:
    for line in status_of(pid).splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0
