# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""CPU shares of containers that run beside others which must not be slowed down.

With the lowest shares old workers use only the CPU time that nothing else needs: the candidate boots almost as fast as
if they were stopped, and there is always a worker. Containers that the deployment itself waits for get a quarter: with
the lowest shares a migration could hold its locks for minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Collection

from .containers import Container

if TYPE_CHECKING:
    from .._host import Host
    from .._journal.journal import AnyJournal

LOWEST = 2
QUARTER = 256
# The engine's default. In an update 0 means "leave it as it is", not "the default".
DEFAULT = 1024


def lower_weights(host: Host, journal: AnyJournal, containers: Collection[Container], shares: int = LOWEST) -> None:
    """Note the CPU shares of each container in the journal, then lower them.

    Idempotent: the shares that were noted first stay in the journal.
    """
    noted = dict(journal.get("cpu_shares") or {})
    for container in containers:
        noted.setdefault(container.id, container.cpu_shares)
    journal.note(cpu_shares=noted)
    for container in containers:
        if container.cpu_shares != shares:
            host.engine.set_cpu_shares(container.id, shares)


def put_back_weights(host: Host, journal: AnyJournal) -> None:
    """Give every container whose CPU shares were lowered its previous ones; a removed container is skipped."""
    noted = journal.get("cpu_shares") or {}
    for container_id, shares in sorted(noted.items()):
        if host.engine.exists(container_id):
            host.engine.set_cpu_shares(container_id, shares or DEFAULT)
    if noted:
        journal.note(cpu_shares={})
