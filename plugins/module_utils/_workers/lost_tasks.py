# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The account of tasks whose workers were ended by force: back in a queue, or lost."""

from __future__ import annotations

from typing import Optional, Sequence

from .._broker import queues
from .._broker.connection import Broker
from .._broker.redis import RedisError
from .._broker.remote_control import Task
from .._host import Host
from .._words import agree
from .finish_container import Ending

# How many tasks a sentence names.
_NAMED = 5


def lost_tasks(host: Host, broker: Optional[Broker], endings: Sequence[Ending]) -> list[Task]:
    """The tasks that were cut off by force and are in no queue, so that no worker will run them again."""
    cut = {task.id: task for ending in endings for task in ending.cut}
    if not cut or broker is None:
        return list(cut.values())
    waiting: set[str] = set()
    try:
        waiting = queues.waiting_ids(broker, set(cut))
    except RedisError as error:
        host.warn(f"Could not check whether tasks that were cut off are back in a queue: {error.message}")
    return [task for task in cut.values() if task.id not in waiting]


def killed_sentence(
    killed: Sequence[Ending], forced: Sequence[Ending], tasks: Optional[Sequence[Task]], lost: Sequence[Task]
) -> str:
    """What happened to the workers that were killed, and to their tasks. Pure.

    :param forced: those of ``killed`` that this module killed because their time was over.
    :param tasks: the tasks that ran when the signal was sent; ``None`` if they are not known.
    :param lost: see :func:`lost_tasks`.
    """
    reasons = []
    for each in killed:
        why = each.ended.why if each.ended and each not in forced else "was killed when its time was over"
        reasons.append(f"{each.container.name} {why}")
    if lost:
        ran, are = agree(lost, "This task", "These tasks"), agree(lost, "is", "are")
        result = f"{ran} ran there, may not have ended and {are} not in a queue: {listed(lost)}."
    elif tasks is None:
        result = "It is not known which tasks ran there."
    else:
        result = "No task was lost."
    return f"While the old workers finished, {'; '.join(reasons) or 'some tasks were cut short'}. {result}"


def listed(tasks: Sequence[Task]) -> str:
    """The first of some tasks, with their ids, and how many there are beyond these."""
    more = f" and {len(tasks) - _NAMED} more" if len(tasks) > _NAMED else ""
    return ", ".join(f"{task.name} ({task.id})" for task in tasks[:_NAMED]) + more
