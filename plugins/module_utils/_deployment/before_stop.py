# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Init services that run while the old workers still work, so that tasks do not wait for them.

The candidate's support services start first, as they do later. An init container gets a quarter of the others' CPU weight,
because they serve meanwhile. Where the memory does not suffice any more, nothing starts, and all of it runs when the old
workers have stopped, as it does without this.
"""

from __future__ import annotations

from .._docker.cpu_shares import QUARTER, lower_weights, put_back_weights
from .._resources.host import available_memory
from .._resources.memory_budget import before_stop, room_recorded
from .start_candidate import Started, start, would_start


def run_before_stop(host, journal, containers, timeout, broker):
    """Start the support containers and run the init containers of the candidate, beside the old color.

    What has run to its end here is not run again when the rest of the candidate starts.

    :param containers: lists of :class:`Container` by role, support and init, each in the order wanted.
    :param timeout: seconds for each role, and once more for an init container that its low weight has kept from its end.
    :param broker: :class:`connection.Broker` of the candidate, or ``None``.
    :returns: :class:`start_candidate.Started`; of no containers where there is too little memory.
    :raises BluegreenError: something did not come up, or did not end well.
    """
    init = would_start(journal, {"init": containers["init"]})
    need = before_stop(room_recorded(journal.get("memory_budget"), available_memory()))
    if init and not need.fits:
        names = ", ".join(each.name for each in init)
        host.warn(f"{need.line[0].upper()}{need.line[1:]}, so the old workers stop before the start of {names}.")
        return Started([], 0.0)
    # One that its owner gave less already keeps that.
    lower_weights(host, journal, [each for each in init if not 0 < each.cpu_shares <= QUARTER], QUARTER)
    started = start(host, journal, containers, timeout, broker, hurry=lambda: put_back_weights(host, journal))
    put_back_weights(host, journal)
    return started
