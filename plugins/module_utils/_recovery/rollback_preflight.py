# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether a rollback can be completed, before it begins: the old web is asked while the new color still works.

A rollback stops the new workers first. If the old web does not answer then, visitors stay with the new color while no
worker of its release runs, for as long as the old web is unhealthy.
"""

from __future__ import annotations

from .._commands import command
from .._deployment import approval, old_web
from .._deployment.color import Color
from .._docker.ensure import ensure_running
from .._errors import BluegreenError
from .._health import gate as health_gate
from .._host import Host
from .._journal.journal import Journal
from .._journal.step import Step
from .._linux import memory as host_memory
from .._resources import memory_budget
from .._settings import Settings


class NotBegun(BluegreenError):
    """A rollback was not begun, because it could not be completed; the new color stays live."""


def is_to_be_looked_at(journal: Journal) -> bool:
    """Whether the rollback has not begun yet, and Nginx may serve the new color."""
    may_serve = Step.CUTOVER <= journal.step <= Step.AWAITING_APPROVAL
    return may_serve and bool(journal["from"]) and not journal["rolling_back"]


def why_no_way_back(host: Host, journal: Journal, settings: Settings, old: Color) -> str:
    """Why the old color cannot serve visitors; empty if it can, and if only the rollback itself can show it.

    Its web and support are started if they are down. A web that was stopped for want of memory is asked only if there
    is memory for it now, and stops again if it does not answer.
    """
    web = old.of("web")
    if not web:
        return "its web has no container any more"
    beside = old_web.is_stopped(journal) and not all(container.running for container in web)
    if beside and not _has_room((journal.get("memory_budget") or {}).get("web", 0)):
        return ""
    why = _start(host, old) or _ask(host, journal, settings, old)
    if why and beside:
        old.refresh()
        old_web.stop_now(host, journal, old)
    return why


def _has_room(needed: int) -> bool:
    return bool(needed) and needed + memory_budget.RESERVE <= host_memory.available_memory()


def _start(host: Host, old: Color) -> str:
    for container, error in ensure_running(host.engine, old.of("support", "web")).failed:
        return f"container {container.name} does not start ({error.message.rstrip('.')})"
    old.refresh()
    return ""


def _ask(host: Host, journal: Journal, settings: Settings, old: Color) -> str:
    try:
        health_gate.wait_healthy(host, journal, health_gate.of_color(settings, old.name), old.of("support", "web"))
    except BluegreenError as error:
        failure: str = error.details.get("failure") or error.message
        return failure.rstrip(".")
    return ""


def not_begun(journal: Journal, why: str) -> NotBegun:
    """The error for a rollback that was not begun; the caller notes it (:func:`note`) if it is the guard."""
    release = journal.release_label
    ways = (
        f"{command('finish', journal['release'])} keeps release {release}, and {command('rollback')} goes back once "
        f"{journal['from']} is healthy."
    )
    because = _because(journal, why)
    if approval.is_over(journal):
        return NotBegun(
            f"The time to approve release {release} is over. It was not rolled back, because {because}. {ways}"
        )
    return NotBegun(
        f"Release {release} of app {journal['app']} was not rolled back, because {because}. Release {release} is live "
        f"and healthy, and awaits approval. {ways}"
    )


def note(journal: Journal, why: str) -> None:
    """Keep in the journal why the guard did not roll back although the time for the approval is over."""
    if approval.is_over(journal):
        journal.note(not_taken_back=_because(journal, why))


def _because(journal: Journal, why: str) -> str:
    return f"the old color {journal['from']} does not answer: {why}"
