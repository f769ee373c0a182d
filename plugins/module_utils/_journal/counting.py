# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The time of a deployment is counted in its journal: these change its data, or return facts to note in it.

Every second from the opening to the end belongs to one phase, so the phases add up to the whole time. While a run works
on the host, the phase is its step, or the way back; bg_deployment documents the others. The worker gap is a part of the
same seconds: those in which workers had been told to stop, and none of either color was seen to consume tasks.

The journal keeps the moment up to which this is counted.
"""

from __future__ import annotations

from typing import Any, Collection, Mapping, NamedTuple

from .schema import STEPS
from .step import Step

# Between the runs on the host: the controller's own work, hooks, and a controller that is gone.
BETWEEN_RUNS = "between_runs"
# From a failure that a person has to look at until the next run for this deployment.
FAILED = "failed"
WAY_BACK = "way_back"
AWAITING_APPROVAL = Step.AWAITING_APPROVAL.value
PHASES = (*STEPS, WAY_BACK, BETWEEN_RUNS, FAILED)


class Moment(NamedTuple):
    """``boottime`` are seconds since the boot that ``boot_id`` names, ``wall`` seconds since the epoch."""

    boot_id: str
    boottime: float
    wall: float


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
