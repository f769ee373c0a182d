# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load on each of several apps at the same time, counted together."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import ledger
from load import Load

# Seconds of load before and after what is done under it.
AROUND = 1.0


class Loaded(NamedTuple):
    """An app to put under load.

    :ivar ledger: reads its ledger, which was begun anew.
    """

    url: str
    ledger: Callable[[], str]
    host_header: str = ""


@contextlib.contextmanager
def under_load(apps: Sequence[Loaded], requests: float, tasks: float, tasks_within: float = 60.0) -> Iterator[Counter[str]]:
    """Yields requests, failed, tasks, lost and doubled of all apps together, which are there at the end.

    :param requests: a second, for each app; ``tasks`` likewise.
    :param tasks_within: seconds that the accepted tasks may take after the load.
    """
    loads = [Load(app.url, requests, tasks, host_header=app.host_header, task={"seconds": "0.2"}).start() for app in apps]
    sums: Counter[str] = Counter()
    try:
        time.sleep(AROUND)
        yield sums
        time.sleep(AROUND)
    finally:
        for load in loads:
            figures = load.stop()
            sums.update(requests=figures["requests"], failed=figures["failed"])
    for app in apps:
        counted = ledger.count(ledger.wait_until_done(app.ledger, timeout=tasks_within))
        sums.update(tasks=counted.accepted, lost=len(counted.lost), doubled=len(counted.doubled))
