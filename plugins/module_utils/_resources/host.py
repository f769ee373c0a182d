# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The disk of a host and what an operator wants to know of its memory, and whether something fits on the disk."""

from __future__ import annotations

import os
from typing import Any

from .._docker.engine import Engine, EngineError
from .memory import memory

MIB = 1024 * 1024

# Bytes that a started color writes beside its images: layers, logs.
DISK_RESERVE = 64 * MIB
# Bytes and number of files for the journal and the env files.
STATE_RESERVE = 4 * MIB
FILES_RESERVE = 64


def resources(docker_root: str) -> dict[str, dict[str, Any]]:
    """Memory and disk of the host in bytes, for people to look at.

    :param docker_root: the engine's folder, whose file system fills up with images and volumes.
    :returns: ``memory`` with ``total`` and ``available``, and ``disk`` with these and ``path``.
    """
    available, used = memory()
    disk = _file_system(docker_root)
    block = disk.f_frsize
    return {
        "memory": {"total": available + used, "available": max(available, 0)},
        "disk": {"path": docker_root, "total": disk.f_blocks * block, "available": disk.f_bavail * block},
    }


def docker_root_of(engine: Engine, container: str = "") -> str:
    """The folder of the engine, whose file system fills up with images and volumes; ``""`` if the engine does not say.

    :param container: a running one. The path of one of its files shows the folder; asked for its information, the
        engine would start other programs first.
    """
    try:
        file = engine.inspect(container).get("ResolvConfPath") or "" if container else ""
        if f"/containers/{container}/" in file:
            return file.partition(f"/containers/{container}/")[0]
        return engine.info().get("DockerRootDir") or ""
    except EngineError:
        return ""


def size_of_image(engine: Engine, image: str) -> int:
    """Bytes that an image takes on the disk, 0 if the engine does not say."""
    try:
        return (engine.image(image) or {}).get("Size") or 0
    except EngineError:
        return 0


def oom_kills() -> int:
    """How many processes the kernel has killed since its boot for lack of memory; 0 if it does not say."""
    try:
        with open("/proc/vmstat", encoding="ascii") as source:
            return next((int(line.split()[1]) for line in source if line.startswith("oom_kill ")), 0)
    except (OSError, ValueError):
        return 0


def free_disk(path: str) -> int:
    """Bytes free on the file system of a path, or of the nearest folder above it that exists."""
    stat = _file_system(path)
    return stat.f_bavail * stat.f_frsize


def _file_system(path: str) -> os.statvfs_result:
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return os.statvfs(path)


def writing_finding(path: str, why: str) -> str:
    """A sentence when no new file can be written below a path, else ``""``.

    :param why: what has to be written there, with its article.
    """
    stat = _file_system(path)
    if stat.f_flag & os.ST_RDONLY:
        return (
            f"{path} is on a read-only file system, but {why} must be written there: find the cause (dmesg), and "
            "remount it for writing."
        )
    # Some file systems have no limit of files, and report 0.
    if stat.f_files and stat.f_favail < FILES_RESERVE:
        return (
            f"{path} is on a file system with room for only {stat.f_favail} more files (df -i), but {why} must be "
            "written there: remove files that you do not need."
        )
    return ""


def disk_finding(path: str, free: int, needed: int, why: str) -> str:
    """A sentence when a file system has too little room, else ``""``.

    :param free: bytes.
    :param needed: bytes.
    :param why: what needs them, with its article.
    """
    if needed <= free:
        return ""
    return (
        f"Not enough disk space for {why}: {mib(needed)} MiB are needed, and {mib(free)} MiB are free at {path}. "
        "Remove files or images there that you do not need (docker image prune), or use a larger disk."
    )


def mib(count: int) -> int:
    """Bytes as whole MiB, for people; a negative number as 0."""
    return max(round(count / MIB), 0)
