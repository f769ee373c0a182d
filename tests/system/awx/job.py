# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job as AWX runs it: ansible-runner, a folder of its own with the project as git has it, and what AWX gives it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path

import awx_container
from extra_variables import written
from marked import marked

ROOT = Path(__file__).resolve().parents[3]
RUNNER = ROOT / ".venv-runner" / "bin" / "ansible-runner"
MARK = "BLUEGREEN_AWX_JOB"


class Job:
    """One run of a playbook of the project, which starts at once."""

    number = 0

    def __init__(self, hosts, shared, playbook, variables=None, passwords=None, key=None, template="", workflow=0):
        """hosts, shared: the inventory, as awx_container.inventory takes it; template, workflow: what started the job."""
        Job.number += 1
        self.number = Job.number
        self._mark = uuid.uuid4().hex
        # Short, because the path of an SSH socket in it is.
        self._folder = Path(tempfile.mkdtemp(prefix="bga"))
        awx_container.clone(self.project)
        for name in ("cp", "home"):
            (self._folder / name).mkdir(mode=0o700)
        given = {**(variables or {}), **awx_container.variables(self.number, template, workflow)}
        self._write("inventory/hosts", awx_container.inventory(hosts, shared), 0o700)
        self._write("env/extravars", written(given))
        self._write("env/passwords", json.dumps(passwords or {}))
        # A question would keep it waiting, as in AWX; not for long here.
        self._write("env/settings", json.dumps({"idle_timeout": 240, "job_timeout": 400}))
        self._write("env/cmdline", "-u root --forks=5")
        if key:
            # ansible-runner gives it to an agent, and removes the file.
            self._write("env/ssh_key", key)
        self._output = self._folder / "output"
        with open(self._output, "w", encoding="utf-8") as output:
            # Outside of a container, ansible-runner hands on the variables that it has itself.
            self._process = subprocess.Popen(  # pylint: disable=consider-using-with
                [RUNNER, "run", self._folder, "--ident", str(self.number), "--playbook", playbook],
                env={**awx_container.environment(self._folder, self.number), MARK: self._mark},
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )

    def _write(self, name, text, mode=0o600):
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)

    def wait(self, seconds=420):
        """Until it has ended, and with it all that it left running, as its container does."""
        self._process.wait(seconds)
        self.kill()
        return self

    def kill(self):
        """As AWX cancels a job, or ends one that takes too long: every process of its container is killed at once."""
        while pids := marked(MARK, self._mark):
            # One that was just forked is found the next time.
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            # One that is dead is not in /proc any more once its parent knows.
            self._process.poll()

    def remove(self):
        self.kill()
        self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)

    # -- what came of it --------------------------------------------------------------------------

    def _artifact(self, name):
        return (self._folder / "artifacts" / str(self.number) / name).read_text(encoding="utf-8")

    @property
    def status(self):
        """As AWX shows it: successful, failed, timeout."""
        return self._artifact("status")

    @property
    def running(self):
        return self._process.poll() is None

    @property
    def text(self):
        """What it printed, for whoever reads of a failed test."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def events(self, name=None):
        folder = self._folder / "artifacts" / str(self.number) / "job_events"
        found = []
        for path in folder.glob("*.json"):
            # A job that was killed leaves one half written.
            with contextlib.suppress(ValueError):
                found.append(json.loads(path.read_text(encoding="utf-8")))
        return [each for each in sorted(found, key=lambda each: each["counter"]) if name in (None, each["event"])]

    @property
    def stats(self):
        """What a workflow hands to the jobs after this one."""
        return self.events("playbook_on_stats")[-1]["event_data"]["artifact_data"]

    @property
    def messages(self):
        """What its tasks said, and why they failed."""
        results = [each["event_data"].get("res", {}) for each in self.events() if each["event"].startswith("runner_on_")]
        return " ".join(" ".join(str(result.get("msg", "")).split()) for result in results)

    @property
    def actions(self):
        """{action: where the task stands that ran it} of what ran on the host."""
        data = [each["event_data"] for each in self.events("runner_on_ok")]
        return {each["resolved_action"]: each["task_path"] for each in data}

    @property
    def project(self):
        return self._folder / "project"
