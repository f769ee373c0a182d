# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The version of Docker Compose, which is remembered as long as its program file is the same."""

from __future__ import annotations

import json
import os
from typing import Any

from .._errors import BluegreenError
from .._host import Host
from .._journal.store import Store
from .._linux.files import opener, write_atomically
from . import cli as compose_cli, program as compose_program

NAME = "compose.json"


def version(host: Host, store: Store) -> tuple[int, ...]:
    """As :func:`cli.version`, without starting Compose if its program is the remembered one."""
    known = _known(store)
    if known and known["file"] == _file():
        return tuple(known["version"])
    return compose_cli.version(host)


def remember(store: Store, found: tuple[int, ...]) -> None:
    """Keep the version for later runs."""
    facts, known = {"file": _file(), "version": list(found)}, _known(store)
    if facts["file"] and facts != known:
        write_atomically(store.path(NAME), json.dumps(facts) + "\n", lasting=False)


def _file() -> list[Any]:
    """Facts that identify the program file; empty if its path is unknown."""
    path = compose_program.find().path
    if not path:
        return []
    found = os.stat(path)
    return [os.path.realpath(path), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _known(store: Store) -> dict[str, Any]:
    try:
        with open(store.path(NAME), encoding="utf-8", opener=opener) as source:
            known: dict[str, Any] = json.load(source)
        return known if known["file"] and all(isinstance(part, int) for part in known["version"]) else {}
    except (OSError, BluegreenError, ValueError, KeyError, TypeError):
        # The file only saves time.
        return {}
