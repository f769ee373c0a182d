# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""``settings.json``: what an app is made of, apart from the journal, so that a recovery without a journal knows it."""

from __future__ import annotations

import json

from .._linux.files import opener, write_atomically
from . import schema as journal_schema

NAME = "settings.json"


def write(store, settings, policies, stop_timeout):
    """Write the file; an equal one is left alone.

    :param settings: the app's settings, as the journal has them.
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


def read(store):
    """Read what :func:`write` wrote, as a dict of its three parameters.

    :raises FileNotFoundError: there is none.
    :raises Unreadable: it is damaged.
    """
    with open(store.path(NAME), "rb", opener=opener) as source:
        return journal_schema.remembered(source.read(journal_schema.LIMIT + 1), store.app)
