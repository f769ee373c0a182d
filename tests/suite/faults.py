# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A representative part of the fault matrix (tests/faults): a cell of each kind, one after the other on one host.

Each cell counts as one check: whole, nobody's request failed, no task lost.
"""

from __future__ import annotations

import json
import os

from command import ROOT, environment, log_file, run
from outcome import Outcome
from setup import need

FOLDER = os.path.join(ROOT, "tests", "faults")
TIME_LIMIT = 1200


def faults():
    need("all", "venv-runner")
    rc = run(["python", os.path.join(FOLDER, "run.py"), "--representative"], "faults", env=environment(), timeout=TIME_LIMIT)
    cells = measured()
    failed = sum(not cell["ok"] for cell in cells)
    if rc and not failed:  # it ended before all of them were measured
        failed = 1
    counted = {what: sum(cell.get(what, 0) for cell in cells) for what in ("requests", "failed", "accepted", "lost")}
    note = (
        f"{counted['requests']} requests, {counted['failed']} failed; {counted['accepted']} tasks, {counted['lost']} lost"
    )
    yield Outcome("faults", len(cells) - sum(not cell["ok"] for cell in cells), failed, notes=(note,),
                  logs=(log_file("faults"),) if rc else ())


def measured():
    try:
        with open(os.path.join(FOLDER, ".run", "test.jsonl"), encoding="utf-8") as lines:
            results = [json.loads(line) for line in lines]
    except FileNotFoundError:
        return []
    return [result for result in results if "ok" in result]
