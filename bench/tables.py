"""The report: tables of the figures, what was reached, and where ours is worse. All pure."""

from __future__ import annotations

import statistics
from typing import Iterable

import cost_tables
import figures
import targets
from cells import Row, cell, markdown, number, plain, ratio
from settings import FIRST, FLOOR, MEASURED, REFERENCE, SETTINGS, WAYS

ROWS = (
    Row("requests", "requests", spread=False),
    Row("failed", "failed", spread=False),
    Row("asked again (see below)", "retried", spread=False),
    Row("tasks in flight at the begin", "in_flight"),
    Row("tasks accepted", "accepted", spread=False),
    Row("tasks lost", "lost", spread=False),
    Row("tasks doubled", "doubled", spread=False),
    Row("longest time without a finished task", "worker_gap_s", "s"),
    Row("beats missed", "beats_missed", spread=False),
    Row("beats doubled", "beats_doubled", spread=False),
    Row("p50 before", "p50_before_ms", "ms", spread=False),
    Row("p50 during", "p50_during_ms", "ms"),
    Row("p99 before", "p99_before_ms", "ms"),
    Row("p99 during", "p99_during_ms", "ms"),
    Row("p99 during / before", "p99_ratio"),
    Row("memory before", "memory_before_mib", "MiB", spread=False),
    Row("peak memory", "memory_peak_mib", "MiB"),
    Row("peak memory / before", "memory_ratio"),
    Row("the same beside the candidate's own web and Redis", "beside_ratio"),
    Row("CPU of the host", "cpu_s", "s"),
    Row("the same beyond what the load takes", "cpu_beyond_s", "s"),
    Row("held back by the limit of CPU (see below)", "held_s", "s"),
    Row("whole run", "seconds", "s"),
    Row("CPUs that others had meanwhile (see below)", "others_cpus"),
)
# More than the load takes: somebody else worked on the machine, and that shows in every figure of time.
QUIET_CPUS = 0.4
# Of our ways alone.
OWN = (
    Row("took, by the host's history", "history_took", "s"),
    Row("of it waiting for approval", "history_waited", "s"),
    Row("worker gap", "history_worker_gap", "s"),
    Row("tasks moved to the new color's Redis", "tasks_moved"),
    Row("runs on the host", "ansible_remote_runs", spread=False),
    Row("of them while no worker was there, neither an old nor a new one", "runs_away", spread=False),
    Row("seconds of the runs in which no worker was there", "away_s", "s"),
    Row("CPU of the host for a run of a `bg_` module after `open`, beside its work", "run_itself_s", "s"),
    Row("the same release again", "again_s", "s"),
    Row("CPU on the controller", "ansible_cpu_s", "s"),
    Row("seconds between the runs, on the controller", "ansible_local_s", "s"),
    Row(
        "seconds of the runs from `stop_workers` on, outside of the modules' own work",
        "ansible_remote_s",
        "s",
    ),
)
AGAINST = (
    ("p99 during", "p99_during_ms"),
    ("peak memory", "memory_peak_mib"),
    ("CPU of the host", "cpu_s"),
    ("whole run", "seconds"),
)
# Where less is better: looked through for what others do better than ours.
COMPARED = (
    ("longest time without a finished task", "worker_gap_s", "s"),
    ("p99 during / before", "p99_ratio", ""),
    ("peak memory", "memory_peak_mib", "MiB"),
    ("CPU of the host", "cpu_s", "s"),
    ("whole run", "seconds", "s"),
    ("beats missed", "beats_missed", ""),
)


def report(meta: dict, runs: dict) -> str:
    """Return the whole of the report.

    :param meta: about the measurement: date, machine, versions, load, wanted runs.
    :param runs: {setting: {way: [what is kept of each run]}}
    """
    parts = [_head(meta, runs)]
    floors = {setting: _floor(ways) for setting, ways in runs.items()}
    runs = {setting: whole(ways) for setting, ways in runs.items() if whole(ways)}
    if FIRST in runs:
        parts.append(_reached(runs[FIRST]))
    for setting, ways in runs.items():
        parts.append(_setting(setting, ways, floors[setting]))
    parts.append(_pictures(meta, runs))
    parts.append(_method(meta))
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def whole(ways: dict) -> dict:
    """Return the runs that did deploy: of one that ended early no figure says what a deployment costs."""
    good = {way: [run for run in runs if run["rc"] == 0] for way, runs in ways.items() if way != FLOOR}
    return {way: runs for way, runs in good.items() if runs}


