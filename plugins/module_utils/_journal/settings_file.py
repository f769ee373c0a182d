# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""``settings.json``: the settings of an app, kept apart from the journal for a recovery that finds no journal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Mapping, Optional

from .._linux.files import opener, write_atomically
from . import file_schemas
from .strict_json import LIMIT

if TYPE_CHECKING:
    from .store import Store

NAME = "settings.json"


def write(
    store: Store,
    settings: Mapping[str, Any],
    policies: Mapping[str, Mapping[str, Any]],
    stop_timeout: Optional[float],
) -> None:
    """Write the file, unless it says the same already.

    :param settings: the app's settings, in the journal's form.
    :param policies: restart policies that the user gave the live color's containers, by service.
    :param stop_timeout: seconds that workers get to finish, ``None`` for their default.
    """
    facts = {"settings": settings, "policies": policies, "stop_timeout": stop_timeout}
    text = json.dumps(facts, indent=1, sort_keys=True) + "\n"
    try:
        with open(store.path(NAME), encoding="utf-8", errors="replace", opener=opener) as source:
            is_there = source.read() == text
    except FileNotFoundError:
        is_there = False
    if not is_there:
        write_atomically(store.path(NAME), text)


def read(store: Store) -> dict[str, Any]:
    """A dict with the three parameters of :func:`write`.

    :raises FileNotFoundError: there is no such file.
    :raises Unreadable: the file is damaged.
    """
    with open(store.path(NAME), "rb", opener=opener) as source:
        return file_schemas.settings_file(source.read(LIMIT + 1), store.app)
