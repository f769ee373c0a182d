# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Workers take no more tasks and begin those that they hold, for a moment before they are told to finish.

If Celery hands a task to a process of its pool in the instant of the signal, the task runs twice: there, and again
elsewhere, because the main process does not know yet that it runs and returns its message to the queue. So no task may
be handed out in that instant, and no task's ETA may come.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Iterator, Mapping, Optional, Sequence

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
# Seconds that the signal may need to arrive, beside the time that the workers took to answer.
SIGNAL_TAKES = 0.3


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
        begun = host.clock.monotonic()
        # In this order: a task whose time comes between the two answers is held in the second.
        scheduled = remote_control.ask_all(host, broker, "scheduled", nodes)
        held = remote_control.ask_all(host, broker, "reserved", nodes)
        if scheduled is None or held is None:
            return
        took = host.clock.monotonic() - begun
        pause = _until_the_last_is_due(scheduled, host.clock.wall(), SIGNAL_TAKES + took)
        # On a busy host an answer may be late. It is asked for again, because these workers have answered before.
        answered = scheduled.keys() & held.keys()
        if told.keys() <= answered and not any(held.values()) and pause is None:
            return
        journal.renew_lease()
        deadline.sleep(max(pause or 0.0, PACE))


def _until_the_last_is_due(scheduled: Mapping[str, Any], now: float, within: float) -> Optional[float]:
    """Seconds until the last of the tasks that become due ``within`` so many seconds, ``None`` without such a task.

    :param scheduled: the answers of workers: the tasks that wait for their ETA.
    :param now: seconds since the epoch.
    """
    seconds = [eta - now for eta in _etas(scheduled) if eta - now <= within]
    return max(seconds) if seconds else None


def _etas(scheduled: Mapping[str, Any]) -> Iterator[float]:
    """When tasks become due, in seconds since the epoch. Containers have the clock of their host."""
    for content in scheduled.values():
        for each in content if isinstance(content, list) else ():
            try:
                yield datetime.fromisoformat(each["eta"]).timestamp()
            except (TypeError, KeyError, ValueError):
                # Another version of Celery may write it in another way. Such a task is not waited for.
                continue


def _names(told: Optional[Mapping[str, Any]]) -> set[str]:
    """The queues in the answers of workers."""
    queues = [each for content in (told or {}).values() if isinstance(content, list) for each in content]
    return {str(each["name"]) for each in queues if isinstance(each, dict) and "name" in each}