def _floor(ways: dict) -> dict:
    """Return the figures of the floor, empty when it was not measured."""
    return figures.of_way([run for run in ways.get(FLOOR, ()) if run["rc"] == 0])


def brief(setting: str, ways: dict) -> str:
    """Return the table of one setting for a terminal."""
    ways = whole(ways)
    chosen = {way: figures.of_way(runs) for way, runs in ways.items()}
    rows = [["", *chosen]] + [
        [row.title, *(plain(own.get(row.name), row.unit) for own in chosen.values())] for row in ROWS
    ]
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    lines = [
        row[0].ljust(widths[0]) + "".join(cell.rjust(width + 2) for cell, width in zip(row[1:], widths[1:]))
        for row in rows
    ]
    if setting == FIRST:
        lines += [
            f"{each.way}: {each.what}: {each.measured}, to reach {each.limit}{'' if each.met else ': NOT MET'}"
            for each in targets.verdicts(chosen)
            if each.met is not None
        ]
    return "\n".join([SETTINGS[setting].title, *(f"  {line}".rstrip() for line in lines)])


def _head(meta: dict, runs: dict) -> str:
    complete = set(runs) == set(SETTINGS) and all(
        set(ways) == set(MEASURED) and all(len(each) >= 3 for each in ways.values()) for ways in runs.values()
    )
    counts = {len(each) for ways in runs.values() for each in ways.values()}
    least, most = min(counts, default=0), max(counts, default=0)
    often = f"{least}" if least == most else f"{least} to {most}"
    lines = [
        "# What a deployment costs, measured",
        "",
        f"Written by `make bench` on {meta['date']}, in {meta['seconds'] / 60:.0f} minutes.",
        f"Each way was measured {often} {'time' if most == 1 else 'times'} in each setting.",
        "Figures are medians, with the least and the greatest of the runs; counts of requests, tasks and beats",
        "are sums over all runs.",
    ]
    if not complete:
        lines += ["", "**A part only:** not all ways, settings or runs were measured this time."]
    if meta.get("untold"):
        lines += ["", f"**Whose the processor seconds are was not measured:** {meta['untold']}"]
    noisy = [
        f"{way} ({setting})"
        for setting, ways in runs.items()
        for way, each in ways.items()
        if any((run["figures"].get("others_cpus") or 0) > QUIET_CPUS for run in each)
    ]
    if noisy:
        lines += [
            "",
            f"**Not alone:** others used this machine while these were measured: {', '.join(noisy)}.",
        ]
    broken = [
        f"{way} ({setting}, {sum(bool(run['rc']) for run in each)} of {len(each)})"
        for setting, ways in runs.items()
        for way, each in ways.items()
        if any(run["rc"] for run in each)
    ]
    if broken:
        lines += ["", f"**Ended with an error:** {', '.join(broken)}."]
    return "\n".join(lines)


def _reached(ways: dict) -> str:
    chosen = {way: figures.of_way(runs) for way, runs in ways.items()}
    words = {True: "met", False: "**not met**", None: "–"}
    rows = [
        [f"`{each.way}`", each.what, each.before, each.limit, each.measured, words[each.met]]
        for each in targets.verdicts(chosen)
    ]
    if not rows:
        return ""
    head = ["", "", "before", "to reach", "measured", ""]
    return f"## Figures to reach ({SETTINGS[FIRST].title})\n\n" + markdown([head, *rows], words=2)


