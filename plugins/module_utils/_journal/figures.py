# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a deployment cost: the one definition of each figure, for results, the history and status. Pure.

Every second from the opening to the end belongs to one phase, so the phases add up to the whole time. While a run works
on the host, the phase is its step, or the way back; docs/journal.md has the others. The worker gap is a part of the
same seconds: those in which workers had been told to stop, and none of either color was seen to consume tasks.

The journal keeps the moment up to which this is counted. The journal of an earlier version has no such moment and is
not counted, because a part of the time would be taken for the whole.
"""

from __future__ import annotations

from typing import Any, Collection, Mapping, NamedTuple, Optional, Protocol

from .._words import counted
from .schema import STEPS
from .step import Step

# Between the runs on the host: the controller's own work, hooks, and a controller that is gone.
BETWEEN_RUNS = "between_runs"
# From a failure that a person has to look at until the next run for this deployment.
FAILED = "failed"
WAY_BACK = "way_back"
AWAITING_APPROVAL = Step.AWAITING_APPROVAL.value
# Phases in which the deployment waits for a person.
WAITING = (AWAITING_APPROVAL, FAILED)
PHASES = (*STEPS, WAY_BACK, BETWEEN_RUNS, FAILED)


class Moment(NamedTuple):
    """``boottime`` are seconds since the boot that ``boot_id`` names, ``wall`` seconds since the epoch."""

    boot_id: str
    boottime: float
    wall: float


class Noted(Protocol):
    """A journal, or its data."""

    def __getitem__(self, key: str, /) -> Any: ...

    def get(self, key: str, /) -> Any: ...


# Counting: these change the data of a journal, or return facts to note in it.


def count(data: dict[str, Any], phase: str, now: Moment) -> None:
    """Add the time since the last count to a phase, and to the worker gap while no worker takes tasks."""
    if not data.get("counted"):
        return
    passed = _seconds_between(Moment(*(data["counted"][name] for name in Moment._fields)), now)
    if passed:
        data["seconds"][phase] = round(data["seconds"].get(phase, 0.0) + passed, 3)
    if data.get("worker_gap") is not None and not _working(data):
        data["worker_gap"] = round(data["worker_gap"] + passed, 3)
    data["counted"] = now._asdict()


def _seconds_between(earlier: Moment, later: Moment) -> float:
    if earlier.boot_id == later.boot_id:
        return max(round(later.boottime - earlier.boottime, 3), 0.0)
    # Only the wall clock tells how long the host was off, and on a Raspberry Pi it is behind after a boot.
    return max(round(later.wall - earlier.wall, 3), round(later.boottime, 3))


def without_a_run(data: Mapping[str, Any]) -> str:
    """The phase of the time in which no run works on the host."""
    if data["result"] == "failed":
        return FAILED
    if data["done"] and not data["rolling_back"]:
        if data["step"] == AWAITING_APPROVAL:
            return AWAITING_APPROVAL
        if Step(data["step"]) <= Step.FETCH:
            # Compose works then, and Compose does not write the journal.
            return Step.FETCH.value
    return BETWEEN_RUNS


def workers_told(data: Mapping[str, Any], projects: Collection[str], ran: bool) -> dict[str, Any]:
    """Facts to note when the workers of these projects stop taking tasks.

    :param ran: whether any of them ran, and was told to stop.
    """
    before, gap = _working(data), data.get("worker_gap")
    working = [color for color in before if data["settings"]["projects"][color] not in projects]
    # No gap begins if no workers are to replace these (a first deployment is undone), or if these had stopped already.
    begins = ran and data["from"] and working != before
    return {"working": working, "worker_gap": (gap or 0.0) if begins else gap}


def workers_consume(data: Mapping[str, Any], projects: Collection[str]) -> dict[str, Any]:
    """Facts to note when workers of these projects were seen to consume tasks."""
    colors = {color for color, project in data["settings"]["projects"].items() if project in projects}
    return {"working": sorted(colors.union(_working(data)))}


def gap_ends(data: Mapping[str, Any], has_workers: bool) -> dict[str, Any]:
    """Facts to note when a deployment is complete and awaits approval: that wait is not a part of the worker gap.

    :param has_workers: whether the new color has workers; without them there is no gap.
    """
    if data.get("worker_gap") is None or _working(data):
        return {}
    return {"working": [data["to"]]} if has_workers else {"worker_gap": None}


def _working(data: Mapping[str, Any]) -> list[str]:
    """Colors whose workers take tasks: only the old one until any worker was told to stop."""
    working: list[str] = data.get("working", [data["from"]] if data["from"] else [])
    return working


# Showing


def figures(journal: Noted) -> dict[str, Any]:
    """Figures of a deployment, in seconds and bytes; docs/journal.md explains each of them."""
    seconds = {phase: round(value, 2) for phase, value in journal["seconds"].items()}
    is_counted = bool(journal.get("counted"))
    return {
        "took": round(sum(seconds.values()), 2) if is_counted else None,
        "waited": round(sum(seconds.get(phase, 0.0) for phase in WAITING), 2) if is_counted else None,
        "seconds": seconds,
        "worker_gap": _worker_gap(journal) if is_counted else _gap_of_earlier_version(journal),
        "tasks_moved": journal.get("tasks_moved") or 0,
        "memory": journal.get("memory"),
    }


def _worker_gap(journal: Noted) -> Optional[float]:
    gap = journal.get("worker_gap")
    return None if gap is None else round(gap, 2)


def _gap_of_earlier_version(journal: Noted) -> Optional[float]:
    told, consumed = journal.get("idle_since"), journal.get("busy_since")
    return None if told is None or consumed is None else round(max(consumed - told, 0.0), 2)


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
    """The figures of an entry of the history for people, ``""`` when it has none.

    An entry of an earlier version may have only some of them.
    """
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
