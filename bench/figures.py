"""From what was observed to figures: of one measurement, and of all of one way. All pure."""

from __future__ import annotations

import itertools
import statistics
from typing import Iterable, Optional

import costs
import course
import ledger
import load


def of_floor(observed) -> dict:
    """Return what is kept of one measurement of the floor."""
    return {"rc": observed.outcome.rc, "figures": costs.floor(observed), "phases": _phases(observed.outcome)}


def of_run(observed) -> dict:
    """Return what is kept of one measurement: its figures, and its course second by second."""
    begin, end = observed.deployment, observed.deployed
    before = _latencies(observed.records, observed.begun, observed.burst)
    during = _latencies(observed.records, begin, end)
    requests = load.figures(observed.records, observed.begun, observed.ended)
    counts = ledger.count(observed.events)
    phases = _phases(observed.outcome)
    return {
        "rc": observed.outcome.rc,
        "figures": {
            "requests": requests["requests"],
            "failed": requests["failed"],
            "retried": requests["retried"],
            "p50_before_ms": _rounded(load.percentile(before, 0.50)),
            "p50_during_ms": _rounded(load.percentile(during, 0.50)),
            "p99_before_ms": _rounded(load.percentile(before, 0.99)),
            "p99_during_ms": _rounded(load.percentile(during, 0.99)),
            "in_flight": in_flight(observed.events, begin),
            "accepted": counts.accepted,
            "lost": len(counts.lost),
            "doubled": len(counts.doubled),
            "worker_gap_s": _gap(observed),
            "beats_missed": counts.ticks_missed,
            "beats_doubled": counts.ticks_doubled,
            **_memory(observed),
            **_split(observed),
            **costs.memory(observed),
            "seconds": round(end - begin, 2),
            **_ansible(observed, phases),
        },
        "runs": costs.remote_runs(observed),
        "failures": requests["failures"],
        "phases": phases,
        "inside": observed.outcome.history.get("seconds", {}),
        "latencies_before_ms": [round(ms) for ms in sorted(before)],
        "latencies_during_ms": [round(ms) for ms in sorted(during)],
        "course": _course(observed),
    }


def _phases(outcome) -> dict:
    """Return the seconds of each step; one that comes twice is counted once, with both."""
    phases: dict = {}
    for name, begin, end in outcome.steps:
        phases[name] = round(phases.get(name, 0.0) + end - begin, 2)
    return phases


def in_flight(events: Iterable[dict], when: float) -> int:
    """Return how many tasks were accepted and not done at that time."""
    accepted = {event["id"] for event in events if event["event"] == "accepted" and event["time"] < when}
    done = {event["id"] for event in events if event["event"] == "done" and event["time"] < when}
    return len(accepted - done)


def _gap(observed) -> float:
    gap = ledger.worker_gap(observed.events, observed.deployment, observed.ended)
    return round(observed.ended - observed.deployment, 2) if gap is None else gap


def _latencies(records: Iterable[load.Record], since: float, until: float) -> list:
    return [record.ms for record in records if since <= record.t < until and not record.failed]


def _memory(observed) -> dict:
    quiet = [sample.mib for sample in observed.samples if observed.begun <= sample.time < observed.burst]
    busy = [sample for sample in observed.samples if observed.deployment <= sample.time <= observed.deployed]
    candidate = [name for name, service in observed.fresh.items() if service in ("web", "redis")]
    beside = [sample.mib - _held(sample, candidate) for sample in busy]
    return {
        "memory_before_mib": _rounded(statistics.median(quiet) if quiet else None),
        "memory_peak_mib": _rounded(max((sample.mib for sample in busy), default=None)),
        "memory_beside_mib": _rounded(max(beside, default=None)),
    }


def _held(sample, containers: Iterable[str]) -> float:
    return sum(sample.containers.get(container, 0.0) for container in containers)


def _cpu(observed) -> dict:
    """Return the CPU seconds of the whole host, and those beyond what the load had taken before."""
    seconds = observed.deployed - observed.deployment
    usual = _rate(observed.samples, "cpu_seconds", observed.begun, observed.burst)
    own = _rate(observed.samples, "cpu_seconds", observed.deployment, observed.deployed)
    held = _rate(observed.samples, "held_seconds", observed.deployment, observed.deployed)
    busy = _rate(observed.samples, "busy_seconds", observed.deployment, observed.deployed)
    if usual is None or own is None:
        return {"cpu_s": None, "cpu_beyond_s": None, "held_s": None, "others_cpus": None}
    controller = observed.outcome.controller.get("cpu_seconds", 0.0) / seconds
    return {
        "cpu_s": round(own * seconds, 2),
        "cpu_beyond_s": round((own - usual) * seconds, 2),
        "held_s": round(held * seconds, 2),
        # Neither the host nor Ansible: the load, and whoever else works on this machine.
        "others_cpus": round(max(0.0, busy - own - controller), 2),
    }


def _split(observed) -> dict:
    """Return the CPU seconds, and whose they were; what the kernel did not tell of is what is left."""
    whole, split = _cpu(observed), costs.split(observed)
    if split and whole["cpu_beyond_s"] is not None:
        split["cpu_untold_s"] = round(whole["cpu_beyond_s"] - split["cpu_told_s"], 2)
    return {**whole, **split}


