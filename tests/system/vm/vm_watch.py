# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows the journal of the app in the machine, from outside: that is how a step is met on time."""

from __future__ import annotations

import json
import queue
import shlex
import subprocess
import threading
import time
from typing import NamedTuple

from vm_look import STATE

# The steps in the order in which a journal goes through them; Celery and the handover share a run.
STEPS = (
    "open", "fetch", "stop_workers", "start_candidate", "health", "cutover", "handover", "start_workers", "settle",
    "awaiting_approval", "finish",
)  # fmt: skip

# Once begun it costs the machine nothing worth speaking of, while a command a look would.
_PROGRAM = f"""
import json, time
last = None
while True:
    try:
        with open("{STATE}/deployment.json") as file:
            read = json.load(file)
    except (OSError, ValueError):
        read = {{}}
    now = [read.get("id", ""), read.get("step", ""), bool(read.get("done")), bool(read.get("rolling_back"))]
    if now != last:
        print(json.dumps(now), flush=True)
    last = now
    time.sleep(0.05)
"""


class Moment(NamedTuple):
    """The journal at one moment; all empty when there is none."""

    id: str
    step: str
    done: bool
    back: bool

    def __str__(self):
        return f"{self.step or 'none'}{', done' if self.done else ''}{', going back' if self.back else ''}"


def reached(moment, step):
    """Whether the deployment is in that step or past it."""
    return moment.step in STEPS and STEPS.index(moment.step) >= STEPS.index(step)


class Watch:
    """Lasts until it is stopped, or the machine's power goes."""

    def __init__(self, machine):
        self._ssh = subprocess.Popen(
            machine.ssh(f"exec python3 -I -c {shlex.quote(_PROGRAM)}"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._moments = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        # Nothing may begin before it watches.
        self.last = self._moments.get(timeout=120)

    def _read(self):
        for line in self._ssh.stdout:
            self._moments.put(Moment(*json.loads(line)))

    def wait(self, step, play, timeout):
        """Return the moment in which the step is reached, or None if the play ends before, or the time is over."""
        deadline = time.monotonic() + timeout
        before = self.last.id
        while time.monotonic() < deadline:
            try:
                self.last = self._moments.get(timeout=0.2)
            except queue.Empty:
                if play.ended:
                    return None
                continue
            # One that awaited approval before this deployment was begun is not meant.
            if self.last.id != before and reached(self.last, step):
                return self.last
        return None

    def stop(self):
        self._ssh.kill()
        self._ssh.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_unused):
        self.stop()
