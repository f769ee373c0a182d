# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Code that containers mount from the host: the old ones would run the new code when they are started again."""

from __future__ import annotations

import os
import re

from .._docker.containers import ROLES
from .._validation import COLORS

# A look into folders of data has to end early.
_DEPTH = 3
_ENTRIES = 2000


def warnings(rendered, roles, project_src, release, holds_code):
    """A sentence for each path with code at or below ``project_src`` that both colors mount.

    :param rendered: for each color, the configuration that Compose rendered.
    :param holds_code: says of a path whether there is code.
    """
    users = {}
    for name in (name for role in ROLES for name in roles[role]):
        sources = {color: _bind_mounts(rendered[color]["services"].get(name) or {}) for color in COLORS}
        for target, source in sources["blue"].items():
            if sources["green"].get(target) == source and _is_below(source, project_src) and not names_release(source, release):
                users.setdefault(source, []).append(name)
    return [
        f"{path} holds code and is mounted into {', '.join(names)}: a container of the old color would run the new "
        "code when it is started again, so there is no sure way back. Build the code into the image, or give each "
        "release a folder of its own (./releases/${BG_RELEASE})."
        for path, names in users.items()
        if holds_code(path)
    ]


def _bind_mounts(service):
    return {
        mount.get("target"): os.path.normpath(mount["source"])
        for mount in service.get("volumes") or ()
        if mount.get("type") == "bind" and mount.get("source")
    }


def _is_below(path, folder):
    folder = os.path.normpath(folder)
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def names_release(path: str, release: str) -> bool:
    """Whether the path is that of one release."""
    return bool(release) and re.search(rf"(?<![A-Za-z0-9.]){re.escape(release)}(?![A-Za-z0-9.])", path) is not None


def holds_code(path):
    """Whether a file is Python code, or a folder has some, near its top."""
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
