# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a deployment cost: the one definition of each figure, for results, the history and status. Pure.

The worker gap is the time in which workers had been told to stop, and none of either color was seen to consume tasks.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional, Protocol

from .._words import counted
from .counting import AWAITING_APPROVAL, FAILED

# Phases in which the deployment waits for a person.
WAITING = (AWAITING_APPROVAL, FAILED)


class Noted(Protocol):
    """A journal, or its data."""

    def __getitem__(self, key: str, /) -> Any: ...

    def get(self, key: str, /) -> Any: ...


def figures(journal: Noted) -> dict[str, Any]:
    """Figures of a deployment, in seconds and bytes; bg_deployment documents each of them."""
    seconds = {phase: round(value, 2) for phase, value in journal["seconds"].items()}
    return {
        "took": round(sum(seconds.values()), 2),
        "waited": round(sum(seconds.get(phase, 0.0) for phase in WAITING), 2),
        "seconds": seconds,
        "worker_gap": _worker_gap(journal),
        "tasks_moved": journal.get("tasks_moved") or 0,
        "memory": journal.get("memory"),
    }


def _worker_gap(journal: Noted) -> Optional[float]:
    gap = journal.get("worker_gap")
    return None if gap is None else round(gap, 2)


def span(seconds: float) -> str:
    """A time for people, such as ``8.4 s``, ``572 s``, ``17 min``, ``2 h 13 min`` or ``3 d 4 h``."""
    if seconds < 1000:
        return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"


def sentence(entry: Mapping[str, Any]) -> str:
    """The figures of an entry of the history for people, ``""`` when it has none."""
    parts = []
    if entry.get("took") is not None:
        parts.append(f"it took {span(entry['took'])}{_waiting(entry.get('seconds') or {})}")
    if entry.get("worker_gap") is not None:
        parts.append(f"worker gap {span(entry['worker_gap'])}")
    if entry.get("tasks_moved"):
        parts.append(f"{counted(entry['tasks_moved'], 'task')} moved")
    if entry.get("memory"):
        before, peak = (round(entry["memory"][name] / 1024 / 1024) for name in ("before", "peak"))
        parts.append(f"memory {before} MiB before and {peak} MiB at its peak")
    text = ", ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _waiting(seconds: Mapping[str, float]) -> str:
    """How much of the time the deployment waited for people, where that is at least a second."""
    words = {AWAITING_APPROVAL: "waiting for approval", FAILED: "failed and waiting for somebody to look"}
    told = [f"{span(seconds[phase])} of it {text}" for phase, text in words.items() if seconds.get(phase, 0.0) >= 1.0]
    return f" ({', '.join(told)})" if told else ""
