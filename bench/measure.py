"""One measurement: load, a burst of tasks, a deployment by one way, and the wait for the last task."""

from __future__ import annotations

import time
from typing import NamedTuple, Optional

import burst
import ledger
import mix
from accountant import Seen
from load import Load
from machine import Machine, Outcome
from settings import FLOOR, strategy

REQUESTS_A_SECOND = 20
TASKS_A_SECOND = 3
WARM_UP_SECONDS = 2.0
BEFORE_SECONDS = 20.0
AFTER_SECONDS = 6.0
# For the floor nobody asks: the host is looked at for so long before, and has so long to come to rest after.
REST_SECONDS = 8.0
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
    release: str  # that was deployed
    old: dict  # {id: service} of the app's containers before
    fresh: dict  # {id: service} of those that the way brought up
    seen: Optional[Seen]  # by the accountant; None where the kernel does not tell
    again: Optional[float]  # seconds of the same release once more; None for the bash ways


def measure(machine: Machine, way: str, label: str) -> Observed:
    """Measure a way under load; the floor without requests and tasks, so that Compose, the engine and the app's boot remain."""
    machine.forget_ledger()
    old = services(machine)
    load = None if way == FLOOR else Load(machine.url, REQUESTS_A_SECOND, TASKS_A_SECOND)
    sampler = machine.sampler().start()
    accountant = machine.accountant()
    try:
        if load:
            load.start()
            time.sleep(WARM_UP_SECONDS)
        begun = time.time()
        time.sleep(BEFORE_SECONDS if load else REST_SECONDS)
        burst_begun = time.time()
        if load:
            burst.submit(machine.url, mix.burst())
        deployment = time.time()
        outcome = machine.run(way, label)
        deployed = time.time()
        time.sleep(AFTER_SECONDS if load else REST_SECONDS)
    finally:
        if load:
            load.stop()
        samples = sampler.stop()
        seen = accountant.stop()
    ended = time.time()
    # Asked only now: the question costs the host what is measured.
    fresh = {name: service for name, service in services(machine).items() if name not in old}
    events = (
        ledger.wait_until_done(machine.ledger, PATIENCE_SECONDS, STILL_SECONDS, earliest=burst_begun + mix.LAST_DUE)
        if load
        else []
    )
    again = machine.again(way, f"{label}-again") if strategy(way) and outcome.rc == 0 else None
    return Observed(
        records=load.records if load else [],
        events=events,
        samples=samples,
        outcome=outcome,
        begun=begun,
        burst=burst_begun,
        deployment=deployment,
        deployed=deployed,
        ended=ended,
        release=machine.release,
        old=old,
        fresh=fresh,
        seen=seen,
        again=again,
    )


def services(machine: Machine) -> dict:
    """Return {id: service} of the app's containers that are running."""
    return {container.id: container.service for container in machine.containers()}
