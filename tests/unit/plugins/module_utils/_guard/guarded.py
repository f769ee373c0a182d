# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment that the guard of its host looks after."""

from __future__ import annotations

import os

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard import main as guard
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard.main import Guard
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import history_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost

DOCKER_HOST = "unix:///var/run/docker.sock"

SILENT = "no heartbeat for 900 s in step health"

ROLLED_BACK = "Release 2 was rolled back: blue is live with release 1."


class Guarded(Scene):
    """A host with a guard; ``said`` is its log, ``compose`` whether Compose works on the deployment."""

    def __init__(self, monkeypatch, folder):
        super().__init__(monkeypatch, folder)
        self.said = []
        self.compose = False
        monkeypatch.setattr(guard, "called_with", self._called_with)
        self.color("blue", worker="exited", beat="exited")
        self.color("green")
        self.guard = self.another()

    def _called_with(self, *words):
        return [7] if self.compose and words == ("compose", self.store.env_file("green", "dep-1")) else []

    def another(self):
        """A guard that was started anew."""
        return Guard(self.host, self.store, self.said.append)

    def run(self, until=None):
        """Turn after turn, until no deployment is open or it is that late; the pauses."""
        pauses = []
        while until is None or self.host.clock.now < until:
            pause = self.guard.turn()
            if pause is None:
                break
            pauses.append(pause)
            self.host.clock.sleep(pause)
        return pauses

    def boot(self):
        self.host.clock.boot = "boot-2"
        self.host.clock.now = 20.0

    def reason(self):
        (entry,) = history_of(self.store)
        return entry["reason"]

    def another_process(self):
        """The store of a process that has its own time."""
        return Store("shop", FakeHost(), root=os.path.dirname(self.store.folder))
