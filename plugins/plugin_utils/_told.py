# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What the controller says while a host works: what begins there, and how long it has lasted."""

from __future__ import annotations

import contextlib
import threading
from typing import Callable, Iterator

# Seconds after which it is told that a step lasts, and between two times.
FIRST = 10
PACE = 30

# With these each host goes its own way, and Ansible prints a task's title only with its result.
UNTOLD = ("free", "host_pinned")


def begins(host: str, title: str) -> str:
    """The line for a task that begins."""
    return f"{host}: {title} ..."


def lasts(host: str, title: str, seconds: float, limit: float | None) -> str:
    """The line for one that lasts.

    :param limit: seconds after which it ends anyhow, if there is such a time.
    """
    most = f" of at most {limit:g}" if limit else ""
    return f"{host}: {title}: {seconds:g}{most} s so far"


def is_told_late(strategy: str) -> bool:
    """Whether Ansible itself says only at a task's end that it has begun."""
    return strategy.rpartition(".")[2] in UNTOLD


@contextlib.contextmanager
def telling(say: Callable[[str], None], host: str, title: str, limit: float | None) -> Iterator[None]:
    """Say again and again that a task lasts, until it ends."""
    ended = threading.Event()

    def tell():
        seconds = pause = FIRST
        while not ended.wait(pause):
            say(lasts(host, title, seconds, limit))
            pause = PACE
            seconds += pause

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join()
