# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Init services that run while the old workers still work, so that tasks do not wait for them.

The candidate's support services start first, as they do later. An init container gets a quarter of the CPU weight of
the others, which serve meanwhile. If the host has too little memory now, nothing starts here, and everything runs when
the old workers have stopped, as it does without this option.
"""

from __future__ import annotations

from typing import Mapping, Optional, Sequence

from .._broker.connection import Broker
from .._docker.containers import Container
from .._docker.cpu_shares import QUARTER, lower_weights, put_back_weights
from .._host import Host
from .._journal.journal import AnyJournal
from .._linux.memory import available_memory
from .._resources.memory_budget import before_stop, room_recorded
from .start_candidate import Started, start, would_start


def run_before_stop(
    host: Host,
    journal: AnyJournal,
    containers: Mapping[str, Sequence[Container]],
    timeout: float,
    broker: Optional[Broker],
) -> Started:
    """Start the support containers and run the init containers of the candidate, beside the old color.

    An init container that ends well here is not run again when the rest of the candidate starts.

    :param containers: those of the roles support and init, each in the order wanted.
    :param timeout: seconds for each role, and once more for an init container that was too slow with its low weight.
    :param broker: that of the candidate, or ``None``.
    :returns: the started containers; none where there is too little memory.
    :raises BluegreenError: a container did not start, or an init container failed.
    """
    init = would_start(journal, {"init": containers["init"]})
    need = before_stop(room_recorded(journal.get("memory_budget"), available_memory()))
    if init and not need.fits:
        names = ", ".join(each.name for each in init)
        host.warn(f"{need.line[0].upper()}{need.line[1:]}, so the old workers stop before the start of {names}.")
        return Started([], 0.0)
    # A container to which its owner gave less keeps that.
    lower_weights(host, journal, [each for each in init if not 0 < each.cpu_shares <= QUARTER], QUARTER)
    started = start(host, journal, containers, timeout, broker, hurry=lambda: put_back_weights(host, journal))
    put_back_weights(host, journal)
    return started
