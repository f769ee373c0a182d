# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Workers take no more tasks and begin those that they hold, for a moment before they are told to finish.

If Celery hands a task to a process of its pool in the instant of the signal, the task runs twice: there, and again
elsewhere, because the main process does not know yet that it runs and returns its message to the queue. So no task may
be handed out in that instant.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

from .._broker import remote_control
from .._broker.connection import Broker
from .._broker.node_names import nodes_of
from .._docker.containers import Container
from .._host import Host
from .._journal.journal import AnyJournal
from .._linux.clock import Deadline

# Seconds. Only short tasks are handed out often, and a worker soon begins all that it holds of them. After the signal
# it returns the others to their queue.
LONGEST = 2.0
PACE = 0.05
# On an overloaded host one answer may take as long as that, and a worker needs as much longer to begin its tasks.
FEWEST_LOOKS = 5


def let_them_begin(host: Host, journal: AnyJournal, broker: Broker, containers: Sequence[Container]) -> None:
    """Cancel the consumers of some workers, then wait until they have begun all tasks that they hold. Never fails.

    Only for workers that are stopped next: they consume again after their next start.
    """
    nodes = nodes_of(host, containers)
    told = remote_control.ask_all(host, broker, "active_queues", nodes)
    for name in sorted(_names(told)):
        remote_control.ask_all(host, broker, "cancel_consumer", nodes, {"queue": name})
    deadline, looks = Deadline(host.clock, LONGEST), 0
    while told and (looks < FEWEST_LOOKS or not deadline.over):
        looks += 1
        held = remote_control.ask_all(host, broker, "reserved", nodes)
        if held is None:
            return
        # On a busy host an answer may be late. It is asked for again, because these workers have answered before.
        if told.keys() <= held.keys() and not any(held.values()):
            return
        journal.renew_lease()
        deadline.sleep(PACE)


def _names(told: Optional[Mapping[str, Any]]) -> set[str]:
    """The queues in the answers of workers."""
    queues = [each for content in (told or {}).values() if isinstance(content, list) for each in content]
    return {str(each["name"]) for each in queues if isinstance(each, dict) and "name" in each}
