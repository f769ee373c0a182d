# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The end of every deployment: its line of the history is written, and its journal and secrets are removed."""

from __future__ import annotations

from typing import Any, Optional

from .. import _settings
from .._install import guard_units
from .._journal.figures import figures
from .._journal.history import close
from .._journal.journal import Journal
from .._journal.store import Store
from .._linux.clock import timestamp
from .._linux.files import remove
from .._nginx import switch as nginx_switch
from .._snapshot import file as snapshot_file


def end(store: Store, journal: Journal, result: str, reason: str = "", images: Optional[dict[str, str]] = None) -> None:
    """Write the line of the history and close the journal, no matter how the deployment ended.

    :param result: committed, rolled_back or failed.
    :param images: names by id of the images that the live color runs, where the deployment was committed.
    """
    journal.note(result=result, reason=reason)
    nginx_switch.forget_backup(_settings.from_journal(journal.data).nginx)
    # Before the journal is removed: without it nothing would come back for the secrets in them.
    store.remove_env_files()
    remove(store.path("broker.url"))
    if result == "rolled_back":
        snapshot_file.forget(store, journal["from"])
    entry = _entry(journal, images or {}, timestamp(store.host.clock.wall()))
    if journal.get("armed"):
        guard_units.disarm(store.host, store.app)
    close(store, entry)


def _entry(journal: Journal, images: dict[str, str], ended: str) -> dict[str, Any]:
    """The line of the history."""
    entry: dict[str, Any] = {name: journal[name] for name in ("id", "who", "release", "release_from", "from", "to")}
    entry.update(
        result=journal["result"],
        reason=journal["reason"],
        started=timestamp(journal["opened_at"]),
        ended=ended,
        images=images,
        init=list(journal["settings"]["services"].get("init") or ()),
        **figures(journal),
    )
    if journal["result"] == "committed" and journal.get("live_at"):
        entry["live_at"] = timestamp(journal["live_at"])
    if journal.get("approved_by"):
        entry["approved_by"] = journal.get("approved_by")
    if journal.get("recreated"):
        entry["recreated"] = journal.get("recreated")
    if journal.get("to_kept"):
        entry["to_kept"] = True
    return entry
