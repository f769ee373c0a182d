# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Some Pi-sized hosts that are reached over SSH as one fleet, each under a load of its own."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ContextManager, Optional

import yaml
from ansible_start import command
from controllers import Controller
from counted_load import Loaded, under_load
from pi_host import VARIABLES, PiHost, own_name
from standing import Look, whole_on, wrong_with
from terminal import Terminal

# Git-ignored: inventories and logs.
RUN = Path(__file__).resolve().parent / ".run"
# A second, of each host: together what the matrix sends to one.
REQUESTS, TASKS = 5, 1
# A controller that takes longer hangs.
PLAYBOOK_WITHIN = 400.0
# How many hosts boot at a time.
BOOTING = 3


def names(count: int) -> tuple[str, ...]:
    return tuple(f"pi-{number}" for number in range(1, count + 1))


class Fleet:
    """The hosts by their name in the inventory: the first is the canary."""

    def __init__(self, count: int) -> None:
        RUN.mkdir(exist_ok=True)
        self.hosts = {name: PiHost(own_name(f"fleet-{name}")) for name in names(count)}
        self.inventory = RUN / "inventory.yml"
        # Names the logs of a test.
        self.label = "fleet"

    def __enter__(self) -> Fleet:
        """Boot them, and bring each to release 1 by the fleet's own playbooks."""
        try:
            with ThreadPoolExecutor(BOOTING) as pool:
                list(pool.map(PiHost.boot, self.hosts.values()))
            self.write_inventory()
            self.must_play("prepare")
            self.must_play("deploy", bluegreen_release="1", bluegreen_serial="100%")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_unused: object) -> None:
        for pi in self.hosts.values():
            pi.destroy()

    def write_inventory(self, group: Optional[dict[str, Any]] = None, **of_hosts: dict[str, Any]) -> None:
        """The inventory, with variables of all hosts and of some of them (``pi_3={…}``)."""
        hosts = {name: {**pi.variables(), **of_hosts.get(name.replace("-", "_"), {})} for name, pi in self.hosts.items()}
        fleet = {"all": {"hosts": hosts, "vars": {**VARIABLES, **(group or {})}}}
        self.inventory.write_text(f"# Written by tests/system/fleet.\n{yaml.safe_dump(fleet)}", encoding="utf-8")

    # -- playbooks --------------------------------------------------------------------------------

    def begin(self, playbook: str, *arguments: str, forks: int = 5, inventory: Optional[Path] = None, **variables: Any) -> Controller:
        log = RUN / f"{self.label}.{playbook}.log"
        return Controller(playbook, inventory or self.inventory, log, variables, arguments=(f"--forks={forks}", *arguments))

    def play(self, playbook: str, *arguments: str, **variables: Any) -> tuple[Optional[int], str]:
        """Exit code and output of a playbook, white space folded; no exit code if it hangs."""
        controller = self.begin(playbook, *arguments, **variables)
        try:
            return controller.wait(PLAYBOOK_WITHIN), " ".join(controller.output().split())
        finally:
            controller.stop()

    def must_play(self, playbook: str, *arguments: str, **variables: Any) -> str:
        rc, text = self.play(playbook, *arguments, **variables)
        assert rc == 0, f"{playbook} ended with {rc}: {text[-3000:]}"
        return text

    def on_terminal(self, playbook: str, **variables: Any) -> Terminal:
        return Terminal(command(playbook, self.inventory, variables, "--forks=5"), RUN / f"{self.label}.terminal.log")

    # -- how the hosts stand ----------------------------------------------------------------------

    def looks(self) -> dict[str, Look]:
        with ThreadPoolExecutor(len(self.hosts)) as pool:
            return dict(zip(self.hosts, pool.map(PiHost.look, self.hosts.values())))

    def bring(self, release: str, *names: str) -> dict[str, Look]:
        """Have all hosts, or some, whole with a release, unless an earlier test has left them so. Returns how all stand."""
        chosen = names or tuple(self.hosts)
        looks = self.looks()
        if opened := [name for name in chosen if looks[name]["journal"]]:
            self.must_play("rollback", f"--limit={','.join(opened)}")
            looks = self.looks()
        if others := wrong_with(chosen, whole_on, looks, release=release):
            self.must_play("deploy", f"--limit={','.join(others)}", bluegreen_release=release, bluegreen_serial="100%")
            looks = self.looks()
        return looks

    # -- load -------------------------------------------------------------------------------------

    def under_load(self) -> ContextManager[Counter[str]]:
        """Load on every host, counted together."""
        for pi in self.hosts.values():
            pi.forget_ledger()
        return under_load([Loaded(pi.url, pi.ledger) for pi in self.hosts.values()], REQUESTS, TASKS)
