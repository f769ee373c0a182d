# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Why a worker that was started does not consume: more time helps only one that is still on its way to its broker."""

from __future__ import annotations

from .._broker.redis import DEFAULT_PORT
from .._celery.roles import main_processes, programs
from .._linux import sockets
from .._linux.processes import processes_of
from .without_celery import has_lost

MORE_TIME = "Give it more time if it boots slowly."
# Where brokers listen: Redis, AMQP, and AMQP over TLS.
_PORTS = (DEFAULT_PORT, 5672, 5671)


def advice(name: str, command: list, processes: list, remotes: set, broker: str, addresses: set) -> str:
    """A sentence for one worker. Pure.

    :param remotes: ``(IP, port)`` of the brokers that its Celery is connected to.
    :param broker: the broker that it was to consume from, empty where that is not known.
    :param addresses: the IPs of that broker; empty where they are not known.
    """
    if has_lost(command, processes):
        words = " ".join(programs(processes)[0].argv) if programs(processes) else "what is frozen"
        return f"No Celery runs in {name}, only {words[:60]}: find out there why it ended, or what its start waits for."
    if addresses and remotes and not any(address in addresses for address, port in remotes):
        places = ", ".join(f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address, port in sorted(remotes))
        return (
            f"{name} is connected to {places}, and to no address of the broker {broker}: correct the broker's URL in the "
            "settings of that service."
        )
    return MORE_TIME


def advice_for(workers: list, broker) -> str:
    """What there is to say of all of them, each reason once.

    :param broker: a :class:`connection.Broker`, or ``None``.
    """
    server = broker.container if broker is not None else None
    addresses = {address for address in server.addresses.values() if address} if server is not None else set()
    found = []
    for worker in workers:
        processes = processes_of(worker.pid)
        ports = {*_PORTS, broker.port} if broker is not None else ()
        remotes = _remotes(worker.pid, main_processes(processes), ports) if addresses else set()
        found.append(
            advice(worker.name, worker.command, processes, remotes, broker.name if broker is not None else "", addresses)
        )
    return " ".join(dict.fromkeys(found))


def _remotes(pid, celery, ports):
    inodes = set().union(*(sockets.inodes_of(process.pid) for process in celery))
    return {
        each.remote
        for each in sockets.connections(pid, ports=ports)
        if each.state == sockets.ESTABLISHED and each.remote[1] in ports and each.inode in inodes
    }
