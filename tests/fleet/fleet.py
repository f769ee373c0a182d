# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Some Pi-sized hosts that are reached over SSH as one fleet, each under a load of its own."""

from __future__ import annotations

import contextlib
import hashlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / "tests/faults", ROOT / "demo"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

# pylint: disable=wrong-import-position
import ledger  # noqa: E402
from controllers import Controller  # noqa: E402
from load import Load  # noqa: E402
from pi_host import VARIABLES, PiHost, make_key  # noqa: E402
from terminal import Terminal, command_of  # noqa: E402
from verdict import end_of, whats_missing  # noqa: E402

HERE = Path(__file__).resolve().parent
# Git-ignored: inventories and logs.
RUN = HERE / ".run"
CHECKOUT = hashlib.sha1(str(HERE).encode()).hexdigest()[:6]
# A second, of each host: together what the matrix sends to one.
REQUESTS, TASKS = 5, 1
TASKS_WITHIN = 60.0
# A controller that takes longer hangs.
PLAYBOOK_WITHIN = 400.0
# How many hosts boot at a time.
BOOTING = 3


class Fleet:
    """The hosts by their name in the inventory, ``pi-1`` and so on: the first is the canary."""

    def __init__(self, names):
        RUN.mkdir(exist_ok=True)
        self.hosts = {name: PiHost(f"bluegreen-fleet-{name}-{CHECKOUT}") for name in names}
        self.inventory = RUN / "inventory.yml"

    def make(self):
        """Boot them, and bring each to release 1 by the fleet's own playbooks."""
        make_key()
        with ThreadPoolExecutor(BOOTING) as pool:
            list(pool.map(PiHost.boot, self.hosts.values()))
        self.write_inventory()
        for playbook, variables in (("prepare", {}), ("deploy", {"bluegreen_release": "1", "bluegreen_serial": "100%"})):
            rc, text = self.play(playbook, playbook, **variables)
            if rc:
                raise RuntimeError(f"{playbook} ended with {rc}:\n{text[-3000:]}")

    def destroy(self):
        for pi in self.hosts.values():
            pi.destroy()

    def write_inventory(self, group=None, **of_hosts):
        """The inventory, with variables of all hosts and of some of them (``pi_3={…}``)."""
        hosts = {
            name: {**pi.variables(), **of_hosts.get(name.replace("-", "_"), {})} for name, pi in self.hosts.items()
        }
        fleet = {"all": {"hosts": hosts, "vars": {**VARIABLES, **(group or {})}}}
        self.inventory.write_text(f"# Written by tests/fleet/run.py.\n{yaml.safe_dump(fleet)}", encoding="utf-8")

    def begin(self, playbook, label, *arguments, forks=5, inventory=None, **variables):
        arguments = (f"--forks={forks}", *arguments)
        return Controller(playbook, inventory or self.inventory, RUN / f"{label}.log", variables, arguments=arguments)

    def play(self, playbook, label, *arguments, **variables):
        """Exit code and output of a playbook, white space folded."""
        controller = self.begin(playbook, label, *arguments, **variables)
        try:
            return controller.wait(PLAYBOOK_WITHIN), " ".join(controller.output().split())
        finally:
            controller.stop()

    def on_terminal(self, playbook, label, **variables):
        return Terminal(command_of(playbook, self.inventory, variables, "--forks=5"), RUN / f"{label}.log")

    def looks(self):
        """How each host stands."""
        with ThreadPoolExecutor(len(self.hosts)) as pool:
            return dict(zip(self.hosts, pool.map(PiHost.look, self.hosts.values())))

    # -- load -------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def under_load(self):
        """Load on every host; yields a dict that has the count of each at the end."""
        for pi in self.hosts.values():
            pi.forget_ledger()
        loads = {name: Load(pi.url, REQUESTS, TASKS, task={"seconds": "0.2"}).start() for name, pi in self.hosts.items()}
        counts = {}
        try:
            time.sleep(1.0)
            yield counts
            time.sleep(1.0)
        finally:
            for name, load in loads.items():
                counts[name] = load.stop()
        for name, pi in self.hosts.items():
            events = ledger.wait_until_done(lambda pi=pi: pi.ledger(), timeout=TASKS_WITHIN)
            counted = ledger.count(events)
            counts[name].update(accepted=counted.accepted, lost=len(counted.lost), doubled=len(counted.doubled))


# -- what a host came to: pure --------------------------------------------------------------------


def whole_on(look, release):
    """What is wrong with a host that is to be whole with a release, without a deployment; sentences."""
    missing = whats_missing(look)
    if look["journal"]:
        missing.append("a deployment awaits approval")
    if look["answer"].get("release") != release:
        missing.append(f"release {look['answer'].get('release')} answers, not {release}")
    return missing


def awaits(look, release):
    """What is wrong with a host on which a release is to await approval."""
    missing = whats_missing(look)
    if not look["journal"]:
        missing.append("no deployment awaits approval")
    if look["answer"].get("release") != release:
        missing.append(f"release {look['answer'].get('release')} answers, not {release}")
    return missing


def untouched(before, after):
    """What is wrong with a host on which nothing was to happen."""
    changed = []
    for what in ("containers", "last", "journal"):
        if before[what] != after[what]:
            changed.append(f"its {what} changed")
    return changed


def rolled_back(before, after):
    """What is wrong with a host that tried and went back: the same containers have to run."""
    live = before["answer"]["color"]
    wrong = whole_on(after, before["answer"]["release"])
    if end_of(after, live) != "rolled back" or after["last"].get("result") != "rolled_back":
        wrong.append(f"its last deployment is {after['last'].get('result')}")
    if after["last"].get("id") == before["last"].get("id"):
        wrong.append("it never tried")
    return wrong
