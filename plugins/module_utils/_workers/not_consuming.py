# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Why a worker that was started does not consume."""

from __future__ import annotations

from typing import Collection, Iterable, Optional, Sequence

from .._broker.connection import Broker
from .._broker.url import DEFAULT_PORT
from .._celery.roles import main_processes, programs
from .._docker.containers import Container
from .._linux import sockets
from .._linux.processes import processes_of
from .._process import Process
from .._words import joined
from .without_celery import has_lost

# Nothing is known but that Celery runs, or that the processes cannot be seen.
SEE_LOG = "Look there for an error, or for what the start waits for."
# Where brokers listen: Redis, AMQP, and AMQP over TLS.
_PORTS = (DEFAULT_PORT, 5672, 5671)


def advice(
    name: str,
    command: Sequence[str],
    processes: Sequence[Process],
    remotes: Collection[tuple[str, int]],
    broker: str,
    addresses: Collection[str],
) -> str:
    """A sentence for one worker. Pure.

    :param remotes: ``(IP, port)`` of the brokers that its Celery is connected to.
    :param broker: name of the broker that it should consume from, empty if that is not known.
    :param addresses: the IPs of that broker; empty if they are not known.
    """
    if has_lost(command, processes):
        words = " ".join(programs(processes)[0].argv) if programs(processes) else "a frozen program"
        return (
            f"Celery does not run in {name}, only {words[:60]}: find out from its log why Celery ended, or what it "
            "waits for."
        )
    if addresses and remotes and not any(address in addresses for address, port in remotes):
        places = [f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address, port in sorted(remotes)]
        return (
            f"{name} is connected to {joined(places)}, but not to the broker {broker}: correct the broker's URL in the "
            "settings of that service."
        )
    return SEE_LOG


def advice_for(workers: Iterable[Container], broker: Optional[Broker]) -> str:
    """Sentences for all of some workers, each reason once."""
    server = broker.container if broker is not None else None
    addresses = {address for address in server.addresses.values() if address} if server is not None else set()
    found = []
    for worker in workers:
        processes = processes_of(worker.pid)
        ports = {*_PORTS, broker.port} if broker is not None else ()
        remotes = _remotes(worker.pid, main_processes(processes), ports) if addresses else set()
        name = broker.name if broker is not None else ""
        found.append(advice(worker.name, worker.command, processes, remotes, name, addresses))
    return " ".join(dict.fromkeys(found))


def _remotes(pid: int, celery: Iterable[Process], ports: Collection[int]) -> set[tuple[str, int]]:
    inodes = {inode for process in celery for inode in sockets.inodes_of(process.pid)}
    return {
        each.remote
        for each in sockets.connections(pid, ports=ports)
        if each.state == sockets.ESTABLISHED and each.remote[1] in ports and each.inode in inodes
    }
