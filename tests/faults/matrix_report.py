# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/faults/report.md, made from the results. All pure."""

from __future__ import annotations

from matrix import AWAITING, COMMITTED, FAULTS, PHASES, ROLLED_BACK, cells

SIGNS = {ROLLED_BACK: "old", COMMITTED: "new", AWAITING: "new, pending"}
HEAD = """# What a deployment survives

Written by `make faults` ({date}, {machine}). Each cell is a deployment of the demo's app on a host of one CPU and 1 GiB,
under {rate} requests and {tasks} tasks a second, into which one fault strikes when the journal reaches a step.
`bluegreen_revert_after` is {revert_after} s where the fault takes the controller away. Nothing is run by hand after the fault but what a cell says.

A cell shows how the host ended, whole by itself: on the **old** release, the **new** one, or the **new** one with approval
**pending**; failed requests / lost tasks / doubled tasks; seconds from the fault until the host was whole. **NOT WHOLE**
and why is below. The pending ones were then finished or rolled back, in turn, which is part of the cell. A cell is wrong too
if it took longer than what is promised: 30 s where the controller is killed while the old workers are stopped, between two
modules; 60 s from a power cut, the boot included.
"""
APART = """
## Counted apart

* Requests that failed while the fault itself kept down what serves (host, Docker, Nginx, or the web of the release that was
  live): {down} in {down_cells} cells. None failed after it was back, unless a cell says so.
* Tasks that ran in a worker which the fault killed, with early acknowledgement: {running}.
* Tasks that a killed worker had fetched, and that wait in Redis until Celery's visibility timeout gives them to another
  one: {waited}. All of them were still there, and ran when they were given back.
* Tasks that Celery was given twice, because a worker or Redis was killed before it could acknowledge: {redelivered}.
* Requests that a client sent once more because Nginx had closed the kept connection before a byte of an answer: {retried}.
"""


def totals(results):
    """Sums over results of cells."""
    keys = ("requests", "failed", "failed_while_down", "retried", "accepted", "lost", "lost_running", "doubled",
            "doubled_by_celery", "waited_in_unacked")
    sums = {key: sum(result.get(key) or 0 for result in results) for key in keys}
    sums["cells"] = len(results)
    sums["whole"] = sum(bool(result["end"]) for result in results)
    sums["wrong"] = sum(not result["ok"] for result in results)
    return sums


def report(results, about, more=()):
    """The text of the report.

    :param results: {name of a cell: its result}
    :param more: further sections, as text.
    """
    known = [cell for cell in cells() if cell.name in results]
    chosen = [results[cell.name] for cell in known]
    sums = totals(chosen)
    parts = [HEAD.format(**about), _sums(sums, about), _table({cell.name: results[cell.name] for cell in known})]
    apart = APART.format(
        down=sums["failed_while_down"], down_cells=sum(bool(r.get("failed_while_down")) for r in chosen),
        running=sums["lost_running"], waited=sums["waited_in_unacked"], redelivered=sums["doubled_by_celery"],
        retried=sums["retried"],
    )
    parts += [apart.strip("\n") + "\n", _wrong(chosen), _by_hand(chosen), _missed(chosen), _before(chosen), *more]
    return "\n".join(part for part in parts if part).rstrip() + "\n"


def _sums(sums, about):
    return (
        f"**{sums['cells']} cells, {sums['whole']} whole, {sums['wrong']} wrong. {sums['requests']} requests, "
        f"{sums['failed']} failed. {sums['accepted']} tasks accepted, {sums['lost']} lost, {sums['doubled']} doubled.** "
        f"It took {about['minutes']} minutes on {about['hosts']} hosts.\n"
    )


def _table(results):
    """Rows are faults, because there are more of them than fit side by side; columns are the phases."""
    phases = [phase for phase in PHASES if any(name.endswith(f":{phase}") for name in results)]
    lines = [
        "| fault | " + " | ".join(PHASES[phase].title for phase in phases) + " |",
        "|---" * (len(phases) + 1) + "|",
    ]
    for fault in FAULTS.values():
        row = [_cell(results.get(f"{fault.name}:{phase}")) for phase in phases]
        if any(row):
            lines.append(f"| {fault.title} | " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def _cell(result):
    if result is None:
        return ""
    if not result["end"]:
        return "**NOT WHOLE**"
    counts = f"{result['failed']}/{result['lost']}/{result['doubled']}"
    end, mark = SIGNS[result["end"]], "" if result["ok"] else " **!**"
    return f"{end} {counts} {result['seconds']:g} s{mark}"


def _wrong(results):
    wrong = [result for result in results if not result["ok"]]
    if not wrong:
        return ""
    lines = [f"* `{result['cell']}`: {'; '.join(result['wrong'])}" for result in wrong]
    return "## Wrong\n\n" + "\n".join(lines) + "\n"


def _by_hand(results):
    lines = [f"* `{result['cell']}`: {result['by_hand']}" for result in results if result.get("by_hand")]
    return "## Run by hand, once the cause was mended\n\n" + "\n".join(lines) + "\n" if lines else ""


def _missed(results):
    lines = [f"* `{result['cell']}`: {result['missed_before']}" for result in results if result.get("missed_before")]
    return "## Measured a second time, because the fault had not struck\n\n" + "\n".join(lines) + "\n" if lines else ""


def _before(results):
    lines = [f"* `{each['cell']}`: {'; '.join(each['wrong_before'])}" for each in results if each.get("wrong_before")]
    return "## Measured again, because it was wrong\n\n" + "\n".join(lines) + "\n" if lines else ""


def line(result):
    """A cell for the person who watches."""
    seconds = "" if result["seconds"] is None else f" after {result['seconds']:g} s"
    text = (
        f"{result['cell']:<28}{(result['end'] or 'NOT WHOLE') + seconds:<28}"
        f"{result['requests']} requests, {result['failed']} failed"
    )
    if result["failed_while_down"]:
        text += f" ({result['failed_while_down']} while down)"
    text += f"; {result['accepted']} tasks, {result['lost']} lost, {result['doubled']} doubled; {result['took']:.0f} s"
    return text + "".join(f"\n    WRONG: {sentence}" for sentence in result["wrong"])
