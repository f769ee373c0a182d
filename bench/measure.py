"""One measurement: load, a burst of tasks, a deployment by one way, and the wait for the last task."""

from __future__ import annotations

import time
from typing import NamedTuple

import burst
import ledger
import mix
from load import Load
from machine import Machine, Outcome

REQUESTS_A_SECOND = 20
TASKS_A_SECOND = 3
WARM_UP_SECONDS = 2.0
BEFORE_SECONDS = 20.0
AFTER_SECONDS = 6.0
# When nothing was finished for so long after the last ETA, what is left is lost.
STILL_SECONDS = 6.0
# Whatever is not finished by then hangs.
PATIENCE_SECONDS = 120.0


class Observed(NamedTuple):
    """All that was seen of one measurement, raw."""

    records: list  # load.Record
    events: list  # of the ledger
    samples: list  # sampler.Sample
    outcome: Outcome
    begun: float  # the measurement; the load is warm
    burst: float  # the burst began
    deployment: float  # the way began
    deployed: float  # the way ended
    ended: float  # the load ended
    candidate: list  # ids of the web and the Redis that the way brought up


def measure(machine: Machine, way: str, label: str) -> Observed:
    machine.forget_ledger()
    known = {container.id for container in machine.containers()}
    load = Load(machine.url, REQUESTS_A_SECOND, TASKS_A_SECOND)
    sampler = machine.sampler().start()
    load.start()
    try:
        time.sleep(WARM_UP_SECONDS)
        begun = time.time()
        time.sleep(BEFORE_SECONDS)
        burst_begun = time.time()
        burst.submit(machine.url, mix.burst())
        deployment = time.time()
        outcome = machine.run(way, label)
        deployed = time.time()
        candidate = [
            container.id
            for container in machine.containers()
            if container.id not in known and container.service in ("web", "redis")
        ]
        time.sleep(AFTER_SECONDS)
    finally:
        load.stop()
        samples = sampler.stop()
    ended = time.time()
    events = wait_until_still(machine, earliest=burst_begun + mix.LAST_DUE)
    return Observed(
        records=load.records,
        events=events,
        samples=samples,
        outcome=outcome,
        begun=begun,
        burst=burst_begun,
        deployment=deployment,
        deployed=deployed,
        ended=ended,
        candidate=candidate,
    )


def wait_until_still(machine: Machine, earliest: float) -> list:
    """Return the ledger's events when every task is done, or nothing has been for a while."""
    end = time.time() + PATIENCE_SECONDS
    done, since = -1, time.time()
    while True:
        events = ledger.parse(machine.ledger())
        counts = ledger.count(events)
        if counts.done != done:
            done, since = counts.done, time.time()
        still = time.time() > max(since, earliest) + STILL_SECONDS
        if not counts.lost or still or time.time() > end:
            return events
        time.sleep(1.0)
