# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Pi-sized host that AWX's jobs deploy to, over SSH."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
import urllib.request

import host as lab
from job import ROOT, Job

STATE = "/var/lib/bluegreen/shop"
LOOK = (ROOT / "molecule/common/files/look_at_host.py").read_text(encoding="utf-8")
# Two checkouts can be tested side by side.
NAME = f"bluegreen-awx-{hashlib.sha1(str(ROOT).encode()).hexdigest()[:6]}"
HOST = "pi"
WHOLE = {"redis", "web", "worker", "beat"}
WITHOUT_WORKERS = {"redis", "web"}
# Short waits: what is tried here is what happens then.
VARIABLES = {
    # As awx/configure.yml gives it to the inventory.
    "ansible_python_interpreter": "auto_silent",
    "bluegreen_app": "shop",
    "bluegreen_project_src": "/srv/shop",
    "bluegreen_pull": "never",
    "bluegreen_drain_timeout": 5,
    "bluegreen_worker_stop_timeout": 15,
    "bluegreen_prepare_server_block": True,
    "bluegreen_prepare_remove_default_site": True,
}


class Fleet:
    """One host, and the jobs that work on it."""

    def __init__(self, folder):
        self.machine = lab.create(NAME, ports={22: None}, replace=True)
        self.machine.load([f"bluegreen-demo:{release}" for release in (1, 2, 3)])
        self.machine.copy(str(ROOT / "demo/app/compose.yml"), "/srv/shop/compose.yml")
        key = folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "awx", "-f", key], check=True)
        self.machine.copy(f"{key}.pub", "/srv/key.pub")
        self.machine.exec("install -D -m 600 /srv/key.pub ~root/.ssh/authorized_keys && systemctl start ssh")
        self._key = key.read_text(encoding="utf-8")
        variables = {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.machine.ports[22],
            "ansible_user": "root",
            "ansible_ssh_common_args": "-F /dev/null -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
        }
        self._hosts = {HOST: variables}
        self._jobs = []

    def start(self, playbook, variables=None, passwords=None, **started):
        job = Job(self._hosts, VARIABLES, playbook, variables, passwords, self._key, **started)
        self._jobs.append(job)
        return job

    def run(self, playbook, variables=None, passwords=None, **started):
        return self.start(playbook, variables, passwords, **started).wait()

    def forget_jobs(self):
        for job in self._jobs:
            job.remove()
        self._jobs = []

    def destroy(self):
        self.forget_jobs()
        self.machine.destroy()

    # -- how the host stands ----------------------------------------------------------------------

    @property
    def answer(self):
        """Color and release, as a visitor gets them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.machine.port}/stats.json", timeout=5) as page:
            told = json.load(page)
        return told["color"], told["release"]

    def journal(self):
        """The deployment that is open; empty when none is."""
        return json.loads(self.machine.exec(f"cat {STATE}/deployment.json 2>/dev/null || echo '{{}}'").out)

    def history(self):
        """The last deployment that ended."""
        return json.loads(self.machine.exec(["tail", "-n", "1", f"{STATE}/history.jsonl"]).out)

    def look(self):
        """Containers, files, networks and volumes; equal to another look when nothing was changed between the two."""
        folders = ["/etc/nginx", STATE, "/srv/shop"]
        return json.loads(self.machine.exec(["python3", "-c", LOOK, *folders]).out)

    def runs(self):
        """{color: its services that run} of colors that have a container."""
        return {
            project.removeprefix("shop-"): {name for name, one in services.items() if one["status"] == "running"}
            for project, services in self.look()["projects"].items()
        }

    def becomes(self, color, release, seconds):
        """Whether that color, whole, answers with that release before the time is over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.answer == (color, release) and self.runs()[color] == WHOLE and not self.journal():
                    return True
            except (OSError, ValueError, KeyError):
                pass  # Nginx or the app is just being changed
            time.sleep(1)
        return False
