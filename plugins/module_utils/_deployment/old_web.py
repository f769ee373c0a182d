# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The old web where the host cannot hold two webs and the new workers: it stops before these start, until the approval."""

from __future__ import annotations

from .._docker.restart_policies import disable_restart
from .._nginx.drain import wait_drained


def is_stopped(journal):
    """Whether the old web of a deployment does not run while approval is pending."""
    return journal.get("old_web") == "stopped" and bool(journal.get("from"))


def stop(host, journal, old):
    """Wait for the drain, and stop the old web; may be interrupted anywhere and run again.

    Where the drain runs out of time, what holds it is cut off: the new workers wait for the memory.

    :param old: the old color, a :class:`color.Color`; what it knows of its containers is renewed.
    :returns: what still held the old web, as sentences.
    """
    if not any(container.running for container in old.of("web")):
        stop_now(host, journal, old)
        return journal.get("held_by") or []
    held_by = wait_drained(host, journal, timeout=journal["drain_timeout"]).held_by
    if held_by:
        host.warn(f"The web of {old.name} was stopped to make room for the new workers, although {'; '.join(held_by)}.")
    journal.note(held_by=held_by)
    stop_now(host, journal, old)
    return held_by


def stop_now(host, journal, old):
    """Stop the web of a color that nobody is sent to any more, so that it comes back neither by itself nor at a boot."""
    web = old.of("web")
    disable_restart(host, journal, web)
    for container in web:
        if container.running:
            host.engine.stop(container.id)
    old.refresh()
