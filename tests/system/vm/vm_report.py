# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of `make vm`, from the figures that it wrote down. Pure."""

from __future__ import annotations

import datetime
import statistics

from cells import markdown
from kinds import TITLES

PHASES = (
    "open", "fetch", "stop_workers", "start_candidate", "health", "cutover", "handover", "start_workers", "settle",
    "awaiting_approval", "finish", "way_back", "between_runs", "failed",
)  # fmt: skip


def report(figures):
    made = (_head, _reached, _cells, _phases, _counted, _runs, _load)
    parts = [part(figures) for part in made]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(figures):
    when = datetime.datetime.fromtimestamp(figures["begun"], datetime.timezone.utc)
    lines = [
        f"# Power cuts and wrong clocks on an emulated {figures['arch']}",
        "",
        f"Written by `make vm ARCH={figures['arch']}` on {when:%Y-%m-%d}, in {figures['seconds'] / 60:.0f} minutes.",
    ]
    machine = figures.get("machine")
    if machine:
        times = machine["loop_s"] / machine["loop_here_s"]
        lines += [
            "",
            f"The machine: {machine['system']}, {machine['cpus']} emulated processors, {machine['memory_mib']} MiB, an "
            f"ext4 disk that is written through, Docker {machine['docker']}. A loop of Python takes "
            f"{machine['loop_s']:.2f} s there and {machine['loop_here_s']:.2f} s on the machine that emulates it "
            f"({times:.0f} times as long), on which {figures['busy']:.1f} processes wanted to run, on the average of "
            "the last quarter of an hour: what is beyond the emulator's two was other work, and makes these seconds "
            "more.",
        ]
    if figures["ended"]:
        lines += ["", f"**It did not come to its end:** {figures['ended']}"]
    return "\n".join(lines)


# What was measured before, and is to be reached: seconds.
GAP = (70, 45)
WHOLE = (187, 110)


def _reached(figures):
    """Of deployments that took over from another release; of the arm64 that the figures are for."""
    if figures["arch"] != "arm64":
        return ""
    gaps = [each["worker_gap"] for each in figures["deployments"].values() if each["result"] == "committed"]
    gaps = [gap for gap in gaps if gap]
    # Those that approve themselves: what waits for approval is two runs.
    whole = [each["seconds"] for label, each in figures["deployments"].items() if label.startswith("clock-")]
    return "\n\n".join([
        "## What was to be reached",
        _table(
            ("", "before", "to reach", "measured", ""),
            [
                _reach("worker gap of a deployment", GAP, statistics.median(gaps) if gaps else None),
                _reach("whole deployment, the longest", WHOLE, max(whole, default=None)),
            ],
        ),
    ])  # fmt: skip


def _reach(what, limits, value):
    before, most = limits
    if value is None:
        return what, f"{before} s", f"≤ {most} s", "–", "–"
    return what, f"{before} s", f"≤ {most} s", f"{value:.0f} s", "met" if value <= most else "**not met**"


def _table(head, rows, words=1):
    return markdown([head, *rows], words)


def _seconds(value):
    return "–" if value is None else f"{value:.1f}"


def _cells(figures):
    if not figures["cells"]:
        return ""
    cuts = [cell for cell in figures["cells"] if cell["kind"] == "cut"]
    clocks = [cell for cell in figures["cells"] if cell["kind"] == "clock"]
    parts = []
    if cuts:
        parts += [
            "## The plug is pulled",
            "The emulator is killed when the journal, which is followed from outside, reaches a step; then the machine "
            "is turned on, and nothing is run by hand. Whole: one web, Redis, worker and beat of one color run, no "
            "worker and no beat of the other, Nginx's file names that color and it answers through Nginx, and no "
            "deployment is open but one that awaits approval; and 20 s later still. "
            f"The limit is {figures['limit']} s from the first login.",
            _table(
                ("pulled at", "journal then", "release", "answers after", "deployment", "power to login, s",
                 "login to whole, s", "a task done after, s", ""),
                [_cut(cell) for cell in cuts],
                words=2,
            ),
        ]  # fmt: skip
    if clocks:
        parts += [
            "## The clock jumps",
            "The machine's clock is set by so much when the journal reaches a step; the deployment has to go on to the "
            "end.",
            _table(
                ("set at", "journal then", "by, s", "release", "answers after", "deployment", ""),
                [_clock(cell) for cell in clocks],
                words=2,
            ),
        ]
    return "\n\n".join(parts)


def _verdict(cell):
    return f"**{cell['wrong']}**" if cell["wrong"] else "whole"


