"""What a deployment costs the host, split by who spends it: of one measurement. All pure."""

from __future__ import annotations

from typing import Iterable, Optional

from kinds import ANSIBLE, APP, COMPOSE, ENGINE, GUARD, MODULE, NGINX, PROGRAM, SCRIPT, SYSTEM, WEIGHED, spent

# {figure: kinds of processes whose processor seconds it is the sum of}
SPLIT = {
    "cpu_connection_s": (ANSIBLE,),
    "cpu_module_s": (MODULE,),
    "cpu_own_s": (SCRIPT, PROGRAM),
    "cpu_guard_s": (GUARD,),
    "cpu_compose_s": (COMPOSE,),
    "cpu_engine_s": (ENGINE,),
    "cpu_system_s": (SYSTEM,),
}
# Of a run on the host: what it costs beside the work that it asks others to do.
RUN_ITSELF = (ANSIBLE, MODULE, PROGRAM)
# The seconds of these depend on the load, and not on how it is deployed.
_APP = (APP, NGINX)


def split(observed) -> dict:
    """Return the processor seconds beyond what the load takes, by who had them; nothing if that was not seen."""
    if observed.seen is None:
        return {}
    begin, end = observed.deployment, observed.deployed
    kinds = _beyond(observed, begin, end)
    boot, within = (_boot(observed, until) for until in (observed.ended, end))
    passing = sum(kinds.get(APP + name, 0.0) for name in passing_containers(observed))
    own = {name: sum(kinds.get(kind, 0.0) for kind in each) for name, each in SPLIT.items()}
    app = sum(seconds for kind, seconds in kinds.items() if kind.startswith(_APP)) - passing
    sums = {
        **own,
        "cpu_passing_s": passing,
        "cpu_boot_s": within,
        "cpu_app_rest_s": app - within,
        "cpu_outside_s": sum(own.values()) + passing,
        "cpu_boot_whole_s": boot,
        "cpu_told_s": sum(kinds.values()),
        "compose_calls": sum(begin <= when < end for when in observed.seen.compose_calls),
    }
    return {name: round(value, 2) for name, value in sums.items()}


def floor(observed) -> dict:
    """Return what the host has to do whatever the tool is, from a measurement of the floor."""
    if observed.seen is None:
        return {"seconds": round(observed.deployed - observed.deployment, 2)}
    # The script does not wait for its workers, so their boot goes on after its end.
    kinds = _beyond(observed, observed.deployment, observed.ended)
    sums = {
        "cpu_compose_s": kinds.get(COMPOSE, 0.0),
        "cpu_engine_s": kinds.get(ENGINE, 0.0),
        "cpu_boot_s": _boot(observed, observed.ended),
    }
    sums["cpu_floor_s"] = sum(sums.values())
    calls = sum(observed.deployment <= when < observed.deployed for when in observed.seen.compose_calls)
    seconds = observed.deployed - observed.deployment
    rounded = {name: round(value, 2) for name, value in {**sums, "seconds": seconds}.items()}
    return {**rounded, "compose_calls": calls}


def _beyond(observed, begin: float, end: float) -> dict:
    """Return {kind: processor seconds beyond what it had taken in as long a time before}."""
    charges = observed.seen.charges
    usual = spent(charges, observed.begun, observed.burst)
    own = spent(charges, begin, end)
    longer = (end - begin) / (observed.burst - observed.begun)
    return {kind: own.get(kind, 0.0) - usual.get(kind, 0.0) * longer for kind in {**usual, **own}}


def _boot(observed, until: float) -> float:
    """Return what the new containers took until each did its first work, as far as that was before a moment."""
    return sum(
        spent(
            [charge for charge in observed.seen.charges if charge.kind == APP + name],
            observed.deployment,
            min(until, first_work(observed, service) or until),
        ).get(APP + name, 0.0)
        for name, service in observed.fresh.items()
    )


def first_work(observed, service: str) -> Optional[float]:
    """Return when the new release first did what a service is there for, None if that was not seen."""
    begin, release = observed.deployment, observed.release
    if service in ("worker", "beat"):
        what = {"worker": "started", "beat": "tick"}[service]
        times = [
            event["time"]
            for event in observed.events
            if event["event"] == what and event.get("release") == release and event["time"] >= begin
        ]
    else:
        times = [
            record.t + record.ms / 1000
            for record in observed.records
            if record.release == release and record.t >= begin and not record.failed
        ]
    return min(times, default=None)


def passing_containers(observed) -> set:
    """Return the ids of those that came and went while it was deployed, such as one that asks for task names."""
    begin, end = observed.deployment, observed.deployed
    before = {name for sample in observed.samples if sample.time < begin for name in sample.containers}
    during = {name for sample in observed.samples if begin <= sample.time <= end for name in sample.containers}
    if observed.seen is not None:
        apps = [charge for charge in observed.seen.charges if charge.kind.startswith(APP)]
        before |= {charge.kind[len(APP) :] for charge in apps if charge.since < begin}
        during |= {charge.kind[len(APP) :] for charge in apps if begin <= charge.since <= end}
    return during - before - set(observed.old) - set(observed.fresh)


def memory(observed) -> dict:
    """Return the most that each kind had in memory while it was deployed."""
    begin, end = observed.deployment, observed.deployed
    passing = passing_containers(observed)
    held = [
        mib
        for sample in observed.samples
        if begin <= sample.time <= end
        for name, mib in sample.containers.items()
        if name in passing
    ]
    found = {"peak_passing_mib": max(held, default=None)}
    if observed.seen is not None:
        for kind in WEIGHED:
            found[f"peak_{kind}_mib"] = _most(observed.seen.peaks, kind, begin, end)
            found[f"held_{kind}_mib"] = _most(observed.seen.held, kind, begin, end)
    return {name: None if mib is None else round(mib, 1) for name, mib in found.items()}


def _most(weights: Iterable, kind: str, begin: float, end: float) -> Optional[float]:
    found = (weight.mib for weight in weights if weight.kind == kind and begin <= weight.time <= end)
    return max(found, default=None)


def away(observed) -> Optional[tuple]:
    """Return from when to when no worker was there, neither an old nor a new one; None if one always was."""

    def seen(containers: dict) -> list:
        workers = {name for name, service in containers.items() if service == "worker"}
        return [
            sample.time
            for sample in observed.samples
            if sample.time >= observed.deployment and workers & set(sample.containers)
        ]

    old, new = seen(observed.old), seen(observed.fresh)
    return (old[-1], new[0]) if old and new and old[-1] < new[0] else None


def remote_runs(observed) -> list:
    """Return each run on the host: its seconds, and the processor seconds that the host spent meanwhile."""
    gone, come = away(observed) or (0.0, 0.0)
    return [
        {
            **{name: run[name] for name in ("phase", "action", "name")},
            "seconds": round(run["end"] - run["begin"], 2),
            "away_s": round(max(0.0, min(run["end"], come) - max(run["begin"], gone)), 2),
            **_cost(observed, run["begin"], run["end"]),
        }
        for run in observed.outcome.runs
    ]


def _cost(observed, begin: float, end: float) -> dict:
    if observed.seen is None:
        return {}
    kinds = _beyond(observed, begin, end)
    sums = {
        "itself_s": sum(kinds.get(kind, 0.0) for kind in RUN_ITSELF),
        "compose_s": kinds.get(COMPOSE, 0.0),
        "engine_s": kinds.get(ENGINE, 0.0),
    }
    return {name: round(seconds, 3) for name, seconds in sums.items()}
