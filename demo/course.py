"""The course of a deployment under load, second by second, for the picture of it. All pure."""

from __future__ import annotations

import statistics
from typing import Callable, Iterable, NamedTuple


class Window(NamedTuple):
    """When the load began, the deployment began, the deployment ended, and the load ended, in seconds since 1970."""

    begun: float
    deployment: float
    deployed: float
    ended: float


def steps_of_tasks(tasks: list) -> list:
    """Return (phase, begin, end): tasks of one phase that follow each other are one, local ones left out."""
    steps: list = []
    for task in tasks:
        if not task["remote"]:
            continue
        if steps and steps[-1][0] == task["phase"]:
            steps[-1] = (task["phase"], steps[-1][1], task["end"])
        else:
            steps.append((task["phase"], task["begin"], task["end"]))
    return steps


def course(records: list, events: list, memory: Iterable[tuple], steps: Iterable[tuple], window: Window) -> dict:
    """Return a value for each second, and each step's begin and end, counted from the deployment's begin.

    :param records: load.Record of each request.
    :param events: of the ledger.
    :param memory: (time, MiB) of the whole host.
    :param steps: (phase, begin, end), as steps_of_tasks has them.
    """
    zero = window.deployment
    first = int(window.begun - zero)
    ended = max([window.ended, *(event["time"] for event in events if event["event"] == "done")])
    seconds = range(first, int(ended - zero) + 1)

    def each(values: Iterable[tuple], reduce: Callable) -> list:
        buckets: dict = {}
        for when, value in values:
            buckets.setdefault(int((when - zero) // 1), []).append(value)
        return [reduce(buckets[second]) if second in buckets else None for second in seconds]

    answered = [(record.t, record.ms) for record in records if not record.failed]
    finished = [
        (event["time"], 1) for event in events if event["event"] == "done" and event["kind"] != "tick"
    ]
    return {
        "first": first,
        "failed": each(((record.t, 1) for record in records if record.failed), len),
        "median_ms": each(answered, lambda values: round(statistics.median(values), 1)),
        "slowest_ms": each(answered, lambda values: round(max(values))),
        "tasks": each(finished, len),
        "memory_mib": each(memory, lambda values: round(max(values))),
        "steps": [[name, round(begin - zero, 2), round(end - zero, 2)] for name, begin, end in steps],
        "load_until": round(window.ended - zero, 1),
        "end": round(window.deployed - zero, 2),
    }
