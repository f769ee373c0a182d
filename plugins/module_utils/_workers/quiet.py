# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Busy workers take no more tasks and begin those that they hold, for a moment before they are told to finish.

A task that Celery hands to a process of its pool in the instant of the signal runs there, and because the main process has
not heard so yet, its message goes back to the queue as well: the task runs twice. So nothing is to be handed out then.
"""

from __future__ import annotations

from .._broker import remote_control
from .._broker.node_names import nodes_of
from .._linux.clock import Deadline

# Short tasks are those that are handed out often, and then what a worker holds has begun soon. The rest goes back to its
# queue by the signal itself.
LONGEST = 2.0
PACE = 0.05


def let_them_begin(host, journal, broker, containers) -> None:
    """Cancel the consumers of some workers, then wait until all that they hold has begun; never a failure.

    Only for workers that are stopped next: their next start consumes again.
    """
    nodes = nodes_of(host, containers)
    told = remote_control.ask_all(host, broker, "active_queues", nodes)
    for name in sorted(_names(told)):
        remote_control.ask_all(host, broker, "cancel_consumer", nodes, {"queue": name})
    deadline = Deadline(host.clock, LONGEST)
    while told and not deadline.over:
        held = remote_control.ask_all(host, broker, "reserved", nodes)
        if not held or not any(held.values()):
            return
        journal.renew_lease()
        deadline.sleep(PACE)


def _names(told) -> set:
    """The queues in the answers of workers."""
    queues = [each for content in (told or {}).values() if isinstance(content, list) for each in content]
    return {str(each["name"]) for each in queues if isinstance(each, dict) and "name" in each}
