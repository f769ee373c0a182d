# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test suite; tests/run starts it and says how it is called."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from awx import awx
from build import build
from command import LOGS, end_all
from eda import eda
from faults import faults
from field import field
from hosts import approval, fleet
from integration import integration
from lint import lint
from molecule import molecule
from outcome import Outcome, totals
from program import program
from sanity import sanity
from unit import on_the_oldest, unit
from why import why

# Of each part the jobs, which are generators of outcomes and may run side by side. What ends soonest comes first: most
# mistakes show within seconds.
PARTS = {
    # The nightly run finds soon enough what only the oldest ansible-core does not know.
    "unit": lambda options: [partial(unit, short=True)] if options.short else [partial(unit, short=False), on_the_oldest],
    "lint": lambda options: [lint],
    "integration": lambda options: [partial(integration, every_server=not options.short)],
    "build": lambda options: [build],
    "sanity": lambda options: [sanity],
    "eda": lambda options: [eda],
    "awx": lambda options: [partial(awx, short=options.short)],
    "faults": lambda options: [faults],
    "program": lambda options: [partial(program, short=options.short)],
    "field": field,
    "molecule": molecule,
    "approval": lambda options: [approval],
    "fleet": lambda options: [fleet],
}
# What `make test` leaves to `make test-all`, for its length.
LONG = ("approval", "fleet")
SHOWN = 80  # lines of a failing job's log
PRINTING = threading.Lock()


def main():
    options = arguments()
    os.makedirs(LOGS, exist_ok=True)
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, end_all)
    jobs = [job for name in options.parts for job in PARTS[name](options)]
    with ThreadPoolExecutor(max_workers=options.jobs) as pool:
        outcomes = [outcome for done in pool.map(perform, jobs) for outcome in done]
    for outcome in outcomes:
        print("".join(map(reason, outcome.logs)), end="")
    print(totals(outcomes))
    return 1 if not outcomes or any(o.failed for o in outcomes) else 0


def perform(job):
    """All outcomes of a job, each told when it is there."""
    outcomes = []
    begun = time.monotonic()
    for outcome in checked(job):
        outcomes.append(outcome._replace(seconds=time.monotonic() - begun))
        begun = time.monotonic()
        with PRINTING:
            print(outcomes[-1].line(), flush=True)
            for log in outcomes[-1].logs:
                show(log)
    return outcomes


def checked(job):
    try:
        yield from job()
    except subprocess.CalledProcessError as error:  # lab/setup has said why
        yield Outcome("set-up", 0, 1, notes=(str(error),))


def reason(log):
    return "\n  ".join([f"failed: {os.path.relpath(log)}", *why(read(log))]) + "\n"


def read(log):
    with open(log, encoding="utf-8", errors="replace") as text:
        return text.read()


def show(log):
    lines = read(log).splitlines()
    print(f"--- {os.path.relpath(log)}, its last {min(SHOWN, len(lines))} of {len(lines)} lines")
    print("\n".join(lines[-SHOWN:]))
    print(f"--- end of {os.path.relpath(log)}", flush=True)


def arguments():
    parser = argparse.ArgumentParser(prog="tests/run", description="The tests of the collection.")
    parser.add_argument("--parts", type=parts, default=[name for name in PARTS if name not in LONG],
                        metavar="A,B", help=f"some of {','.join(PARTS)}, or all (default: all but {', '.join(LONG)})")
    parser.add_argument("--scenario", action="append", help="only this Molecule scenario (may be repeated)")
    parser.add_argument("--jobs", type=int, default=3, help="how many things at a time (default: 3)")
    options = parser.parse_args()
    options.long = options.parts == list(PARTS)
    options.short = options.parts == parser.get_default("parts")
    return options


def parts(text):
    names = list(PARTS) if text == "all" else text.split(",")
    for name in names:
        if name not in PARTS:
            raise argparse.ArgumentTypeError(f"there is no part {name!r}; the parts are {', '.join(PARTS)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