def _setting(setting: str, ways: dict, floor: dict) -> str:
    chosen = {way: figures.of_way(runs) for way, runs in ways.items()}
    table = [["", *chosen]] + [
        [row.title, *(cell(row, chosen[way], ways[way]) for way in chosen)] for row in ROWS
    ]
    lines = [f"## {SETTINGS[setting].title}", "", markdown(table)]
    if REFERENCE in chosen and len(chosen) > 1:
        rows = [
            [title, *(ratio(own[name], chosen[REFERENCE][name]) for own in chosen.values())]
            for title, name in AGAINST
        ]
        pooled = [number(figures.pooled_p99_ratio(each)) for each in ways.values()]
        rows.append(["p99 during / before, requests of all runs as one", *pooled])
        lines += ["", f"Against `{REFERENCE}`, and p99 once more:", "", markdown([["", *chosen], *rows])]
    lines += [*cost_tables.split(chosen, ways, floor), *cost_tables.weights(chosen, ways)]
    lines += ["", "Seconds a phase:", "", *(_phases(way, runs) for way, runs in ways.items())]
    own = [way for way in chosen if chosen[way].get("ansible_remote_runs") is not None]
    if own:
        rows = [[row.title, *(cell(row, chosen[way], ways[way]) for way in own)] for row in OWN]
        lines += [
            "",
            "Of ours alone:",
            "",
            markdown([["", *own], *rows]),
            *(line for way in own for line in cost_tables.remote_runs(way, ways[way])),
        ]
    worse = list(where_worse(chosen))
    if worse:
        lines += ["", "Where ours is worse:", "", *worse]
    return "\n".join(lines)


def _phases(way: str, runs: list) -> str:
    """Return the line of a way's phases; of ours with what the modules took inside, the rest is Ansible's."""
    phases = figures.phases_of_way(runs, "phases")
    inside = figures.phases_of_way(runs, "inside")
    parts = [
        f"{name} {seconds:.1f}" + (f" ({inside[name]:.1f})" if name in inside else "")
        for name, seconds in phases.items()
    ]
    return f"* `{way}`: " + ", ".join(parts)


def where_worse(chosen: dict) -> Iterable[str]:
    """Yield a line for each figure of ours that another way does better, whatever else that one breaks."""
    for way in targets.OURS:
        for title, name, unit in COMPARED:
            own = chosen.get(way, {}).get(name)
            if own is None:
                continue
            better = [
                f"`{other}` {plain(values[name], unit)}{_but(values)}"
                for other, values in chosen.items()
                if other not in targets.OURS and values.get(name) is not None and values[name] < own
            ]
            if better:
                yield f"* `{way}`: {title} {plain(own, unit)}; {', '.join(better)}"


def _but(values: dict) -> str:
    """Return what is wrong with a way that was better."""
    wrong = [
        f"{values[name]} {title}" for name, title in (("failed", "failed"), ("lost", "lost")) if values[name]
    ]
    return f" ({', '.join(wrong)})" if wrong else ""


def _pictures(meta: dict, runs: dict) -> str:
    if not meta.get("pictures"):
        return ""
    setting = meta["pictures"]
    lines = [f"## The course of one run ({SETTINGS[setting].title})", ""]
    lines.append(
        "Of each way the run with the median time without a finished task. All have the same scales; answers are "
        "logarithmic."
    )
    for way in runs[setting]:
        lines += ["", f"![{way}: answers, tasks and memory over time](bench/{way}.svg)"]
    return "\n".join(lines)


