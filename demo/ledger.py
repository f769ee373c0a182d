#!/usr/bin/env python3
"""Counts the demo app's ledger: what was accepted, done, lost, and done twice.

python demo/ledger.py /srv/ledger/ledger.jsonl --wait 60
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import sys
import time
from typing import Callable, Iterable, NamedTuple, Optional

TICK_SECONDS = 5.0
WAIT_SECONDS = 120.0


class Counts(NamedTuple):
    accepted: int
    done: int  # tasks that were done at least once
    lost: list  # ids that were accepted and not done
    doubled: list  # ids that were done more than once
    ticks: int
    ticks_missed: int
    ticks_doubled: int

    def summary(self) -> dict:
        """The same with numbers for the lists of ids."""
        return {
            name: len(value) if isinstance(value, list) else value for name, value in self._asdict().items()
        }


def parse(text: str) -> list:
    """Return the events of a ledger, a line that is still being written left out."""
    events = []
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if not line.endswith("\n"):
            continue
        try:
            events.append(json.loads(line))
        except ValueError as error:
            raise ValueError(f"line {number} of the ledger is no JSON: {line[:60]!r}") from error
    return events


def count(events: Iterable[dict]) -> Counts:
    accepted = set()
    done: collections.Counter = collections.Counter()
    ticks = []
    for event in events:
        if event["event"] == "tick":
            ticks.append(event["time"])
        elif event["kind"] == "tick":
            continue
        elif event["event"] == "accepted":
            accepted.add(event["id"])
        elif event["event"] == "done":
            done[event["id"]] += 1
    missed, doubled = tick_faults(ticks)
    return Counts(
        accepted=len(accepted),
        done=len(done),
        lost=sorted(accepted - set(done)),
        doubled=sorted(task for task, times in done.items() if times > 1),
        ticks=len(ticks),
        ticks_missed=missed,
        ticks_doubled=doubled,
    )


def tick_faults(times: Iterable[float], interval: float = TICK_SECONDS) -> tuple:
    """Return how many ticks are missing between the first and the last, and how many are too many.

    One beat never ticks twice within much less than its interval; a tick after a pause may come
    later than its turn, and the next then follows a whole interval after it.
    """
    missed = doubled = 0
    last: Optional[float] = None
    for tick in sorted(times):
        if last is not None:
            turns = (tick - last) / interval
            if turns < 0.8:
                doubled += 1
                continue
            missed += max(0, round(turns) - 1)
        last = tick
    return missed, doubled


def worker_gap(events: Iterable[dict], since: float = 0.0, until: float = math.inf) -> Optional[float]:
    """Return the longest time in [since, until] in which no task was finished.

    None when none was finished at all: then the gap is the window, and the caller knows that best.
    """
    finished = sorted(
        event["time"]
        for event in events
        if event["event"] == "done" and event["kind"] != "tick" and since <= event["time"] <= until
    )
    if not finished:
        return None
    edges = [since or finished[0], *finished, finished[-1] if math.isinf(until) else until]
    return round(max(later - earlier for earlier, later in zip(edges, edges[1:])), 2)


def wait_until_done(
    read: Callable[[], str], timeout: float = WAIT_SECONDS, still: float = math.inf, earliest: float = 0.0
) -> list:
    """Return the events as soon as every accepted task is done, or when the time is over.

    :param still: also when no task was done for so many seconds,
    :param earliest: counted from this time (seconds since the epoch) at the earliest.
    """
    since = time.time()
    end, done = since + timeout, -1
    while True:
        events = parse(read())
        counts, now = count(events), time.time()
        if counts.done != done:
            done, since = counts.done, now
        if not counts.lost or now >= end or now > max(since, earliest) + still:
            return events
        time.sleep(1.0)


def main(arguments: list) -> int:
    parser = argparse.ArgumentParser(description="Count the demo app's ledger.")
    parser.add_argument("file", help="the ledger")
    parser.add_argument(
        "--wait", type=float, default=0.0, help="wait up to so many seconds until all accepted tasks are done"
    )
    options = parser.parse_args(arguments)

    def read() -> str:
        with open(options.file, encoding="utf-8") as ledger:
            return ledger.read()

    try:
        events = wait_until_done(read, options.wait)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    counts = count(events)
    gap = worker_gap(events)
    ids = {"lost": counts.lost, "doubled": counts.doubled}
    print(json.dumps({**counts.summary(), "worker_gap_s": gap, "ids": ids}))
    return 1 if counts.lost or counts.doubled else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
