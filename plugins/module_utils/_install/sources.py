# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The texts of all module utils: the program on the host is made of them, and recognized by them.

They are read from the folder of this file on the controller, from the program in a run of it, and in a module from the
argument that its action plugin gave it (:mod:`sent`).
"""

from __future__ import annotations

import os
import zipfile

PACKAGE = __name__.rsplit(".", 2)[0]
# The one file that imports Ansible, which the program does without.
_LEFT_OUT = "_module/run.py"
# What a module got from the controller; empty elsewhere.
received: dict[str, str] = {}


def sources() -> dict[str, str]:
    """Read the module utils: their texts by their paths, such as ``_nginx/switch.py``, without any ``__init__.py``."""
    if received:
        return dict(received)
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = _in_folder(folder) if os.path.isdir(folder) else _in_archive(folder)
    return {path: text for path, text in found.items() if _is_source(path)}


def _is_source(path: str) -> bool:
    return path.endswith(".py") and not path.endswith("__init__.py") and path != _LEFT_OUT


def _in_folder(folder: str) -> dict[str, str]:
    found = {}
    for place, folders, names in os.walk(folder):
        # Folders that cannot be imported hold files of editors, and of Python itself.
        folders[:] = [name for name in folders if name.isidentifier() and name != "__pycache__"]
        for name in names:
            if os.path.splitext(name)[0].isidentifier() and name.endswith(".py"):
                path = os.path.join(place, name)
                with open(path, encoding="utf-8") as source:
                    found[os.path.relpath(path, folder)] = source.read()
    return found


def _in_archive(folder: str) -> dict[str, str]:
    archive, inside = folder, ""
    while not os.path.isfile(archive):
        archive, name = os.path.split(archive)
        inside = f"{name}/{inside}"
    with zipfile.ZipFile(archive) as opened:
        names = [name for name in opened.namelist() if name.startswith(inside) and name.endswith(".py")]
        return {name[len(inside):]: opened.read(name).decode() for name in names}
