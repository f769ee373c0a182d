# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the harness itself does at the moment of a fault; the rest is done by the host (see matrix.Fault.on_host)."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Optional

from controllers import Controller
from matrix import REVERT_AFTER
from pi_host import PiHost

BLINK = 5.0
# Longer than the deadline and what the recovery after it takes.
PAST_DEADLINE = REVERT_AFTER + 20.0


class Strikes:
    """The strikes of one cell. Each returns at once; what follows later is in :attr:`later`."""

    def __init__(self, pi: PiHost, controller: Controller, rival: Callable[[], Controller]) -> None:
        self._pi = pi
        self._controller = controller
        self._rival = rival
        self.second: Optional[Controller] = None  # the second deployment
        self.rebooted = False
        self.later: list[tuple[float, Callable[[], None]]] = []  # when what is done, in the order of time

    def _in(self, seconds: float, function: Callable[[], None]) -> None:
        self.later.append((time.time() + seconds, function))

    def kill(self) -> None:
        self._controller.signal(signal.SIGKILL)

    def term(self) -> None:
        self._controller.signal(signal.SIGTERM)

    def cancel(self) -> None:
        self._controller.cancel()

    def cut_link(self) -> None:
        self._pi.link.cut()

    def silence_link_shortly(self) -> None:
        self._pi.link.silence()
        self._in(BLINK, self._pi.link.speak)

    def silence_link(self) -> None:
        self._pi.link.silence()
        self._in(PAST_DEADLINE, self._pi.link.speak)

    def sleep(self) -> None:
        self._controller.signal(signal.SIGSTOP)
        self._in(PAST_DEADLINE, lambda: self._controller.signal(signal.SIGCONT))

    def cut_power(self) -> None:
        # A container boots within seconds, in which a controller may not even notice; a computer takes longer.
        self._pi.link.cut()
        self._pi.reboot()
        self._pi.link.restore()
        self.rebooted = True

    def deploy_too(self) -> None:
        self.second = self._rival()
