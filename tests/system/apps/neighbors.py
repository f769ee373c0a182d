# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Pi-sized host with two apps behind one Nginx, each a host of its own in the inventory, and the load on both."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, ContextManager, NamedTuple

import yaml
from controllers import ROOT, Controller
from counted_load import Loaded, under_load
from pi_host import RELEASES, VARIABLES, PiHost
from standing import Look, whole_on
from verdict import App

# Git-ignored: inventories and logs.
RUN = Path(__file__).resolve().parent / ".run"
# A second, of each app.
REQUESTS, TASKS = 10, 2
TASKS_WITHIN = 90.0
PLAYED_WITHIN = 400.0


class Neighbor(NamedTuple):
    """One of the apps: the demo's under a name of its own."""

    name: str
    blue: int
    green: int

    @property
    def inventory_name(self) -> str:
        return f"{self.name}-pi"

    @property
    def host_header(self) -> str:
        return f"{self.name}.test"

    @property
    def ledger(self) -> str:
        return f"/srv/ledger-{self.name}/ledger.jsonl"

    @property
    def app(self) -> App:
        return App(ports={"blue": f"127.0.0.1:{self.blue}", "green": f"127.0.0.1:{self.green}"})

    def variables(self) -> dict[str, Any]:
        return {
            "bluegreen_app": self.name,
            "bluegreen_project_src": f"/srv/{self.name}",
            "bluegreen_ports": {"blue": self.blue, "green": self.green},
            "bluegreen_public_host": self.host_header,
            "bluegreen_prepare_server_name": self.host_header,
            # The variable of the demo's Compose file.
            "bluegreen_env": {"DEMO_LEDGER": str(Path(self.ledger).parent)},
        }


NEIGHBORS = (Neighbor("shop", 18001, 18002), Neighbor("press", 18003, 18004))


class Neighbors(PiHost):
    runs = RUN
    # Names the logs of a test.
    label = "first"

    def make(self) -> None:
        """Prepare the host and deploy a first release of both, by one run each."""
        self.boot()
        for playbook, variables in (("prepare", {}), ("deploy", {"bluegreen_release": RELEASES[0]})):
            self.end(self.begin(playbook, **variables))

    def install_app(self) -> None:
        for each in NEIGHBORS:
            self.machine.copy(str(ROOT / "demo/app/compose.yml"), f"/srv/{each.name}/compose.yml")
            self.exec(["mkdir", "-p", str(Path(each.ledger).parent)])

    def _write_inventory(self) -> None:
        hosts = {each.inventory_name: {**self.variables(), **each.variables()} for each in NEIGHBORS}
        common = {name: value for name, value in VARIABLES.items() if name not in NEIGHBORS[0].variables()}
        text = yaml.safe_dump({"all": {"hosts": hosts, "vars": common}}, sort_keys=False)
        self.inventory.write_text(f"# Written by tests/system/apps.\n{text}", encoding="utf-8")

    # -- playbooks --------------------------------------------------------------------------------

    def begin(self, playbook: str, *arguments: str, of: str = "both", **variables: Any) -> Controller:
        return Controller(playbook, self.inventory, self.folder / f"{self.label}.{playbook}.{of}.log", variables, arguments=arguments)

    def end(self, controller: Controller) -> None:
        try:
            rc = controller.wait(PLAYED_WITHIN)
        finally:
            controller.stop()
        assert rc == 0, f"It ended with {rc}: {' '.join(controller.output().split())[-3000:]}"

    def deploy_by_two_runs(self, release: str) -> None:
        """Two controllers, each with one of the apps."""
        runs = [
            self.begin("deploy", f"--limit={each.inventory_name}", of=each.name, bluegreen_release=release) for each in NEIGHBORS
        ]
        try:
            for run in runs:
                self.end(run)
        finally:
            for run in runs:
                run.stop()

    def deploy_by_one_run(self, release: str) -> None:
        """One controller, with both apps in one batch."""
        self.end(self.begin("deploy", bluegreen_release=release, bluegreen_serial="100%"))

    # -- how they stand ---------------------------------------------------------------------------

    def looks(self) -> dict[str, Look]:
        return {each.name: self.look(app=each.name, host=each.host_header) for each in NEIGHBORS}

    def next_release(self) -> str:
        """One that is live in neither app."""
        live = {look["answer"]["release"] for look in self.looks().values()}
        return next(release for release in RELEASES if release not in live)

    # -- load -------------------------------------------------------------------------------------

    def under_load(self) -> ContextManager[Counter[str]]:
        """Load on both apps, counted together."""
        for each in NEIGHBORS:
            self.exec(f"rm -f {each.ledger} && touch {each.ledger}")
        apps = [Loaded(self.url, lambda path=each.ledger: self.exec(["cat", path]).out, each.host_header) for each in NEIGHBORS]
        return under_load(apps, REQUESTS, TASKS, TASKS_WITHIN)


def missing(looks: dict[str, Look], release: str) -> dict[str, list[str]]:
    """Sentences about apps that are not whole with a release; empty where both are."""
    found = {each.name: whole_on(looks[each.name], release, each.app) for each in NEIGHBORS}
    return {name: sentences for name, sentences in found.items() if sentences}


def at_the_same_time(looks: dict[str, Look]) -> bool:
    """Whether the last deployments of both apps overlapped; their times are ISO 8601."""
    last = [look["last"] for look in looks.values()]
    return max(each["started"] for each in last) < min(each["ended"] for each in last)
