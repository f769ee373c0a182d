"""The report: tables of the figures, what was reached, and where ours is worse. All pure."""

from __future__ import annotations

import statistics
from typing import Iterable, NamedTuple, Optional

import figures
import targets
from settings import FIRST, REFERENCE, SETTINGS, WAYS


class Row(NamedTuple):
    title: str
    name: str  # of the figure
    unit: str = ""
    spread: bool = True  # with the least and the greatest of the runs


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
    """Return the whole of report.md.

    :param meta: about the measurement: date, machine, versions, load, wanted runs.
    :param runs: {setting: {way: [what is kept of each run]}}
    """
    parts = [_head(meta, runs)]
    runs = {setting: whole(ways) for setting, ways in runs.items() if whole(ways)}
    if FIRST in runs:
        parts.append(_reached(runs[FIRST]))
    for setting, ways in runs.items():
        parts.append(_setting(setting, ways))
    parts.append(_pictures(meta, runs))
    parts.append(_method(meta))
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def whole(ways: dict) -> dict:
    """Return the runs that did deploy: of one that ended early no figure says what a deployment costs."""
    good = {way: [run for run in runs if run["rc"] == 0] for way, runs in ways.items()}
    return {way: runs for way, runs in good.items() if runs}


def brief(setting: str, ways: dict) -> str:
    """Return the table of one setting for a terminal."""
    ways = whole(ways)
    chosen = {way: figures.of_way(runs) for way, runs in ways.items()}
    rows = [["", *chosen]] + [
        [row.title, *(_plain(own.get(row.name), row.unit) for own in chosen.values())] for row in ROWS
    ]
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    lines = [
        row[0].ljust(widths[0]) + "".join(cell.rjust(width + 2) for cell, width in zip(row[1:], widths[1:]))
        for row in rows
    ]
    if setting == FIRST:
        lines += [
            f"{way}: {each.what}: {each.measured}, to reach {each.limit}{'' if each.met else ': NOT MET'}"
            for way in targets.OURS
            if way in chosen
            for each in targets.verdicts(way, chosen)
            if each.met is not None
        ]
    return "\n".join([SETTINGS[setting].title, *(f"  {line}".rstrip() for line in lines)])


def _head(meta: dict, runs: dict) -> str:
    complete = set(runs) == set(SETTINGS) and all(
        set(ways) == set(WAYS) and all(len(each) >= 3 for each in ways.values()) for ways in runs.values()
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
    noisy = [
        f"{way} ({setting})"
        for setting, ways in runs.items()
        for way, each in ways.items()
        if any((run["figures"]["others_cpus"] or 0) > QUIET_CPUS for run in each)
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
    lines = [f"## What was to be reached ({SETTINGS[FIRST].title})"]
    for way in targets.OURS:
        if way in chosen:
            rows = [
                [
                    each.what,
                    each.limit,
                    each.measured,
                    {True: "met", False: "**not met**", None: "–"}[each.met],
                ]
                for each in targets.verdicts(way, chosen)
            ]
            lines += ["", markdown([[f"`{way}`", "to reach", "measured", ""], *rows])]
    return "\n".join(lines) if len(lines) > 1 else ""


def _setting(setting: str, ways: dict) -> str:
    chosen = {way: figures.of_way(runs) for way, runs in ways.items()}
    table = [["", *chosen]] + [
        [row.title, *(_cell(row, chosen[way], ways[way]) for way in chosen)] for row in ROWS
    ]
    lines = [f"## {SETTINGS[setting].title}", "", markdown(table)]
    if REFERENCE in chosen and len(chosen) > 1:
        rows = [
            [title, *(_ratio(own[name], chosen[REFERENCE][name]) for own in chosen.values())]
            for title, name in AGAINST
        ]
        pooled = [_number(figures.pooled_p99_ratio(each)) for each in ways.values()]
        rows.append(["p99 during / before, requests of all runs as one", *pooled])
        lines += ["", f"Against `{REFERENCE}`, and p99 once more:", "", markdown([["", *chosen], *rows])]
    lines += ["", "Seconds a phase:", "", *(_phases(way, runs) for way, runs in ways.items())]
    own = [way for way in chosen if chosen[way].get("ansible_remote_runs") is not None]
    if own:
        rows = [[row.title, *(_cell(row, chosen[way], ways[way]) for way in own)] for row in OWN]
        lines += [
            "",
            "Of ours alone, most of it what Ansible itself costs:",
            "",
            markdown([["", *own], *rows]),
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
                f"`{other}` {_plain(values[name], unit)}{_but(values)}"
                for other, values in chosen.items()
                if other not in targets.OURS and values.get(name) is not None and values[name] < own
            ]
            if better:
                yield f"* `{way}`: {title} {_plain(own, unit)}; {', '.join(better)}"


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
        lines += ["", f"![{way}: answers, tasks and memory over time](pictures/{way}.svg)"]
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

The bash ways are in `bench/ways/`. They ask for health once a second, and nobody has to say yes in between.
All ways have the same Compose file, whose Redis is an image that no release changes.

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
  reload; the client asks again, as a browser does, and it is no failure.
* **held back by the limit of CPU**: the host has one core. Half of one is kept in periods of 0.1 s: whoever uses
  a period up early makes all of the host wait for the next one.
* **CPUs that others had**: of this machine's processors, what neither the host nor Ansible used. The load
  takes some 0.1; with more than {QUIET_CPUS} the machine was not quiet, and times are longer than they would be.
* **seconds a phase**: those that its runs on the host took as seen from here; in brackets what the host's
  journal counted inside, from when the run held the lock. What their sum lacks of the whole run is Ansible's own
  start and templating.

```console
$ make bench                                            # everything, some 50 minutes
$ make bench WAYS=ours-stop,ours-throttle,plain RUNS=1  # a part, with {SETTINGS[FIRST].title}
$ make bench SETTINGS=half-color WAYS=ours-stop,plain
$ make bench CONTINUE=1                                 # what a run that was cut off has left
$ make bench-report                                     # the report again from bench/raw/
```"""


# -- cells ----------------------------------------------------------------------------------------


def markdown(rows: list) -> str:
    head, *body = rows
    line = [":--" if number == 0 else "--:" for number in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, line, *body])


def _cell(row: Row, own: dict, runs: list) -> str:
    text = _plain(own.get(row.name), row.unit)
    between = figures.spread(runs, row.name) if row.spread else None
    if between and between[0] != between[1]:
        text += f" ({_number(between[0])} to {_number(between[1])})"
    return text


def _plain(value: Optional[float], unit: str) -> str:
    return _number(value) if value is None else f"{_number(value)} {unit}".strip()


def _number(value: Optional[float]) -> str:
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) < 10 else f"{value:.1f}".removesuffix(".0")


def _ratio(value: Optional[float], reference: Optional[float]) -> str:
    return "–" if value is None or not reference else f"{value / reference:.2f}"


def typical(runs: list) -> dict:
    """Return the run whose longest time without a finished task is the median, the one that a picture is made of."""
    middle = statistics.median_low(run["figures"]["worker_gap_s"] for run in runs)
    return next(run for run in runs if run["figures"]["worker_gap_s"] == middle)
