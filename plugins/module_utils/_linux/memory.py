# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The memory of a host: what is left, and what is in use."""

from __future__ import annotations

from typing import NamedTuple


class Memory(NamedTuple):
    """Bytes that are left, and bytes in use without the file cache."""

    room: int
    used: int


def available_memory() -> int:
    """Memory for new processes in bytes: the kernel's estimate, or less if the host is a container with a limit."""
    return memory().room


def used_memory() -> int:
    """Bytes in use without the file cache, of the machine or of the cgroup around it, whichever has less left."""
    return memory().used


def memory() -> Memory:
    """The memory of the machine, or of the cgroup around it, whichever has less left."""
    return min(_of_both())


def _of_both() -> list[Memory]:
    """The memory of the machine, and of the cgroup around it if that has a limit."""
    with open("/proc/meminfo", encoding="ascii") as source:
        fields = dict(line.split(":", 1) for line in source)
    # The host may be a container (LXC) that shows only some of the kernel's fields.
    free_name = "MemAvailable" if "MemAvailable" in fields else "MemFree"
    total, free = (int(fields[name].split()[0]) * 1024 for name in ("MemTotal", free_name))
    return [Memory(free, total - free), *_cgroup_memory()]


def _cgroup_memory() -> list[Memory]:
    """The memory of the root cgroup that this host sees, because the host may be a container itself."""
    found = []
    for limit_file, usage_file, stat_file, prefix in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat", ""),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
            "/sys/fs/cgroup/memory/memory.stat",
            "total_",
        ),
    ):
        try:
            limit, usage = _number(limit_file), _number(usage_file)
            with open(stat_file, encoding="ascii") as source:
                stat = dict(line.split() for line in source)
        except (OSError, ValueError):  # The host has not this version of cgroups, or no limit is set ("max").
            continue
        used = usage - sum(int(stat.get(f"{prefix}{kind}_file", 0)) for kind in ("inactive", "active"))
        found.append(Memory(limit - used, used))
    return found


def _number(path: str) -> int:
    with open(path, encoding="ascii") as source:
        return int(source.read())
