# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule scenarios on Pi-sized hosts.

A scenario counts as one check (all its steps ended well, idempotence among them) and one more for each assertion
that it made.
"""

from __future__ import annotations

import glob
import os
from functools import partial
from typing import NamedTuple

from command import CACHE, LOGS, ROOT, environment, log_file, run
from outcome import Outcome
from setup import have, need

# Run once more with the oldest that is supported: ansible-core 2.16 here, Python 3.9 on the host.
ON_THE_OLDEST = ("default",)
OLDEST = {
    "BLUEGREEN_LAB_IMAGE": "bluegreen-host:python3.9",
    "BLUEGREEN_LAB_PYTHON": "/opt/python3.9/bin/python3",
    "BLUEGREEN_LAB_SUFFIX": "-oldest",
}
# What `make test` leaves to `make test-all`: two fresh Debians that install Docker, a host that a script has deployed to
# before, which is so once, the oldest of everything once more, what is made of parts that others test, and three changes of an
# app that takes its time to boot.
LONG = ("prepare", "adopt", "default-oldest", "another_app", "docs", "memory")
LONGEST = ("rollback", "memory", "handover", "refused", "default", "recover", "shared_broker", "nginx_container", "moves")
TIME_LIMIT = 1200


class Run(NamedTuple):
    scenario: str
    oldest: bool = False

    @property
    def title(self):
        return self.scenario + ("-oldest" if self.oldest else "")

    @property
    def name(self):
        return f"molecule-{self.title}"


def molecule(options):
    known = sorted(path.split(os.sep)[-2] for path in glob.glob(os.path.join(ROOT, "molecule", "*", "molecule.yml")))
    unknown = [name for name in options.scenario or () if name not in known]
    if unknown or not known:
        note = f"no scenario {', '.join(unknown)}; there are: {', '.join(known)}"
        return [lambda: iter([Outcome("molecule", 0, 1, notes=(note,))])]
    chosen = [name for name in known if not options.scenario or name in options.scenario]
    runs = [Run(name) for name in chosen]
    runs += [Run(name, oldest=True) for name in chosen if name in ON_THE_OLDEST]
    short = not (options.scenario or options.long)
    if short:
        runs = [run for run in runs if run.title not in LONG]
    # The longest first, so that none of them is left to run alone at the end.
    runs.sort(key=lambda one: LONGEST.index(one.scenario) if one.scenario in LONGEST else len(LONGEST))
    return [partial(scenario, one, short) for one in runs]


def scenario(one, short):
    need("all")
    missing = one.oldest and (have("venv-2.16") or have("host-python3.9"))
    yield Outcome(one.name, 0, 0, 1, notes=(missing,)) if missing else test(one, short)


def test(one, short):
    asserted = os.path.join(LOGS, f"{one.name}.asserted")
    with open(asserted, "w", encoding="utf-8"):
        pass  # not to count those of the run before
    env = environment(
        ".venv-2.16" if one.oldest else ".venv",
        MOLECULE_GLOB="molecule/*/molecule.yml",
        # Two runs of one scenario side by side need a folder each.
        MOLECULE_EPHEMERAL_DIRECTORY=os.path.join(CACHE, "molecule", one.name),
        ANSIBLE_CALLBACK_PLUGINS=os.path.join(ROOT, "tests", "suite", "callback"),
        ANSIBLE_CALLBACKS_ENABLED="asserted",
        BLUEGREEN_ASSERTED=asserted,
        # A scenario may have tries that it leaves to `make test-all`, if this is not empty.
        BLUEGREEN_SHORT="short" if short else "",
        **(OLDEST if one.oldest else {}),
    )
    rc = run(["molecule", "test", "--scenario-name", one.scenario], one.name, env=env, timeout=TIME_LIMIT)
    with open(asserted, encoding="utf-8") as lines:
        words = [line.split(" ")[0] for line in lines]
    failed = words.count("failed")
    if rc:  # a failed assertion is what ended it, or something that is none
        failed = max(failed, 1)
    return Outcome(
        one.name, words.count("passed") + int(rc == 0), failed, logs=(log_file(one.name),) if rc else (),
    )
