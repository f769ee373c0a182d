# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Messages are parked, and returned to their queues, within one Redis.

A message whose task the workers do not know is *parked*: it is moved to a list that no worker reads, named after its
queue. It returns to the queue once the workers know the task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._celery.task_names import Names, is_lost
from .._words import counted
from .queues import PARKING, Stage, has_task, task_lists
from .staging import Delivery, drain_here, new_scope, rename
from .worker_conf import layout_of

if TYPE_CHECKING:
    from .._host import Host
    from .._journal.journal import AnyJournal
    from .connection import Broker


def park_unknown(host: Host, journal: AnyJournal, broker: Broker, known: Names | None) -> dict[str, int]:
    """Move tasks that the workers of a broker do not know to parking lists, before these workers discard them.

    Safe only while no worker consumes.

    :param known: names of the tasks that they know; with ``None`` nothing is parked.
    :returns: messages parked, per name of their task.
    """
    delivery = _sort_again(journal, broker, known, parked=False)
    if delivery.parked:
        host.commands.append(f"park {counted(sum(delivery.parked.values()), 'message')} of {broker.name}")
    return delivery.parked


def return_parked(host: Host, journal: AnyJournal, broker: Broker, known: Names | None) -> dict[str, int]:
    """Move parked tasks that the workers of a broker know to their queues.

    :param known: as for :func:`park_unknown`.
    :returns: messages returned, per queue.
    """
    delivery = _sort_again(journal, broker, known, parked=True)
    if delivery.queues:
        parked = counted(sum(delivery.queues.values()), "parked message")
        host.commands.append(f"return {parked} of {broker.name} to the queues")
    return delivery.queues


def _sort_again(journal: AnyJournal, broker: Broker, known: Names | None, parked: bool) -> Delivery:
    """Move messages between queues and parking lists; lists without a message to move are not touched.

    :param parked: whether parking lists are sorted; else queues.
    """
    delivery = Delivery(known, layout=layout_of(journal, broker))
    if known is None:
        return delivery

    def misplaced(name: str) -> bool:
        return name in known if parked else is_lost(name, known)

    for number in broker.message_databases():
        database = broker.database(number)
        scope = new_scope(journal, "sorted")
        for key in task_lists(database):
            if key.startswith(PARKING) is parked and has_task(database, key, misplaced):
                rename(database, key, Stage("here", scope, "list", key).key)
        drain_here(journal, broker, number, delivery)
    return delivery
