# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""CPU weight of what works beside containers that must not be slowed down.

At the lowest weight old workers go on with what nobody else wants of the CPU, so the candidate boots almost as fast as if
they were stopped, and no second passes without a worker. What the deployment itself waits for gets a quarter: at the
lowest weight a migration could hold its locks for minutes.
"""

from __future__ import annotations

LOWEST = 2
QUARTER = 256
# What a container has that was never given a weight. To the engine 0 means "leave it", not "the default".
DEFAULT = 1024


def lower_weights(host, journal, containers, shares=LOWEST):
    """Note the CPU weight of each container in the journal, then lower it.

    Idempotent: what was noted first stays noted.
    """
    noted = dict(journal.get("cpu_shares") or {})
    for container in containers:
        noted.setdefault(container.id, container.cpu_shares)
    journal.note(cpu_shares=noted)
    for container in containers:
        if container.cpu_shares != shares:
            host.engine.set_cpu_shares(container.id, shares)


def put_back_weights(host, journal):
    """Give every container whose weight was lowered the one that it had; one that is gone is passed over."""
    noted = journal.get("cpu_shares") or {}
    for container_id, shares in sorted(noted.items()):
        if host.engine.exists(container_id):
            host.engine.set_cpu_shares(container_id, shares or DEFAULT)
    if noted:
        journal.note(cpu_shares={})
