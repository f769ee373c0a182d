# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The history of an app: a line for each deployment that has ended."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any, Optional

from .._errors import BluegreenError
from .._linux.files import opener, telling, write_atomically
from . import file_schemas, schema as journal_schema
from .store import Store
from .strict_json import Unreadable

# The history keeps so many deployments, and is cut down to them once it has reached the limit.
HISTORY_KEPT = 500
HISTORY_LIMIT = 600


def close(store: Store, entry: dict[str, Any]) -> None:
    """End the deployment: write its line of the history, then remove the journal."""
    log(store, entry)
    store.remove_journal()


def log(store: Store, entry: dict[str, Any]) -> None:
    """Write a line of the history, once for each deployment, and drop the oldest lines of a long one.

    :param entry: id, result and figures, as docs/journal.md describes them.
    :raises OSError: it cannot be written.
    """
    entries = history_of(store)
    if not entries or entries[-1].get("id") != entry["id"]:
        path = store.path("history.jsonl")
        with telling(path), open(path, "ab+", opener=opener) as target:
            # A line that a power cut tore must not swallow this one.
            target.seek(max(target.tell() - 1, 0))
            gap = "" if target.read() in (b"", b"\n") else "\n"
            target.write(f"{gap}{json.dumps(journal_schema.tidied(entry), sort_keys=True)}\n".encode())
            target.flush()
            os.fsync(target.fileno())
    if len(entries) >= HISTORY_LIMIT:
        # The history is complete already, so a full disk must not fail the deployment here.
        with contextlib.suppress(OSError, BluegreenError):
            _cut(store)


def _cut(store: Store) -> None:
    with open(store.path("history.jsonl"), "rb", opener=opener) as source:
        lines = source.readlines()
    text = b"".join(lines[-HISTORY_KEPT:]).decode("utf-8", "replace")
    write_atomically(store.path("history.jsonl"), text)


def history_of(store: Store, last: Optional[int] = None) -> list[dict[str, Any]]:
    """Entries of the history, oldest first, without lines that a power cut has torn.

    :param last: only so many of the newest ones; all when ``None``.
    """
    entries = []
    with contextlib.suppress(FileNotFoundError):
        with open(store.path("history.jsonl"), "rb", opener=opener) as source:
            for line in source:
                with contextlib.suppress(Unreadable):
                    entries.append(file_schemas.entry(line))
    return entries if last is None else entries[-last:]
