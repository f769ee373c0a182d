# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""``containers.json``: how containers of the colors were made, to create them again if somebody removes them.

It holds the color that was live when the open deployment began, and the color that is kept stopped. It contains
environments, so only root reads it.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Optional, Sequence

from .._journal import file_schemas
from .._journal.strict_json import LIMIT, Unreadable
from .._linux.files import SECRET_MODE, opener, remove, write_atomically

if TYPE_CHECKING:
    from .._journal.store import Store

# A color as it was: ``release``, ``containers`` as :func:`describe.describe` returns them, ``networks`` as requests for
# the engine; of the kept color also ``workers``, the names of its worker services.
Snapshot = dict[str, Any]


def of_color(store: Store, color: str) -> Optional[Snapshot]:
    """The snapshot of a color, ``None`` when there is none."""
    colors: dict[str, Snapshot] = _read(store)["colors"]
    return colors.get(color)


def kept_color(store: Store) -> Optional[Snapshot]:
    """The snapshot of the old color that is kept stopped, with its name as ``color``; ``None`` when none is kept."""
    data = _read(store)
    snapshot = data["colors"].get(data["kept"])
    return None if snapshot is None else {"color": data["kept"], **snapshot}


def put(store: Store, color: str, snapshot: Snapshot) -> None:
    """Write the snapshot of a color; of the others only the kept one stays."""
    data = _read(store)
    kept = {name: each for name, each in data["colors"].items() if name == data["kept"]}
    _write(store, data["kept"], {**kept, color: snapshot})


def keep(store: Store, color: str, workers: Sequence[str]) -> None:
    """Mark a color as kept stopped, and remove the other snapshots.

    :param workers: names of its worker services.
    """
    _write(store, color, {color: {**(of_color(store, color) or {}), "workers": workers}})


def forget(store: Store, color: str) -> None:
    """Remove the snapshot of a color, and with the last snapshot the file."""
    data = _read(store)
    if data["colors"].pop(color, None) is None:
        return
    if data["colors"]:
        # A full disk must not keep a deployment open; the next deployment writes the file again.
        with contextlib.suppress(OSError):
            _write(store, data["kept"] if data["kept"] != color else "", data["colors"])
    else:
        forget_all(store)


def forget_all(store: Store) -> None:
    """Remove all snapshots."""
    remove(store.path("containers.json"))


def _read(store: Store) -> dict[str, Any]:
    try:
        with open(store.path("containers.json"), "rb", opener=opener) as source:
            return file_schemas.containers(source.read(LIMIT + 1))
    except (FileNotFoundError, Unreadable):
        return {"kept": "", "colors": {}}


def _write(store: Store, kept: str, colors: dict[str, Snapshot]) -> None:
    data = {"version": file_schemas.CONTAINERS_VERSION, "kept": kept, "colors": colors}
    write_atomically(store.path("containers.json"), json.dumps(data, indent=1, sort_keys=True) + "\n", mode=SECRET_MODE)