def _method(meta: dict) -> str:
    ways = "\n".join(f"* `{way}`: {text}" for way, text in WAYS.items())
    versions = ", ".join(f"{name} {version}" for name, version in meta["versions"].items())
    load = meta["load"]
    return f"""\
## How it is measured

One host in a container (systemd, Docker Engine, Nginx; the CPU of the setting, 1 GiB of memory, no swap) on
{meta["machine"]}. On the host: {versions}.
On this side: {meta["controller"]}.

The app is the demo's, with web, worker (two processes), beat (a tick every 5 s) and Redis. It gets
{load["requests"]} requests and {load["tasks"]} tasks a second (0.1 to 1 s long, 0.4 s on average).
After {load["before"]:g} s of that comes a burst of {load["queued"]} short tasks and {load["delayed"]}
with an ETA, in two queues, with priorities, early and late acknowledged; then the deployment begins at once, and
the load goes on for {load["after"]:g} s after it. What was accepted and is not done when nothing moves any more
is lost. The images are on the host before. Ways take turns, and each round begins with another one.

{ways}
* `{FLOOR}`: {MEASURED[FLOOR]}; only its processor seconds count

The bash ways are in `bench/ways/` of the repository, and run on the host itself. They ask for health once a second, and
nobody has to say yes in between. All ways have the same Compose file, whose Redis is an image that no release changes.
This collection is measured as README has it: it is installed and no `ansible.cfg` says anything, a user logs in over
SSH, on a connection that each run makes anew, and becomes root with sudo.

* **during**: from the first to the last second of the way, that is of `ansible-playbook` or of the script;
  **before**: the {load["before"]:g} s before the burst. A latency counts from when the request was due.
* **p99 during / before**: of each run by itself, and of these ratios the median. 1 % of a run's requests are
  only some few, so it is given a second time over the requests of all runs as one.
* **longest time without a finished task**: from the deployment's begin to the load's end, whichever way it is.
  It holds the worker gap, and beside that the time that the tasks before and after it took.
* **took, worker gap** of ours: the figures of the history on the host (docs/journal.md). It counts from the opening,
  so the plan and Ansible's own start are not in it.
* **memory**: what all processes of the host hold, page cache left out, every 0.2 s; before: the median.
* **beats missed**: ticks that were due while no beat ran, the gap of the deployment itself included.
* **asked again**: a reused connection ended before any byte of an answer, as Nginx before 1.27.4 does at a
  reload; the client asks again, as a browser does, which does not count as a failure.
* **held back by the limit of CPU**: the host has one core. Half of one is kept in periods of 0.1 s: a process
  that uses a period up early makes all of the host wait for the next one.
* **CPUs that others had**: of this machine's processors, what neither the host nor Ansible used. The load
  takes some 0.1; with more than {QUIET_CPUS} the machine was not quiet, and times are longer than they would be.
* **where the processor seconds went**: this machine's kernel tells of each process of the host as it begins, becomes
  another program and ends, and of what it had of a processor, to the microsecond (process events and taskstats).
  A process belongs to the kind of its program, or else to that of its parent. Beyond app and load is what is more than in as many
  seconds before the burst. The last moments of a process are told to nobody if its parent asks for its end at once;
  they are what lacks of the sum that the host's control group has.
* **the app's own boot**: of each new container up to the first request that the new web answered, the first task that
  the new worker began, the first tick of the new beat. A script that does not wait for its workers has a part of that
  after its end, which only the whole boot has.
* **the floor**: `docker compose` and the engine as `script` asks them, and the app's boot. Nobody asks the app for
  anything then, which is why the same steps can take less than under load.
* **a run on the host, itself**: Ansible's connection, the module or the collection's program, and what these start, but
  neither Compose nor the engine. **While no worker was there**: from when the last container of an old worker had ended
  to when the first of a new one had begun, looked at every 0.2 s.
* **memory of each kind**: of one process, the most that the kernel saw of it, with what it shares with others; of all
  at once and of containers, what they hold for themselves, looked at four times a second.
* **seconds a phase**: those that its runs on the host took as seen from here; in brackets what the host's
  journal counted inside, from when the run held the lock. What their sum lacks of the whole run is Ansible's own
  start and templating.

```console
$ make bench                                            # everything, in an hour
$ make bench WAYS=ours-stop,ours-throttle,plain RUNS=1  # a part, with {SETTINGS[FIRST].title}
$ make bench SETTINGS=half-color WAYS=ours-stop,plain
$ make bench CONTINUE=1                                 # what a run that was cut off has left
$ make bench-report                                     # the report again from bench/raw/
```"""


def typical(runs: list) -> dict:
    """Return the run whose longest time without a finished task is the median, the one that a picture is made of."""
    middle = statistics.median_low(run["figures"]["worker_gap_s"] for run in runs)
    return next(run for run in runs if run["figures"]["worker_gap_s"] == middle)
