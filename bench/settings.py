"""What can be measured: the ways to deploy, and the settings that each is measured in. All pure."""

from __future__ import annotations

from typing import NamedTuple

WAYS = {
    "script": "stop the workers, start web and Redis of the new color, switch, start the workers (bash)",
    "plain": "start all of the new color beside the old one, switch, remove the old one (bash)",
    "recreate": "`docker compose up -d` in place",
    "rolling": "one project: a second web takes over from the first, then the workers are replaced (bash)",
    "ours-stop": "this collection, `bluegreen_worker_strategy: stop`",
    "ours-throttle": "this collection, `bluegreen_worker_strategy: throttle`",
}
# What no tool can spare the host: the script, with nobody who asks the app for anything meanwhile.
FLOOR = "floor"
# All that is measured.
MEASURED = {FLOOR: "the same as `script`, on a host without requests and tasks", **WAYS}
# What ratios are against.
REFERENCE = "plain"


class Setting(NamedTuple):
    cpus: float
    broker: str  # color or shared: bluegreen_broker
    title: str


SETTINGS = {
    "1cpu-color": Setting(1.0, "color", "1 CPU, a Redis in each color"),
    "half-color": Setting(0.5, "color", "½ CPU, a Redis in each color"),
    "1cpu-shared": Setting(1.0, "shared", "1 CPU, one Redis for both colors"),
}
# Where the figures to reach are looked at, and what parts of the benchmark are measured in.
FIRST = "1cpu-color"


class BenchError(Exception):
    """One clear sentence for the person at the terminal."""


def chosen(option: str, wanted: str, known: dict) -> list:
    """Return the names in a comma-separated list, in the order of those that are known."""
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise BenchError(f"{option}={wanted} is not possible: there are {', '.join(known)}.")
    if not names:
        raise BenchError(f"{option}={wanted} names nothing; there are {', '.join(known)}.")
    return [name for name in known if name in names]


def rounds(ways: list, runs: int) -> list:
    """Return (run, way) in the order in which they are measured.

    All ways once, then all once more, each time beginning with another one: what changes slowly on this
    machine meets all of them alike.
    """
    turns = [ways[number % len(ways) :] + ways[: number % len(ways)] for number in range(runs)]
    return [(run, way) for run, turn in enumerate(turns, 1) for way in turn]


def strategy(way: str) -> str:
    """Return the worker strategy of a way of ours, and nothing for the others."""
    return way.partition("ours-")[2]
