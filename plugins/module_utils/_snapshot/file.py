# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What containers of an app's colors were made of: ``containers.json``, which brings back what somebody removed.

It holds the color that was live when the open deployment began, and the one that is kept stopped. Environments are in
it, so it is root's alone.
"""

from __future__ import annotations

import contextlib
import json

from .._journal import schema as journal_schema
from .._journal.strict_json import LIMIT, Unreadable
from .._linux.files import opener, remove, write_atomically


def of_color(store, color):
    """What is remembered of a color: ``release``, ``containers``, ``networks``; ``None`` when nothing is."""
    return _read(store)["colors"].get(color)


def kept_color(store):
    """The old color that was kept stopped, as :func:`of_color` and with its name as ``color``, or ``None``."""
    data = _read(store)
    remembered = data["colors"].get(data["kept"])
    return None if remembered is None else {"color": data["kept"], **remembered}


def put(store, color, remembered):
    """Remember a color; of the others only the kept one stays."""
    data = _read(store)
    kept = {name: each for name, each in data["colors"].items() if name == data["kept"]}
    _write(store, data["kept"], {**kept, color: remembered})


def keep(store, color, workers):
    """A color is kept stopped from now on, with the names of its worker services; the others are forgotten."""
    _write(store, color, {color: {**of_color(store, color), "workers": workers}})


def forget(store, color):
    """Forget a color; the file goes with the last one."""
    data = _read(store)
    if data["colors"].pop(color, None) is None:
        return
    if data["colors"]:
        # A full disk is no reason to leave a deployment open: the next one writes the file again.
        with contextlib.suppress(OSError):
            _write(store, data["kept"] if data["kept"] != color else "", data["colors"])
    else:
        forget_all(store)


def forget_all(store):
    remove(store.path("containers.json"))


def _read(store):
    try:
        with open(store.path("containers.json"), "rb", opener=opener) as source:
            return journal_schema.containers(source.read(LIMIT + 1))
    except (FileNotFoundError, Unreadable):
        return {"kept": "", "colors": {}}


def _write(store, kept, colors):
    data = {"version": journal_schema.VERSION, "kept": kept, "colors": colors}
    write_atomically(store.path("containers.json"), json.dumps(data, indent=1, sort_keys=True) + "\n", mode=0o600)
