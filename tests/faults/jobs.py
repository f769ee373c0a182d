# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left to be measured, handed out to the hosts."""

from __future__ import annotations

import collections
import threading
from typing import Callable, NamedTuple

USUAL = (False, "")


class Job(NamedTuple):
    name: str
    kind: tuple  # of the host, as PiHost.kind has it
    perform: Callable


class Jobs:
    """Shared by the hosts. One of them begins with what needs another host than the usual one, so that few are made anew."""

    def __init__(self, jobs):
        self._left = {kind: collections.deque() for kind in sorted({job.kind for job in jobs}, reverse=True)}
        for job in jobs:
            self._left[job.kind].append(job)
        self._taking = threading.Lock()
        self.total = len(jobs)
        self.done = 0
        self.stopped = False

    def take(self, kind):
        """One for a host of that kind, or for one that has to be made."""
        with self._taking:
            if self.stopped:
                return None
            for left in (self._left.get(kind), *self._left.values()):
                if left:
                    return left.popleft()
        return None
