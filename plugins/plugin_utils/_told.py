# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What the controller says while a host works: what begins there, how long it has lasted, and how far it is."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Callable, Iterator

# Seconds after which a host tells how far a step is, and between two times.
FIRST = 10
PACE = 30
# Seconds more in which a host that can tell has done so.
LATE = 3

# With these each host goes its own way, and Ansible prints a task's title only with its result.
UNTOLD = ("free", "host_pinned")


def begins(host: str, title: str) -> str:
    """The line for a task that begins."""
    return f"{host}: {title} ..."


def lasts(host: str, title: str, seconds: float, limit: float | None, so_far: str = "") -> str:
    """The line for one that lasts.

    :param limit: seconds after which it ends anyhow, if there is such a time.
    :param so_far: how far it is, if the host tells.
    """
    most = f" of at most {limit:g}" if limit else ""
    return f"{host}: {title}: {seconds:g}{most} s so far{'; ' if so_far else ''}{so_far}"


def is_told_late(strategy: str) -> bool:
    """Whether Ansible itself says only at a task's end that it has begun."""
    return strategy.rpartition(".")[2] in UNTOLD


@contextlib.contextmanager
def telling(say: Callable[[str], None], host: str, title: str, limit: float | None) -> Iterator[Callable[[str], None]]:
    """Say again and again that a task lasts, until it ends.

    :returns: to be called with how far it is; without that it is only said how long it has lasted.
    """
    begun, over, heard = time.monotonic(), False, threading.Event()

    def tell(so_far=""):
        say(lasts(host, title, round(time.monotonic() - begun), limit, so_far))

    def hear(so_far):
        tell(so_far)
        heard.set()

    def tell_alone():
        pause = FIRST + LATE
        while not over:
            if heard.wait(pause):
                heard.clear()
            else:
                tell()
            pause = PACE + LATE

    teller = threading.Thread(target=tell_alone, daemon=True)
    teller.start()
    try:
        yield hear
    finally:
        over = True
        heard.set()
        teller.join()
