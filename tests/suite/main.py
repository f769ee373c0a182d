# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test suite; tests/run starts it and says how it is called."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time

from build import build
from command import LOGS, end_all
from integration import integration
from lint import lint
from molecule import molecule
from outcome import totals
from sanity import sanity
from unit import unit

# What ends soonest first: most mistakes show within seconds.
PARTS = {
    "unit": unit, "lint": lint, "integration": integration, "build": build, "sanity": sanity, "molecule": molecule,
}
SHOWN = 80  # lines of a failing part's log


def main():
    options = arguments()
    os.makedirs(LOGS, exist_ok=True)
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, end_all)
    outcomes = []
    for name in options.parts:
        begun = time.monotonic()
        part = PARTS[name](options) if name == "molecule" else PARTS[name]()
        for outcome in part:
            # A part that runs things side by side says itself how long each took.
            timed = outcome if outcome.seconds else outcome._replace(seconds=time.monotonic() - begun)
            begun = time.monotonic()
            outcomes.append(timed)
            print(timed.line(), flush=True)
            for log in timed.logs:
                show(log)
    print(totals(outcomes))
    return 1 if not outcomes or any(o.failed for o in outcomes) else 0


def show(log):
    with open(log, encoding="utf-8", errors="replace") as text:
        lines = text.read().splitlines()
    print(f"--- {os.path.relpath(log)}, its last {min(SHOWN, len(lines))} of {len(lines)} lines")
    print("\n".join(lines[-SHOWN:]))
    print(f"--- end of {os.path.relpath(log)}", flush=True)


def arguments():
    parser = argparse.ArgumentParser(prog="tests/run", description="The tests of the collection.")
    parser.add_argument("--parts", type=parts, default=list(PARTS), metavar="A,B", help=f"some of {','.join(PARTS)}")
    parser.add_argument("--scenario", action="append", help="only this Molecule scenario (may be repeated)")
    parser.add_argument("--jobs", type=int, default=2, help="Molecule scenarios at a time (default: 2)")
    return parser.parse_args()


def parts(text):
    names = text.split(",")
    for name in names:
        if name not in PARTS:
            raise argparse.ArgumentTypeError(f"there is no part {name!r}; the parts are {', '.join(PARTS)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
