# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook on a terminal, with somebody who sits there."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pexpect
from ansible_start import ROOT, environment

COLUMNS = 300
WITHIN = 400
# From the hangup until the program is gone.
CLOSED_WITHIN = 20
# Between what is shown and what is typed, and between two keys.
MOMENT = 0.5


def told() -> dict[str, str]:
    return environment(ANSIBLE_NOCOLOR="1", ANSIBLE_HOST_KEY_CHECKING="0", COLUMNS=str(COLUMNS), PYTHONDONTWRITEBYTECODE="1")


def _as_in_a_window() -> None:
    # These tests may run under nohup, which no terminal that somebody opens does.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Terminal:
    """All that the command prints is in the log, too."""

    def __init__(self, command: list[str], log: Path) -> None:
        self.log = log
        self._file = open(log, "w", encoding="utf-8")  # pylint: disable=consider-using-with
        self._child = pexpect.spawn(
            command[0], command[1:], cwd=ROOT, env=told(), encoding="utf-8", timeout=WITHIN,
            dimensions=(50, COLUMNS), logfile=self._file, preexec_fn=_as_in_a_window,
        )  # fmt: skip

    def asks(self, prompt: str) -> bool:
        """Whether it comes to this prompt; if not, it has ended."""
        return bool(self._child.expect_exact([prompt, pexpect.EOF]) == 0)

    def type(self, *keys: str, wait: float = 0.0) -> None:
        time.sleep(wait)
        for key in keys:
            time.sleep(MOMENT)
            self._child.send(key)

    def close(self) -> None:
        """Somebody closes the window; what the program does then is its own affair."""
        self._child.ptyproc.fileobj.close()
        end = time.monotonic() + CLOSED_WITHIN
        while self._child.isalive() and time.monotonic() < end:
            time.sleep(0.1)
        # Ends it by force, if it goes on without a terminal.
        self._child.close()

    def end(self) -> tuple[int, str]:
        """Its exit code, or the negative number of the signal that ended it, and all that was shown, white space folded."""
        if not self._child.closed:
            self._child.expect(pexpect.EOF)
            self._child.close()
        self._file.close()
        text = " ".join(self.log.read_text(encoding="utf-8", errors="replace").split())
        code = self._child.exitstatus
        return -self._child.signalstatus if code is None else code, text
