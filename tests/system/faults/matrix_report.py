# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/results/faults.md, made from the results."""

from __future__ import annotations

import collections
import datetime
from typing import Any, Optional

import further
from matrix import AWAITING, COMMITTED, FAULTS, PHASES, REVERT_AFTER, ROLLED_BACK, cells
from trial import REQUESTS_A_SECOND, TASKS_A_SECOND

Result = dict[str, Any]  # as trial.Trial returns it

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
APART = """## Counted apart

* Requests that failed while the fault itself kept down what serves (host, Docker, Nginx, or the web of the release that was
  live): {down} in {down_cells} cells. None failed after it was back, unless a cell says so.
* Tasks that ran in a worker which the fault killed, with early acknowledgement: {running}.
* Tasks that a killed worker had taken out of Redis and not noted there yet, which Celery does with two commands: {in_hand}.
* Tasks that a killed worker had fetched, and that wait in Redis until Celery's visibility timeout gives them to another
  one: {waited}. All of them were still there, and ran when they were given back.
* Tasks that Celery was given twice, because a worker or Redis was killed before it could acknowledge: {redelivered}.
* Requests that a client sent once more because Nginx had closed the kept connection before a byte of an answer: {retried}.
"""


def counts(result: Result) -> dict[str, int]:
    """What a cell counted, by the names that pytest records."""
    names = {"requests": "requests", "failed": "failed", "tasks": "accepted", "lost": "lost", "doubled": "doubled"}
    return {name: result[key] for name, key in names.items() if key in result}


def sums(results: dict[str, Result]) -> str:
    """What all cells of the matrix came to."""
    cells_known = _of_matrix(results)
    total: collections.Counter[str] = collections.Counter()
    for result in cells_known:
        total.update(counts(result))
    wrong = sum(bool(result["wrong"]) for result in cells_known)
    minutes = sum(result["took"] for result in results.values()) / 60
    hosts = len({result["host"] for result in cells_known})
    return (
        f"{len(cells_known)} cells, {sum(bool(result['end']) for result in cells_known)} whole, {wrong} wrong. "
        f"{total['requests']} requests, {total['failed']} failed. {total['tasks']} tasks accepted, {total['lost']} lost, "
        f"{total['doubled']} doubled. It took {minutes:.0f} minutes of {hosts} hosts."
    )


def report(results: dict[str, Result], on_machine: str) -> str:
    """The text of the report.

    :param results: {name of a cell: its result}
    """
    chosen = _of_matrix(results)

    def total(key: str) -> int:
        return sum(result.get(key, 0) for result in chosen)

    date = datetime.datetime.fromtimestamp(max(each["at"] for each in results.values()), datetime.timezone.utc)
    parts = [
        HEAD.format(date=f"{date:%Y-%m-%d}", machine=on_machine, rate=REQUESTS_A_SECOND, tasks=TASKS_A_SECOND,
                    revert_after=REVERT_AFTER),
        f"**{sums(results)}**\n",
        _table({result["cell"]: result for result in chosen}),
        APART.format(
            down=total("failed_while_down"), down_cells=sum(bool(result.get("failed_while_down")) for result in chosen),
            running=total("lost_running"), in_hand=total("lost_in_hand"), waited=total("waited_in_unacked"), redelivered=total("doubled_by_celery"),
            retried=total("retried"),
        ),
        _listed("Wrong", chosen, "wrong"),
        _listed("Run by hand, once the cause was fixed", chosen, "by_hand"),
        _listed("Measured a second time, because the fault had not struck", chosen, "missed_before"),
        _listed("Measured again, because it was wrong", chosen, "wrong_before"),
        *further.sections(results),
    ]
    return "\n".join(part for part in parts if part).rstrip() + "\n"


def _of_matrix(results: dict[str, Result]) -> list[Result]:
    return [results[cell.name] for cell in cells() if cell.name in results]


def _listed(title: str, results: list[Result], key: str) -> str:
    """A section with a line for each result that has something to say."""
    said = [(result["cell"], result[key]) for result in results if result.get(key)]
    lines = [f"* `{cell}`: {text if isinstance(text, str) else '; '.join(text)}" for cell, text in said]
    return f"## {title}\n\n" + "\n".join(lines) + "\n" if lines else ""


def _table(results: dict[str, Result]) -> str:
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


def _cell(result: Optional[Result]) -> str:
    if result is None:
        return ""
    if not result["end"]:
        return "**NOT WHOLE**"
    counts = f"{result['failed']}/{result['lost']}/{result['doubled']}"
    end, mark = SIGNS[result["end"]], " **!**" if result["wrong"] else ""
    return f"{end} {counts} {result['seconds']:g} s{mark}"