def _rate(samples: list, name: str, since: float, until: float) -> Optional[float]:
    """Return how many CPUs were at work on average."""
    chosen = [sample for sample in samples if since <= sample.time <= until]
    if len(chosen) < 2:
        return None
    spent = getattr(chosen[-1], name) - getattr(chosen[0], name)
    return spent / (chosen[-1].time - chosen[0].time)


_LOOKING = ("preflight", "plan", "open")
# The journal counts a phase while a run on the host works on it. These are counted between runs, or the work is done
# before there is a journal.
_ACROSS_RUNS = ("plan", "open", "fetch", "awaiting_approval", "between_runs")


def _ansible(observed, phases: dict) -> dict:
    """Return what Ansible itself cost: nothing where a script ran on the host."""
    outcome, seconds = observed.outcome, observed.deployed - observed.deployment
    if not outcome.controller:
        return {}

    def total(values: dict) -> float:
        return sum(value for name, value in values.items() if name not in _ACROSS_RUNS)

    return {
        # As the host's own history has them.
        **{f"history_{name}": outcome.history.get(name) for name in ("took", "waited", "worker_gap")},
        "tasks_moved": outcome.history.get("tasks_moved"),
        "ansible_remote_runs": outcome.controller["remote_runs"],
        "ansible_cpu_s": outcome.controller["cpu_seconds"],
        # On this side: Ansible's own start, its plays and its templates.
        "ansible_local_s": round(seconds - sum(phases.values()), 2),
        # Connections, and the start of Python and the look at the host before a module's own work begins.
        "ansible_remote_s": round(total(phases) - total(outcome.history.get("seconds", {})), 2),
        "run_itself_s": _run_itself(costs.remote_runs(observed)),
        "runs_away": sum(bool(run["away_s"]) for run in costs.remote_runs(observed)),
        "away_s": _rounded(sum(run["away_s"] for run in costs.remote_runs(observed))),
        "again_s": _rounded(observed.again),
    }


def _run_itself(runs: list) -> Optional[float]:
    """Return what a run of a module of ours costs the host beside its work, after the one that opens."""
    after = list(itertools.dropwhile(lambda run: run["phase"] in _LOOKING, runs))
    return _median([run.get("itself_s") for run in after if run["action"].startswith("bg_")])


def _course(observed) -> dict:
    memory = [(sample.time, sample.mib) for sample in observed.samples]
    window = course.Window(observed.begun, observed.deployment, observed.deployed, observed.ended)
    return course.course(observed.records, observed.events, memory, observed.outcome.steps, window)


def _rounded(value: Optional[float]) -> Optional[float]:
    return None if value is None else round(value, 1)


# -- of all measurements of one way ---------------------------------------------------------------

# Any one of these is one too many, whichever run it was in: their sum counts. Of all others the median does.
SUMMED = ("failed", "retried", "lost", "doubled", "beats_missed", "beats_doubled", "requests", "accepted")
RATIOS = {
    "p99_ratio": ("p99_during_ms", "p99_before_ms"),
    "memory_ratio": ("memory_peak_mib", "memory_before_mib"),
    "beside_ratio": ("memory_beside_mib", "memory_before_mib"),
}


def of_way(runs: list) -> dict:
    """Return the figures of all runs of one way in one setting: sums and medians.

    A ratio is that of each run, and of these the median: else p99 during and before would be minutes apart.
    """
    each = [with_ratios(run["figures"]) for run in runs]
    names = list(dict.fromkeys(name for figures in each for name in figures))
    return {
        name: (_sum if name in SUMMED else _median)([figures.get(name) for figures in each]) for name in names
    }


def with_ratios(figures: dict) -> dict:
    ratios = {}
    for name, (above, below) in RATIOS.items():
        known = figures.get(above) is not None and figures.get(below)
        ratios[name] = round(figures[above] / figures[below], 2) if known else None
    return {**figures, **ratios}


def phases_of_way(runs: list, key: str) -> dict:
    """Return the median seconds of each phase, in the order in which they came."""
    names = list(dict.fromkeys(name for run in runs for name in run[key]))
    return {name: _median([run[key].get(name) for run in runs]) for name in names}


def remote_runs_of_way(runs: list) -> list:
    """Return the runs on the host in their order, each with the medians of those of the same place in all runs.

    Runs that did not have the same tasks cannot be laid over each other: the first one is shown then.
    """
    each = [run.get("runs") or [] for run in runs]
    names = [[(one["phase"], one["action"], one["name"]) for one in one_run] for one_run in each]
    if any(other != names[0] for other in names[1:]):
        each = each[:1]
    return [
        {
            name: value if isinstance(value, str) else _median([other.get(name) for other in same])
            for name, value in same[0].items()
        }
        for same in zip(*each)
    ]


def spread(runs: list, name: str) -> Optional[tuple]:
    """Return the least and the greatest that the runs of a way came to."""
    values = [with_ratios(run["figures"]).get(name) for run in runs]
    known = [value for value in values if value is not None]
    return (min(known), max(known)) if known else None


def pooled_p99_ratio(runs: list) -> Optional[float]:
    """Return p99 during against before, over the requests of all runs of a way together."""
    before = load.percentile((ms for run in runs for ms in run["latencies_before_ms"]), 0.99)
    during = load.percentile((ms for run in runs for ms in run["latencies_during_ms"]), 0.99)
    return round(during / before, 2) if before and during is not None else None


def _sum(values: list) -> Optional[float]:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _median(values: list) -> Optional[float]:
    known = [value for value in values if value is not None]
    return round(statistics.median(known), 2) if known else None
