# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection's playbooks on the machine, with a log and a list of remote runs each."""

from __future__ import annotations

import json
import subprocess
import time
from typing import NamedTuple

from ansible_start import ROOT, command, environment

SOURCE = "/srv/shop"
INVENTORY = "inventory.json"

VARIABLES = {
    "bluegreen_app": "shop",
    "bluegreen_project_src": SOURCE,
    "bluegreen_files": ["compose.yml", "durable.yml"],
    "bluegreen_prepare_server_block": True,
    "bluegreen_prepare_remove_default_site": True,
    # An emulated processor takes half a minute for what a Pi does in two seconds.
    "bluegreen_health_timeout": 10,
    "bluegreen_health_deadline": 400,
}


class RemoteRun(NamedTuple):
    phase: str
    action: str
    seconds: float
    name: str


class Play:
    """A playbook that runs beside what is done to the machine meanwhile."""

    def __init__(self, folder, playbook, label, counted="/roles/bluegreen/", **variables):
        """folder: where the inventory is and the logs go; counted: a part of the paths of the tasks that are runs."""
        self.label = label
        self.log = folder / f"{label}.log"
        self._counted = counted
        self._timeline = folder / f"{label}.jsonl"
        self._timeline.write_text("", encoding="utf-8")
        config = folder / "empty.cfg"
        config.write_text("", encoding="utf-8")
        told = environment(
            # As README has it: the collection is installed, and no ansible.cfg says anything.
            ANSIBLE_CONFIG=str(config),
            ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache/collections"),
            ANSIBLE_CALLBACK_PLUGINS=str(ROOT / "demo/callback"),
            ANSIBLE_CALLBACKS_ENABLED="timeline",
            ANSIBLE_TIMEOUT="60",
            BLUEGREEN_TIMELINE=str(self._timeline),
        )
        self._begun = time.monotonic()
        self.seconds = None
        with open(self.log, "w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                command(playbook, folder / INVENTORY, variables),
                cwd=ROOT, env=told, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_unused):
        self.stop()

    @property
    def ended(self):
        return self._process.poll() is not None

    def wait(self, timeout=1800):
        """Return how it ended, and keep how long it took."""
        rc = self._process.wait(timeout)
        self.seconds = time.monotonic() - self._begun
        return rc

    def stop(self):
        if not self.ended:
            self._process.terminate()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    @property
    def runs(self):
        tasks = map(json.loads, self._timeline.read_text(encoding="utf-8").splitlines())
        return [
            RemoteRun(task["phase"], task["action"], round(task["end"] - task["begin"], 2), task["name"])
            for task in tasks
            if task["remote"] and self._counted in task["path"]
        ]
