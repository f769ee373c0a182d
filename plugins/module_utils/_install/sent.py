# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Module utils as one text, which a module gets as an argument in place of files that Ansible sends one by one.

Compressed together they take two thirds of the room, and Ansible neither has to search them for imports nor to make an
archive of them. ``plugin_utils/_step_action.py`` adds the argument for each module whose step is :class:`late.Late`, so
that Ansible sends only the few files that run before that. ``bg_program`` and ``bg_deployment`` get all of the code,
because they install it.
"""

from __future__ import annotations

import base64
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
import zlib
from typing import Any, Mapping, Optional

from .._errors import BluegreenError
from . import sources as own
from .sources import PACKAGE


def pack(sources: Mapping[str, str]) -> str:
    """The texts of files, by path, as one short text."""
    return base64.b64encode(zlib.compress(json.dumps(sources, sort_keys=True).encode(), 9)).decode()


def _unpack(packed: str) -> dict[str, str]:
    sources: dict[str, str] = json.loads(zlib.decompress(base64.b64decode(packed, validate=True)))
    return sources


def receive(packed: Optional[str]) -> None:
    """Make the files importable that Ansible did not send, and let :func:`sources.sources` return all of them.

    :param packed: what :func:`pack` returned.
    :raises BluegreenError: it is missing or damaged.
    """
    try:
        received = _unpack(packed or "")
    except (ValueError, zlib.error) as error:
        raise BluegreenError(
            "This module arrived without its code, so nothing was changed. Its action plugin sends the code along: "
            "call the module by its full name, which begins with smallfleet.bluegreen, from a playbook or with ansible "
            "-m."
        ) from error
    own.received.update(received)
    # Behind Python's own finders: a file that Ansible sent is the same, and loaded already.
    sys.meta_path.append(_Finder(received))


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports module utils from their texts."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._folders = {os.path.dirname(path) for path in sources}

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Optional[importlib.machinery.ModuleSpec]:
        """The spec of a module util or of a folder of them, ``None`` for any other module."""
        is_here = _path(fullname) in self._sources or self.is_package(fullname)
        return importlib.util.spec_from_loader(fullname, self) if is_here else None

    def is_package(self, fullname: str) -> bool:
        """Whether it is a folder."""
        return fullname.startswith(f"{PACKAGE}.") and _path(fullname)[:-len(".py")] in self._folders

    def get_source(self, fullname: str) -> str:
        """The text of a file; a folder has none."""
        return self._sources.get(_path(fullname), "")

    def get_code(self, fullname: str) -> Any:
        """The compiled file, which names its path in tracebacks."""
        return compile(self.get_source(fullname), f"module_utils/{_path(fullname)}", "exec", dont_inherit=True)


def _path(fullname: str) -> str:
    """The path of a module util in :func:`sources.sources`; one that is not there for any other module."""
    inside = fullname[len(PACKAGE) + 1:] if fullname.startswith(f"{PACKAGE}.") else f"/{fullname}"
    return f"{inside.replace('.', '/')}.py"
