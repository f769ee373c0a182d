# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Whether a way back can be walked, before it is begun: the old web is asked while the new color works.

Once it has begun, the new color's workers stop. Where the old web then does not answer, visitors stay with a color whose
tasks nobody of its own release works on, and that can last as long as the old web is ill.
"""

from __future__ import annotations

from .._commands import command
from .._deployment import approval, old_web
from .._docker.engine import EngineError
from .._errors import BluegreenError
from .._health import gate as health_gate
from .._resources import host as host_resources, memory_budget

# The steps in which the new color may be what visitors get.
LED_AWAY = ("cutover", "handover", "start_workers", "settle", "awaiting_approval")


class NotBegun(BluegreenError):
    """A way back was not begun, because it could not be walked; the new color stays live."""


def is_pending(journal) -> bool:
    """Whether a deployment awaits approval, and nobody is at it."""
    return journal["step"] == "awaiting_approval" and journal["done"] and not journal["back"] and not journal["result"]


def is_to_be_looked_at(journal) -> bool:
    """Whether a way back can still be left alone: it has not begun, and the new color may be served."""
    return bool(journal["from"]) and not journal["back"] and journal["step"] in LED_AWAY


def why_no_way_back(host, journal, settings, old) -> str:
    """Why the old color cannot take the visitors, or an empty string where it can, or where only the way itself can show it.

    What is to run of it is started, should it be down. A web that is stopped for want of memory is asked only if there is
    room for it now; and it stops again if it does not answer.
    """
    web = old.of("web")
    if not web:
        return "it has no container of its web any more"
    beside = old_web.is_stopped(journal) and not all(container.running for container in web)
    if beside and not _has_room((journal.get("memory_budget") or {}).get("web", 0)):
        return ""
    why = _start(host, old) or _ask(host, journal, settings, old)
    if why and beside:
        old.refresh()
        old_web.stop_now(host, journal, old)
    return why


def _has_room(needed: int) -> bool:
    return bool(needed) and needed + memory_budget.RESERVE <= host_resources.available_memory()


def _start(host, old) -> str:
    for container in old.of("support", "web"):
        if not container.running:
            try:
                host.engine.start(container.id)
            except EngineError as error:
                return f"container {container.name} does not start, {error.message.rstrip('.')}"
    old.refresh()
    return ""


def _ask(host, journal, settings, old) -> str:
    try:
        health_gate.wait_healthy(host, journal, health_gate.of_color(settings, old.name), old.of("support", "web"))
    except BluegreenError as error:
        return (error.details.get("failure") or error.message).rstrip(".")
    return ""


def not_begun(journal, why: str) -> NotBegun:
    """The error for a way back that is not begun; to be noted where the guard is who would have begun it."""
    release = journal["release"] or "(none)"
    ways = (
        f"{command('finish', journal['release'])} keeps release {release}, and {command('rollback')} goes back once "
        f"{journal['from']} is healthy."
    )
    if approval.is_over(journal):
        return NotBegun(f"Release {release} awaits approval past its time; not taken back, because {_because(journal, why)}. {ways}")
    return NotBegun(
        f"Release {release} of app {journal['app']} was not undone, because {_because(journal, why)}, while release {release} is "
        f"live and whole: it awaits approval. {ways}"
    )


def note(journal, why: str) -> None:
    """Keep in the journal why the guard did not go back although the time for the approval is over."""
    if approval.is_over(journal):
        journal.note(not_taken_back=_because(journal, why))


def _because(journal, why: str) -> str:
    return f"the old color {journal['from']} does not answer: {why}"
