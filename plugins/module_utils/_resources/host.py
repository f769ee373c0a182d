# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Memory and disk of a host, and whether a candidate fits into them."""

from __future__ import annotations

import os

from .._docker.engine import EngineError

MIB = 1024 * 1024

# What a started color writes beside its images: layers, logs.
DISK_RESERVE = 64 * MIB
# Room for the journal and the env files.
STATE_RESERVE = 4 * MIB
FILES_RESERVE = 64


def available_memory():
    """Bytes that new processes can have: the kernel's estimate, and no more than a cgroup around the host allows."""
    return min(room for room, used in _memory())


def used_memory():
    """Bytes that are in use, file cache left out, where there is the least room: of the machine or of its cgroup."""
    return min(_memory())[1]


def resources(docker_root):
    """Memory and disk of the host in bytes: ``total`` and what is left of them, for people to look at.

    :param docker_root: the engine's folder, whose file system fills up with images and volumes.
    """
    available, used = min(_memory())
    disk = _file_system(docker_root)
    block = disk.f_frsize
    return {
        "memory": {"total": available + used, "available": max(available, 0)},
        "disk": {"path": docker_root, "total": disk.f_blocks * block, "available": disk.f_bavail * block},
    }


def _memory():
    """``(room, used)`` in bytes of the machine, and of the cgroup around the host where that has a limit."""
    with open("/proc/meminfo", encoding="ascii") as source:
        fields = dict(line.split(":", 1) for line in source)
    # A container around the host (LXC) may show less than the kernel does.
    free_name = "MemAvailable" if "MemAvailable" in fields else "MemFree"
    total, free = (int(fields[name].split()[0]) * 1024 for name in ("MemTotal", free_name))
    return [(free, total - free)] + _cgroup_memory()


def _cgroup_memory():
    """The same of the cgroup at the root that this host sees: the host may be a container itself."""
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
        except (OSError, ValueError):  # This version of cgroups is not there, or sets no limit ("max").
            continue
        used = usage - sum(int(stat.get(f"{prefix}{kind}_file", 0)) for kind in ("inactive", "active"))
        found.append((limit - used, used))
    return found


def _number(path):
    with open(path, encoding="ascii") as source:
        return int(source.read())


def docker_root_of(engine, container=""):
    """The folder of the engine, whose file system fills up with images and volumes; ``""`` where it does not tell.

    :param container: one that runs. A file of its own shows the folder, for which the engine would start other programs.
    """
    try:
        file = engine.inspect(container).get("ResolvConfPath") or "" if container else ""
        if f"/containers/{container}/" in file:
            return file.partition(f"/containers/{container}/")[0]
        return engine.info().get("DockerRootDir") or ""
    except EngineError:
        return ""


def size_of_image(engine, image):
    """Bytes that an image takes on the disk, 0 where the engine does not tell."""
    try:
        return (engine.image(image) or {}).get("Size") or 0
    except EngineError:
        return 0


def oom_kills():
    """How often the kernel has killed a process for want of memory since its boot; 0 where it does not tell."""
    try:
        with open("/proc/vmstat", encoding="ascii") as source:
            return next((int(line.split()[1]) for line in source if line.startswith("oom_kill ")), 0)
    except (OSError, ValueError):
        return 0


def free_disk(path):
    """Bytes free on the file system of a path, or of the nearest folder above it that exists."""
    stat = _file_system(path)
    return stat.f_bavail * stat.f_frsize


def _file_system(path):
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return os.statvfs(path)


def writing_finding(path, why):
    """A sentence when the file system of a path takes no new file, whatever its size, else ``""``."""
    stat = _file_system(path)
    if stat.f_flag & os.ST_RDONLY:
        return (
            f"{path} is on a file system that is read-only, and {why} has to be written there: find out why it is (dmesg), and "
            "mount it for writing."
        )
    # Some file systems count no files.
    if stat.f_files and stat.f_favail < FILES_RESERVE:
        return (
            f"{path} is on a file system that takes only {stat.f_favail} more files (df -i), and {why} has to be written there: "
            "remove files that are not needed."
        )
    return ""


def disk_finding(path, free, needed, why):
    """A sentence when a file system has too little room, else ``""``."""
    if needed <= free:
        return ""
    return (
        f"Not enough disk for {why}: {mib(needed)} MiB needed, {mib(free)} MiB free at {path}. Remove what is not "
        "needed there (docker image prune), or use a larger disk."
    )


def mib(count):
    """Whole MiB, for people; what is overdrawn is none."""
    return max(round(count / MIB), 0)
