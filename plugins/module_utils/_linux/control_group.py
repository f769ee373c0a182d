# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Memory of a container, from the files of its control group.

The engine reads the same files, but before 23.0.7 and 24.0.7 (Debian 12 has 20.10) that takes a second per container.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Optional

from .processes import PROC

if TYPE_CHECKING:
    from .._docker.containers import Container

ROOT = "/sys/fs/cgroup"
# The name of the file, by the version of control groups.
_USAGE = {1: "memory.usage_in_bytes", 2: "memory.current"}


def memory_stats(container: Container, proc: str = PROC, root: str = ROOT) -> Optional[dict[str, Any]]:
    """``memory_stats`` of a running container in the engine's form, ``None`` where its control group is not visible.

    :returns: ``usage`` in bytes and ``stats`` by name; an empty dict where the kernel does not count memory.
    """
    version, folder = _folder(container, proc, root)
    if not folder or not os.path.isdir(folder):
        return None
    usage = _read(os.path.join(folder, _USAGE[version])).strip()
    lines = [line.split() for line in _read(os.path.join(folder, "memory.stat")).splitlines()]
    stats = {name: int(value) for name, value in lines}
    return {"usage": int(usage), "stats": stats} if usage else {}


def _folder(container: Container, proc: str, root: str) -> tuple[int, str]:
    """Version and folder of the container's control group; the folder is empty when it is not visible."""
    groups: dict[str, str] = {}
    for line in _read(os.path.join(proc, str(container.pid), "cgroup")).splitlines():
        dummy, controllers, path = line.split(":", 2)
        groups.update(dict.fromkeys(controllers.split(","), path))
    version = 1 if "memory" in groups else 2
    parts = groups.get("memory" if version == 1 else "", "").split("/")
    # The container's process may have made a group of its own below the container's, and the container's counts.
    own = next((number for number, part in enumerate(parts) if container.id in part), None)
    if own is None or ".." in parts:
        return version, ""
    return version, os.path.join(root, *(["memory"] if version == 1 else []), *parts[:own + 1])


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            return source.read()
    except OSError:
        return ""
