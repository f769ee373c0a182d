"""What the demo ends with: the figures, as a table for people and as JSON for programs. All pure."""

from __future__ import annotations

import statistics
from typing import Iterable, NamedTuple, Optional

import ledger
import load

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step

WAITING = Step.AWAITING_APPROVAL.value
# What is not one of them comes last.
PHASES = [step.value for step in Step]


class Window(NamedTuple):
    """From when to when something happened, in seconds since 1970."""

    begin: float
    end: float


class Measured(NamedTuple):
    """Everything that was measured while the demo ran."""

    records: list  # load.Record, all of them
    events: list  # of the ledger
    rss: list  # (time, MiB) of the whole host
    before: Window  # load, and nothing else
    deployment: Window  # release 2, its approval included
    broken: Window  # release 3
    phases: dict  # seconds a phase of the deployment of release 2, from its opening to its end
    steps: dict  # (phase, begin, end) of what was done on the host for "release 2" and "release 3"


def rounded(value: Optional[float], digits: int = 1) -> Optional[float]:
    return None if value is None else round(value, digits)


def rss_in(samples: Iterable[tuple], window: Window) -> list:
    return [mib for when, mib in samples if window.begin <= when <= window.end]


def in_order(phases: dict) -> dict:
    known = {name: phases[name] for name in PHASES if name in phases}
    return {**known, **phases}


def summary(measured: Measured) -> dict:
    """Return the content of demo/.run/summary.json."""
    whole = load.figures(measured.records)
    before = load.figures(measured.records, *measured.before)
    during = load.figures(measured.records, *measured.deployment)
    counts = ledger.count(measured.events)
    quiet = rss_in(measured.rss, measured.before)
    busy = rss_in(measured.rss, Window(measured.deployment.begin, measured.broken.end))
    return {
        "requests": whole["requests"],
        "failed": whole["failed"],
        "retried": whole["retried"],
        "accepted": counts.accepted,
        "done": counts.done,
        "lost": len(counts.lost),
        "doubled": len(counts.doubled),
        "worker_gap_s": ledger.worker_gap(measured.events, *measured.deployment),
        "p99_before_ms": rounded(before["p99_ms"]),
        "p99_during_ms": rounded(during["p99_ms"]),
        "rss_before_mib": rounded(statistics.median(quiet)) if quiet else None,
        "peak_rss_mib": rounded(max(busy, default=None)),
        "phases": in_order(measured.phases),
    }


def table(measured: Measured) -> str:
    """Return the figures of each part of the demo side by side, then the phases."""
    lines = ["  " + f"{row[0]:<15}" + "".join(f"{cell!s:>13}" for cell in row[1:]) for row in rows(measured)]
    lines.insert(1, "  " + "─" * 67)
    return "\n".join([*lines, "", *phase_lines(measured.phases)])


def rows(measured: Measured) -> list:
    """Return the cells of that table; the first row has the names of the parts."""
    parts = {
        "before": measured.before,
        "release 2": measured.deployment,
        "release 3": measured.broken,
        "whole demo": Window(0.0, float("inf")),
    }
    figures = [load.figures(measured.records, *window) for window in parts.values()]
    memory = [rss_in(measured.rss, window) for window in parts.values()]
    gaps = [ledger.worker_gap(measured.events, *window) for window in list(parts.values())[:3]]
    counts = ledger.count(measured.events).summary()
    return [
        ("", *parts),
        ("requests", *(part["requests"] for part in figures)),
        ("failed", *(part["failed"] for part in figures)),
        ("retried", *(part["retried"] for part in figures)),
        ("p50", *(_unit(part["p50_ms"], "ms") for part in figures)),
        ("p99", *(_unit(part["p99_ms"], "ms") for part in figures)),
        ("peak memory", *(_unit(max(part, default=None), "MiB") for part in memory)),
        ("without a task", *(_unit(gap, "s") for gap in gaps), ""),
        *((f"tasks {name}", "", "", "", counts[name]) for name in ("accepted", "done", "lost", "doubled")),
    ]


def phase_lines(phases: dict) -> list:
    """Return a line with a bar for each phase of the deployment."""
    whole = sum(phases.values())
    # A human may take as long as he likes, and his bar would hide the others.
    waited, phases = phases.get(WAITING, 0.0), {name: phases[name] for name in phases if name != WAITING}
    longest = max(phases.values(), default=0.0) or 1.0
    lines = [f"  Release 2, seconds a phase ({whole:.1f} s in all, {waited:.1f} s of it waiting for approval)"]
    for name, seconds in in_order(phases).items():
        lines.append(f"  {name:<20}{seconds:6.1f}  {'█' * round(seconds / longest * 40)}".rstrip())
    return lines


def _unit(value: Optional[float], unit: str) -> str:
    return "–" if value is None else f"{value:.1f} {unit}"
