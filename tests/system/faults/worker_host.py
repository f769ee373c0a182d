# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one host that a worker of pytest-xdist has for all its tests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Optional

from matrix import Kind
from pi_host import FaultsError, PiHost

TRIES = 3


class WorkerHost:
    """Made for the first test that asks for it; made anew for another kind of host, and after a test that failed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._pi: Optional[PiHost] = None

    @contextlib.contextmanager
    def lent(self, kind: Kind) -> Iterator[PiHost]:
        try:
            if self._pi is None or self._pi.kind != kind:
                self.destroy()
                self._pi = self._made(kind)
            yield self._pi
        except BaseException:
            # No other test can begin with the state that this one left.
            self.destroy()
            raise

    def _made(self, kind: Kind, tries: int = TRIES) -> PiHost:
        self._pi = PiHost(self._name, *kind)
        try:
            self._pi.make()
        except (FaultsError, PiHost.Error):
            # The machine may be too busy for a moment.
            self.destroy()
            if tries == 1:
                raise
            return self._made(kind, tries - 1)
        return self._pi

    def destroy(self) -> None:
        if self._pi:
            self._pi.destroy()
        self._pi = None
