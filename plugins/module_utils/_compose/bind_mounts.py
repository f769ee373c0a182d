# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Code that containers mount from the host: old containers would run the new code after a restart."""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Mapping, Sequence

from .._docker.containers import started_services
from .._validation import COLORS
from .._words import joined

# Limits of the search for code, because a folder may hold a lot of data.
_DEPTH = 3
_ENTRIES = 2000


def warnings(
    rendered: Mapping[str, dict[str, Any]],
    roles: Mapping[str, Sequence[str]],
    project_src: str,
    release: str,
    holds_code: Callable[[str], bool],
) -> list[str]:
    """A sentence for each path with code at or below ``project_src`` that both colors mount.

    :param rendered: for each color, the configuration that Compose rendered.
    :param roles: for each role, the services.
    :param release: a path that names it is not shared with other releases.
    :param holds_code: whether there is code at a path.
    """
    users: dict[str, list[str]] = {}
    for name in started_services(roles):
        sources = {color: _bind_mounts(rendered[color]["services"].get(name) or {}) for color in COLORS}
        for target, source in sources["blue"].items():
            is_shared = sources["green"].get(target) == source and not names_release(source, release)
            if is_shared and _is_below(source, project_src):
                users.setdefault(source, []).append(name)
    return [
        f"{path} holds code and is mounted into {joined(names)}: a container of the old color would run the new "
        "code when it is started again, so a rollback would not bring the old code back. Build the code into the "
        "image, or give each release a folder of its own (./releases/${BG_RELEASE})."
        for path, names in users.items()
        if holds_code(path)
    ]


def _bind_mounts(service: Mapping[str, Any]) -> dict[str, str]:
    """For each path in the container, the folder or file of the host."""
    return {
        mount.get("target"): os.path.normpath(mount["source"])
        for mount in service.get("volumes") or ()
        if mount.get("type") == "bind" and mount.get("source")
    }


def _is_below(path: str, folder: str) -> bool:
    folder = os.path.normpath(folder)
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def names_release(path: str, release: str) -> bool:
    """Whether a path contains the name of a release."""
    return bool(release) and re.search(rf"(?<![A-Za-z0-9.]){re.escape(release)}(?![A-Za-z0-9.])", path) is not None


def holds_code(path: str) -> bool:
    """Whether a file is Python code, or a folder contains some within its upper levels."""
    if not os.path.isdir(path):
        return path.endswith(".py")
    seen, top = 0, path.rstrip("/").count("/")
    for folder, folders, files in os.walk(path):
        if any(name.endswith(".py") for name in files):
            return True
        seen += len(files) + len(folders)
        if seen > _ENTRIES:
            return False
        deep = folder.rstrip("/").count("/") - top >= _DEPTH
        folders[:] = [] if deep else sorted(name for name in folders if not name.startswith("."))
    return False
