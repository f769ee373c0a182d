# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a host has: memory and disk, the folder of its engine, and how often the kernel killed for lack of memory."""

from __future__ import annotations

from typing import Any

from .._docker.engine import Engine, EngineError
from .._linux.memory import memory
from .disk import file_system


def resources(docker_root: str) -> dict[str, dict[str, Any]]:
    """Memory and disk of the host in bytes, for people to look at.

    :param docker_root: the engine's folder, whose file system fills up with images and volumes.
    :returns: ``memory`` with ``total`` and ``available``, and ``disk`` with these and ``path``.
    """
    available, used = memory()
    disk = file_system(docker_root)
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
