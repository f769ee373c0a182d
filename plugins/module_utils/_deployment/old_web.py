# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The old web on a host that cannot hold two webs and the new workers: it stops before the new workers start."""

from __future__ import annotations

from .._docker.restart_policies import disable_restart
from .._host import Host
from .._journal.journal import AnyJournal, Journal
from .._nginx.drain import wait_drained
from .color import Color


def is_stopped(journal: AnyJournal) -> bool:
    """Whether the old web of a deployment does not run while approval is pending."""
    return journal.get("old_web") == "stopped" and bool(journal.get("from"))


def stop(host: Host, journal: Journal, old: Color) -> list[str]:
    """Wait for the drain, and stop the old web; may be interrupted anywhere and run again.

    If the drain runs out of time, the connections that hold it are cut off: the new workers wait for the memory.

    :param old: the old color; its containers are looked at again.
    :returns: what still held the old web, as sentences.
    """
    if not any(container.running for container in old.of("web")):
        stop_now(host, journal, old)
        return list(journal.get("held_by") or ())
    held_by: list[str] = wait_drained(host, journal, timeout=journal["drain_timeout"]).held_by
    if held_by:
        host.warn(f"The web of {old.name} was stopped to make room for the new workers, although {'; '.join(held_by)}.")
    journal.note(held_by=held_by)
    stop_now(host, journal, old)
    return held_by


def stop_now(host: Host, journal: Journal, old: Color) -> None:
    """Stop a web that Nginx sends no requests to, so that neither Docker nor a boot starts it again."""
    web = old.of("web")
    disable_restart(host, journal, web)
    for container in web:
        if container.running:
            host.engine.stop(container.id)
    old.refresh()
