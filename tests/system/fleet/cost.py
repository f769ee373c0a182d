# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fleet costs its controller: seconds, processor time and memory of a deployment and of a look at all.

    .venv/bin/python tests/system/fleet/cost.py

`make fleet-cost` runs lab/setup before it, which it needs. It makes ten containers bluegreen-fleet-…, which are removed
at the end, and writes docs/results/fleet-cost.md, and what it measured to tests/system/fleet/.run/cost.json.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import statistics
import sys
import time
from importlib.metadata import version
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / part) for part in ("bench", "lab", "demo", "tests/system", "tests/system/faults", "tests/system/field")]

# pylint: disable=wrong-import-position
from cost_report import report  # noqa: E402
from pi_host import VARIABLES  # noqa: E402
from ssh_fleet import PLAYBOOK_WITHIN, RUN, Fleet, names  # noqa: E402

REPORT = ROOT / "docs/results/fleet-cost.md"
NAMES = names(10)
# Entries of the inventory beyond the hosts that there are: each is one of them by another name.
ENTRIES = 200
# Of status.yml for few hosts, which takes seconds; the median counts. For all ENTRIES it takes a minute, and one run tells.
RUNS = 3
STATUS = (
    *((hosts, 5) for hosts in (1, 5, 10)),
    *((ENTRIES, forks) for forks in (5, 10, 25, 50)),
)
AT_ONCE, BATCHES = "100%", [1, "25%", "100%"]
DEPLOY = ((1, 5, AT_ONCE), (5, 5, AT_ONCE), (10, 5, AT_ONCE), (10, 10, AT_ONCE), (10, 5, BATCHES))
SAMPLED_EVERY = 0.3
# As where no ansible.cfg says anything; a playbook that asks for pipelining itself gets it.
UNTOLD = {"ansible_pipelining": False}
TICKS = os.sysconf("SC_CLK_TCK")


def main():
    figures = {
        "begun": time.time(), "processors": os.cpu_count(), "real": len(NAMES), "ansible": version("ansible-core"),
        "status": [], "deploy": [],
    }  # fmt: skip
    with Fleet(len(NAMES)) as fleet:
        fleet.write_inventory(group=UNTOLD)
        many = _with_aliases(fleet)
        for hosts, forks in STATUS:
            times = RUNS if hosts <= len(NAMES) else 1
            runs = [_measure(fleet, "status", many[:hosts], forks, inventory=RUN / "aliases.yml") for _unused in range(times)]
            _keep(figures, "status", {"hosts": hosts, "forks": forks, **_median(runs)})
        for number, (hosts, forks, serial) in enumerate(DEPLOY):
            release = str(2 + number % 2)
            run = _measure(fleet, "deploy", NAMES[:hosts], forks, bluegreen_release=release, bluegreen_serial=serial)
            _keep(figures, "deploy", {"hosts": hosts, "forks": forks, "serial": serial, **run})
    REPORT.write_text(report(figures), encoding="utf-8")


def _keep(figures, playbook, row):
    """In a file after each row, for a run that is stopped before its end."""
    figures[playbook].append(row)
    figures["seconds"] = time.time() - figures["begun"]
    (RUN / "cost.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    print(f"{playbook}: {row}", flush=True)


def _with_aliases(fleet):
    """Names of ENTRIES hosts, in an inventory that has them."""
    entries = list(NAMES) + [f"alias-{number}" for number in range(len(NAMES) + 1, ENTRIES + 1)]
    real = [pi.variables() for pi in fleet.hosts.values()]
    hosts = {name: real[number % len(real)] for number, name in enumerate(entries)}
    text = yaml.safe_dump({"all": {"hosts": hosts, "vars": {**VARIABLES, **UNTOLD}}}, sort_keys=False)
    (RUN / "aliases.yml").write_text(text, encoding="utf-8")
    return entries


def _measure(fleet, playbook, chosen, forks, inventory=None, **variables):
    """Run a playbook on those hosts: its seconds, processor seconds and peak MiB on this side."""
    limit = RUN / "limit.txt"
    limit.write_text("\n".join(chosen), encoding="utf-8")
    fleet.label = f"cost-{len(chosen)}-{forks}"
    before = _waited_for()
    begun = time.monotonic()
    controller = fleet.begin(playbook, f"--limit=@{limit}", forks=forks, inventory=inventory, **variables)
    peak = 0.0
    try:
        while controller.wait(SAMPLED_EVERY) is None:
            if time.monotonic() - begun > PLAYBOOK_WITHIN:
                raise RuntimeError(f"{fleet.label} takes longer than {PLAYBOOK_WITHIN} s; its log is {controller.log}")
            peak = max(peak, sum(map(_mib, controller.processes())))
        seconds = time.monotonic() - begun
        # SSH's connections stay for the next playbook, so nobody has waited for them.
        used = _waited_for() - before + sum(map(_used, controller.processes()))
        if controller.rc:
            raise RuntimeError(f"{fleet.label} ended with {controller.rc}; its log is {controller.log}")
    finally:
        controller.stop()
    return {"seconds": seconds, "cpu_s": used, "mib": peak}


def _median(runs):
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def _waited_for():
    """Processor seconds of all processes that this one started, and those started, and that ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _used(pid):
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    return 0.0


def _mib(pid):
    """Memory of a process; what it shares with others counts in part for each, so that the sum is right."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()
