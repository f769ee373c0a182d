# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/results/what-works.md, made from the shapes and from what was counted the last time that each was right.

    .venv/bin/python tests/system/field/page.py      # takes over what tests/system/field/.run/results.jsonl has, and writes the page
"""

from __future__ import annotations

import json

from shapes import GROUPS, HERE, REFUSED, every

PAGE = HERE.parents[2] / "docs/results/what-works.md"
MEASURED = HERE / "measured.json"
COUNTED = ("requests", "failed", "tasks", "lost", "doubled")
HEAD = """\
# What works with what

This page lists what was tested. Each row is a **shape**, one way to build an app: a few lines that change one usual Compose
file. A test deploys it as a user does, to a host with one core and 1 GiB, about the size of a small Raspberry Pi. Requests go
through Nginx all the time, and workers are always running tasks when they are told to stop. The app goes from blue to green
and back to blue; the full test then deploys to green again and removes blue.

* **works**: no request failed, each task was done exactly once, and after each step the right color and all its services ran.
* **refused**: the plan says in one sentence why it refuses the app and what to write instead; nothing on the host was touched.

The columns *requests* and *tasks* show how many there were in the last test of the shape.

<!-- Made by tests/system/field/page.py from tests/system/field/shapes, where each shape is a folder of this name. -->
"""
TAIL = """\
## What happens if it fails

An app of another shape may work, too: `ansible-playbook … --check` says what would be refused. If a deployment goes back and
no page explains why, open an issue with the app's Compose file, without the secrets, and the start script of its worker. Each
row is a folder in `tests/system/field/shapes` of the repository, so your app can become one.
"""


def page(shapes, measured):
    """Return the text. measured: {shape's name: what was counted}."""
    sums = {key: sum(each[key] for each in measured.values()) for key in COUNTED}
    parts = [HEAD, (
        f"In total {len(measured)} of {len(shapes)} shapes were tested: {sums['requests']:,} requests, {sums['failed']} failed; "
        f"{sums['tasks']:,} tasks, {sums['lost']} lost, {sums['doubled']} done twice.\n"
    )]
    for group in GROUPS:
        rows = [row(shape, measured.get(shape.name)) for shape in shapes if shape.group == group]
        if rows:
            table = ["| your app has | | requests | tasks | shape |", "|---|---|--:|--:|---|", *rows]
            parts.append(f"## {group}\n\n" + "\n".join(table) + "\n")
    return "\n".join([*parts, TAIL])


def row(shape, counted):
    verdict = f"{shape.verdict}: {shape.note}" if shape.note else shape.verdict
    if shape.verdict == REFUSED:
        verdict = f"**{shape.verdict}**" + verdict[len(shape.verdict):]
    requests, tasks = (f"{counted[key]:,}" if counted else "" for key in ("requests", "tasks"))
    return f"| {shape.title} | {verdict} | {requests} | {tasks} | `{shape.name}` |"


def kept():
    return json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.exists() else {}


def taken_over(known, lines, names):
    """What was counted before, and of a run what was right; of shapes that there are."""
    found = dict(known)
    for result in map(json.loads, lines):
        if result["wrong"]:
            found.pop(result["shape"], None)
        else:
            found[result["shape"]] = {key: result[key] for key in COUNTED}
    return {name: found[name] for name in sorted(found) if name in names}


def main():
    shapes = every()
    results = HERE / ".run/results.jsonl"
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    measured = taken_over(kept(), lines, {shape.name for shape in shapes})
    MEASURED.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(shapes, measured), encoding="utf-8")


if __name__ == "__main__":
    main()
