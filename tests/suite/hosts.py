# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that try things on Pi-sized hosts and note each as a line of JSON: the fleet, and the approval."""

from __future__ import annotations

import json
import os

from command import ROOT, environment, log_file, run
from outcome import Outcome
from setup import have, need

TIME_LIMIT = 1500


def fleet():
    yield from tried("fleet")


def approval():
    yield from tried("approval")


def tried(name):
    need("all")
    for part in ("chromium", "venv-eda"):
        have(part)
    folder = os.path.join(ROOT, "tests", name)
    results = os.path.join(folder, ".run", "results.jsonl")
    if os.path.exists(results):
        os.remove(results)
    rc = run(["python", os.path.join(folder, "run.py")], name, env=environment(), timeout=TIME_LIMIT)
    known = []
    if os.path.exists(results):
        with open(results, encoding="utf-8") as lines:
            known = [json.loads(line) for line in lines]
    failed = sum(not result["ok"] for result in known)
    # It may end before all of them were tried.
    yield Outcome(name, len(known) - failed, failed or int(bool(rc)), logs=(log_file(name),) if rc else ())
