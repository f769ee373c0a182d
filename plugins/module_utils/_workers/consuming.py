# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Proof that a worker really consumes."""

from __future__ import annotations

from typing import Optional, Sequence

from .._broker.connection import Broker, Consumer
from .._broker.redis import RedisError
from .._celery.roles import ancestors, main_processes, programs
from .._docker.containers import Container
from .._docker.logs import last_lines, lines_of
from .._errors import BluegreenError
from .._host import Host
from .._journal.journal import AnyJournal
from .._linux import sockets
from .._linux.clock import Deadline
from .._linux.processes import processes_of
from .._process import Process
from .._progress import reached, report
from .._words import agree, joined
from . import not_consuming
from .still_up import each_or_failed, still_up

POLL = 0.1
# Seconds. If the broker cannot be asked, a worker counts as consuming once its log says so or it has run for this long.
STANDING = 5.0


def prove_consuming(
    host: Host, journal: AnyJournal, broker: Optional[Broker], workers: Sequence[Container], timeout: float
) -> None:
    """Wait until each of ``workers`` consumes.

    With a Redis the proof is a client that waits for messages and comes from the container's address or, if there is a
    router in between, over a connection of the container. Without a Redis, or if it does not list its clients, the
    proof is the log line of the worker that it is ready, or some seconds of running.

    :param workers: containers as they were right after their start.
    :param timeout: in seconds.
    :raises BluegreenError: a worker has exited, or does not consume in time.
    """
    _await_consuming(host, journal, broker, workers, timeout, None)


def those_that_consume(
    host: Host, journal: AnyJournal, broker: Optional[Broker], workers: Sequence[Container], timeout: float
) -> tuple[list[Container], list[BluegreenError]]:
    """The same, but a worker that fails does not end the wait for the others.

    :returns: ``(the containers that consume, an error for each of the others)``
    """
    failed: list[BluegreenError] = []
    return _await_consuming(host, journal, broker, workers, timeout, failed), failed


def _await_consuming(
    host: Host,
    journal: AnyJournal,
    broker: Optional[Broker],
    workers: Sequence[Container],
    timeout: float,
    failed: Optional[list[BluegreenError]],
) -> list[Container]:
    """The workers that consume; errors are collected in ``failed``, or raised if that is ``None``."""
    deadline, waiting = Deadline(host.clock, timeout), list(workers)
    consuming: list[Container] = []
    while waiting:
        waiting = each_or_failed(waiting, lambda worker: still_up(host, worker, journal), failed)
        clients = _waiting_clients(broker)
        done = [worker for worker in waiting if _consumes(host, worker, broker, clients, deadline)]
        consuming += done
        waiting = [worker for worker in waiting if worker not in done]
        if waiting and deadline.over:
            error = _late(host, broker, waiting, timeout)
            if failed is None:
                raise error
            failed.append(error)
            break
        if waiting:
            journal.renew_lease()
            names = [worker.name for worker in waiting]
            report(reached([worker.name for worker in consuming] + names, names, "workers consume"))
            deadline.pause(POLL)
    return consuming


def _late(host: Host, broker: Optional[Broker], waiting: list[Container], timeout: float) -> BluegreenError:
    names = [worker.name for worker in waiting]
    return BluegreenError(
        f"{joined(names)} did not begin to consume tasks within {timeout:g} s; {agree(names, 'its', 'their')} last log "
        "lines follow. "
        + not_consuming.advice_for(waiting, broker),
        failure="not_consuming",
        logs=last_lines(host, waiting),
    )


def _waiting_clients(broker: Optional[Broker]) -> Optional[list[Consumer]]:
    """The clients of a broker that wait for messages, or ``None`` if they cannot be listed."""
    if broker is None:
        return None
    clients: list[Consumer] = []
    try:
        for number in broker.message_databases():
            consumers = broker.consumers(number)
            if consumers is None:
                return None
            clients += [consumer for consumer in consumers if consumer.waits]
    except RedisError:
        # A worker cannot consume while its broker is down, and then the proof has to fail.
        return []
    return clients


def _consumes(
    host: Host, worker: Container, broker: Optional[Broker], clients: Optional[list[Consumer]], deadline: Deadline
) -> bool:
    own = {address for address in worker.addresses.values() if address}
    if broker is None or clients is None or not own:
        if deadline.elapsed >= min(STANDING, deadline.seconds):
            return True
        return any(line.rstrip().endswith(" ready.") for line in lines_of(host, worker.id))
    if broker.container is not None and not any(client.address in own for client in clients):
        # It is still booting. Reading all its processes ten times a second would slow it down.
        return False
    processes = processes_of(worker.pid)
    ports = _ports_to(worker, broker.port, _holders(processes))
    # A health check may wait at the same address as a worker does, but in another process.
    if any(client.address in own and (client.port in ports or not processes) for client in clients):
        return True
    if broker.container is not None:
        return False
    # For a broker outside of this host's containers Redis may see a router as the client. A router keeps the port of a
    # connection if that is free.
    return any(client.port in ports for client in clients) or bool(ports) and deadline.elapsed >= STANDING


def _holders(processes: list[Process]) -> list[Process]:
    """The processes whose connections prove that a worker consumes: Celery's own, else all below its programs.

    A program that does not show that it is Celery may only have started it.
    """
    celery = main_processes(processes)
    if celery:
        return celery
    parents = {each.pid: each.ppid for each in processes}
    first = {each.pid for each in programs(processes)}
    return [each for each in processes if each.pid in first or not first.isdisjoint(ancestors(each.pid, parents))]


def _ports_to(worker: Container, port: int, holders: list[Process]) -> set[int]:
    """Local ports of a container's connections to a port elsewhere.

    :param holders: the processes whose connections count; if there are none, all connections of the container count.
    """
    inodes = {inode for process in holders for inode in sockets.inodes_of(process.pid)}
    return {
        each.local[1]
        for each in sockets.connections(worker.pid, ports=(port,))
        if each.state == sockets.ESTABLISHED and each.remote[1] == port and (each.inode in inodes or not holders)
    }
