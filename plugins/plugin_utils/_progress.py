# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Lines of progress on the controller: which task begins on a host, how long it has run, and its progress there."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Callable, Iterator

# Seconds after which a host first reports the progress of a step, and seconds between two reports.
FIRST = 10
PACE = 30
# Seconds that the report of a host may be late.
LATE = 3

# Strategies with which Ansible prints the title of a task only with its result.
LATE_TITLES = ("free", "host_pinned")


def begins(host: str, title: str) -> str:
    """The line of a task that begins."""
    return f"{host}: {title} ..."


def lasts(host: str, title: str, seconds: float, limit: float | None, so_far: str = "") -> str:
    """The line of a task that still runs.

    :param limit: seconds after which it ends in any case, if there is a limit.
    :param so_far: its progress, if the host reports it.
    """
    most = f" of at most {limit:g}" if limit else ""
    return f"{host}: {title}: {seconds:g}{most} s so far{'; ' if so_far else ''}{so_far}"


def prints_titles_late(strategy: str) -> bool:
    """Whether Ansible prints the title of a task only when the task has ended."""
    return strategy.rpartition(".")[2] in LATE_TITLES


@contextlib.contextmanager
def reporting(
    say: Callable[[str], None], host: str, title: str, limit: float | None
) -> Iterator[Callable[[str], None]]:
    """Print again and again how long a task has run, until it ends.

    :returns: a function that is called with the progress, to print it as well.
    """
    begun, over, heard = time.monotonic(), False, threading.Event()

    def tell(so_far: str = "") -> None:
        say(lasts(host, title, round(time.monotonic() - begun), limit, so_far))

    def hear(so_far: str) -> None:
        tell(so_far)
        heard.set()

    def tell_alone() -> None:
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
