# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controllers: ansible-playbook, by itself or under ansible-runner, with all the processes that they start."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Optional

from marked import marked
from ansible_start import ROOT, command, environment

RUNNER = ROOT / ".venv-runner/bin/python"
MARK = "BLUEGREEN_FAULTS_CONTROLLER"


class Controller:
    """One run of a playbook of the collection.

    Its processes are found by a variable of their environment: workers and the SSH connection are in sessions of their
    own, and have other parents once the first one is gone.
    """

    def __init__(
        self, playbook: str, inventory: Path, log: Path, variables: dict[str, Any], under_runner: bool = False,
        arguments: Iterable[str] = (),
    ) -> None:
        self.log = Path(log)
        self._mark = uuid.uuid4().hex
        # Short, because the path of a socket is; its own, because it is a computer of its own.
        self._folder = Path(tempfile.mkdtemp(prefix="bgf"))
        started = command(playbook, inventory, variables, *arguments)
        self._cancel = self._folder / "cancel"
        if under_runner:
            driver = Path(__file__).with_name("runner_job.py")
            started = [str(RUNNER), str(driver), str(self._folder), str(self._cancel), *started]
        with open(self.log, "w", encoding="utf-8") as output:
            self._process = subprocess.Popen(  # pylint: disable=consider-using-with
                started,
                cwd=ROOT,
                env=environment(
                    ANSIBLE_SSH_CONTROL_PATH_DIR=str(self._folder),
                    ANSIBLE_NOCOLOR="1",
                    ANSIBLE_SHOW_CUSTOM_STATS="1",
                    ANSIBLE_HOST_KEY_CHECKING="0",
                    PYTHONDONTWRITEBYTECODE="1",
                    **{MARK: self._mark},
                ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def rc(self) -> Optional[int]:
        """How it ended; None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float) -> Optional[int]:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self.rc

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def processes(self) -> list[int]:
        return marked(MARK, self._mark)

    def signal(self, number: int) -> None:
        """Send a signal to every process of it."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def cancel(self) -> None:
        """As AWX does it: ansible-runner kills what it started."""
        self._cancel.touch()

    def stop(self) -> None:
        """No process of it is left when this returns."""
        while self.processes():
            # One that was just forked is found the next time.
            self.signal(signal.SIGKILL)
            self.wait(0.05)
        self.wait(5)
        shutil.rmtree(self._folder, ignore_errors=True)