def _cut(cell):
    return (
        f"`{cell['step']}`", cell.get("met", "–"), f"{cell['from']} → {cell['to']}", cell.get("release", "–"),
        cell.get("result", "–"), _seconds(cell.get("login_s")), _seconds(cell.get("whole_s")),
        _seconds(cell.get("task_s")), _verdict(cell),
    )  # fmt: skip


def _clock(cell):
    return (
        f"`{cell['step']}`", cell.get("met", "–"), f"{cell['by']:+d}", f"{cell['from']} → {cell['to']}",
        cell.get("release", "–"), cell.get("result", "–"), _verdict(cell),
    )  # fmt: skip


def _phases(figures):
    """Seconds a phase, of the deployments whose line is in the history; one that is pending has none yet."""
    shown = {label: each for label, each in figures["deployments"].items() if each["phases"]}
    if not shown:
        return ""
    known = [phase for phase in PHASES if any(phase in each["phases"] for each in shown.values())]
    rows = [(f"`{phase}`", *(_seconds(each["phases"].get(phase)) for each in shown.values())) for phase in known]
    rows.append(("all of them", *(_seconds(each["took"]) for each in shown.values())))
    rows.append(("worker gap", *(_seconds(each["worker_gap"]) for each in shown.values())))
    rows.append(("result", *(each["result"] for each in shown.values())))
    return "\n\n".join([
        "## What a deployment takes",
        "Seconds of each phase, from the machine's own history (docs/journal.md): from the opening to the end, the time of "
        "the controller and of the person who approves included. The column is the playbook that ended the deployment.",
        _table(("phase", *shown), rows),
        "Whole runs, the controller's own time included:",
        _table(
            ("playbook", "seconds", "remote runs"),
            [(f"`{label}`", _seconds(each["seconds"]), each["runs"]) for label, each in figures["deployments"].items()],
        ),
    ])  # fmt: skip


def _counted(figures):
    """Whose the processor seconds of one deployment were."""
    counted = figures.get("counted")
    if not counted:
        return ""
    title = "## Whose the processor seconds are"
    if not counted["kinds"]:
        return f"{title}\n\nThey were not counted: {counted['why_not']}"
    whole = sum(counted["kinds"].values())
    rows = [
        (TITLES.get(kind, kind), _seconds(seconds), f"{seconds / whole:.0%}")
        for kind, seconds in sorted(counted["kinds"].items(), key=lambda each: -each[1])
    ]
    return "\n\n".join([
        title,
        f"Of all processes of the machine during `{counted['label']}`, as its kernel told of them.",
        _table(("whose", "seconds", "share"), [*rows, ("all", _seconds(whole), "100%")]),
    ])  # fmt: skip


def _runs(figures):
    if not figures["runs"]:
        return ""
    grouped = {}
    for _label, phase, action, seconds, name in figures["runs"]:
        grouped.setdefault((phase, action, name), []).append(seconds)
    rows = [
        (f"`{phase}`", f"`{action}`", name, len(took), _seconds(statistics.median(took)), _seconds(min(took)),
         _seconds(max(took)))
        for (phase, action, name), took in grouped.items()
    ]  # fmt: skip
    return "\n\n".join([
        "## What a remote run costs",
        "`ansible.builtin.command: true`, over a connection that is open, with sudo and without pipelining: "
        f"{_seconds(figures.get('floor_s'))} s. That is what each of these pays before it has done anything; what "
        "they wait for is in their seconds too.",
        _table(("phase", "module", "task", "runs", "median, s", "least, s", "most, s"), rows, words=3),
    ])  # fmt: skip


def _load(figures):
    counted = figures.get("load")
    if not counted:
        return ""
    asked = ("requests", "failed", "retried")
    tasks = ("accepted", "done", "lost", "doubled", "interrupted")
    lines = [
        "## What the app's users saw",
        _table(
            ("requests while the machine was on", "failed", "sent again on a new connection", "p50, ms", "p99, ms"),
            [[counted[name] for name in asked] + [_seconds(counted[name]) for name in ("p50_ms", "p99_ms")]],
        ),
        f"{counted['asked_while_off']} more were asked from {counted['under_way_s']:g} s before a power cut until the "
        "machine was whole, and do not count.",
        _table(
            ("tasks accepted", "done", "lost", "done twice", "under way when the power went"),
            [[counted[name] for name in tasks]],
        ),
        "The app acknowledges a task when it begins it, so one that is under way when the power goes is Celery's to "
        "lose; it is counted apart. Its Redis has each task on the disk before its client hears of it.",
    ]  # fmt: skip
    if counted["failures"]:
        lines.append("The first that failed: " + "; ".join(counted["failures"]) + ".")
    return "\n\n".join(lines)
