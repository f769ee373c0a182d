# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Messages that dead workers had taken are given back to their queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._words import counted
from .staging import Delivery, drain_here, new_scope, stage_unacked
from .worker_conf import layout_of

if TYPE_CHECKING:
    from .._host import Host
    from .._journal.journal import AnyJournal
    from .connection import Broker


def restore_orphans(host: Host, journal: AnyJournal, broker: Broker) -> int:
    """Give messages that dead workers took back to their queues; without this they wait for the visibility timeout.

    A database that a live worker reads is not touched, because that worker's messages look the same.

    :returns: how many messages were given back.
    """
    delivery = Delivery(layout=layout_of(journal, broker))
    for number in broker.message_databases():
        if not broker.has_live_worker(number):
            stage_unacked(broker.database(number), "here", new_scope(journal, "orphans"))
        drain_here(journal, broker, number, delivery)
    total = delivery.total
    if total:
        host.commands.append(f"give {counted(total, 'unacknowledged message')} of {broker.name} back to the queues")
    return total
