# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Proof that a container really started, and that a worker really consumes."""

from __future__ import annotations

from .._broker.redis import RedisError
from .._celery.roles import ancestors, main_processes, programs
from .._docker.containers import inspect_container
from .._docker.engine import EngineError
from .._docker.logs import last_lines, lines_of
from .._errors import BluegreenError
from .._journal.journal import NullJournal
from .._linux import sockets
from .._linux.clock import Deadline
from .._linux.processes import processes_of
from .._progress import reached, report
from .._resources import killed
from . import not_consuming

POLL = 0.1
# A start that succeeded may still be followed by an exit: "a moment later" is this. What falls later is seen when the
# deployment settles.
MOMENT = 0.5
# Without a broker that can be asked, a worker is believed when it says so, or has stood this long.
STANDING = 5.0


def start_container(host, container):
    """Start a container and return it as it is afterwards.

    :raises BluegreenError: the engine refused, or the container is as it was before.
    """
    try:
        host.engine.start(container.id)
    except EngineError as error:
        raise BluegreenError(
            f"Container {container.name} could not be started: {error.message}.",
            failure="start",
            logs=last_lines(host, [container]),
        ) from error
    now = inspect_container(host.engine, container.id)
    if now.started_at == container.started_at:
        raise BluegreenError(
            f"Container {container.name} was told to start, but its start of {now.started_at or 'before'} is still the "
            f"last one (it is {now.status}).",
            failure="start",
            logs=last_lines(host, [container]),
        )
    return now


def still_up(host, started, journal=NullJournal()):
    """The container as it is now.

    :param started: the container as it was right after its start.
    :param journal: tells whether something was killed for memory, and what had been reckoned with.
    :raises BluegreenError: it has ended or started again since.
    """
    now = inspect_container(host.engine, started.id)
    if now.status in ("running", "paused") and now.started_at == started.started_at:
        return now
    now = killed.judged(now, journal)
    how = "was killed for memory" if now.oom_killed else f"ended with exit code {now.exit_code}"
    if now.restart_count > started.restart_count or now.status == "restarting":
        how += " and is being restarted over and over"
    raise BluegreenError(
        f"Container {now.name} {how} right after its start: its last log lines are in logs."
        + killed.memory_sentence(journal),
        failure="exited",
        logs=last_lines(host, [now]),
    )


def still_up_after_a_moment(host, started, journal=NullJournal(), failed=None):
    """Make sure that containers are still up a moment after their start; returns them as they are then.

    :param failed: a list for the errors of those that are not; without it the first one is raised.
    """
    if started:
        host.clock.sleep(MOMENT)
    return _each(started, lambda container: still_up(host, container, journal), failed)


def _each(containers, function, failed):
    done = []
    for container in containers:
        try:
            done.append(function(container))
        except BluegreenError as error:
            if failed is None:
                raise
            failed.append(error)
    return done


def prove_consuming(host, journal, broker, workers, timeout):
    """Wait until each of ``workers`` consumes.

    With a Redis: a client that waits for messages and comes from the container's address; or, where a router stands in
    between, over a connection that the container has. Without one, or where Redis does not tell its clients: the worker
    says that it is ready, or has stood for some seconds.

    :param workers: containers as they were right after their start.
    :raises BluegreenError: one has ended, or does not consume in time.
    """
    _await_consuming(host, journal, broker, workers, timeout, None)


def those_that_consume(host, journal, broker, workers, timeout):
    """The same, where one that fails must keep no other waiting.

    :returns: ``(the containers that consume, an error for each of the others)``
    """
    failed = []
    return _await_consuming(host, journal, broker, workers, timeout, failed), failed


def _await_consuming(host, journal, broker, workers, timeout, failed):
    deadline, waiting, consuming = Deadline(host.clock, timeout), list(workers), []
    while waiting:
        waiting = _each(waiting, lambda worker: still_up(host, worker, journal), failed)
        clients = _waiting_clients(broker)
        done = [worker for worker in waiting if _consumes(host, worker, broker, clients, deadline)]
        consuming += done
        waiting = [worker for worker in waiting if worker not in done]
        if waiting and deadline.over:
            names = ", ".join(worker.name for worker in waiting)
            error = BluegreenError(
                f"{names} did not begin to consume within timeout={timeout:g} s: its last log lines are in logs. "
                + not_consuming.advice_for(waiting, broker),
                failure="not_consuming",
                logs=last_lines(host, waiting),
            )
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


def _waiting_clients(broker):
    """The :class:`connection.Consumer` that wait for messages, or ``None`` when nobody can tell."""
    if broker is None:
        return None
    clients = []
    try:
        for number in broker.message_databases():
            consumers = broker.consumers(number)
            if consumers is None:
                return None
            clients += [consumer for consumer in consumers if consumer.waits]
    except RedisError:
        # It is the worker that shall be proved; without its broker it will not be.
        return []
    return clients


def _consumes(host, worker, broker, clients, deadline):
    own = {address for address in worker.addresses.values() if address}
    if clients is not None and own:
        if broker.container is not None and not any(client.address in own for client in clients):
            # It is still booting: to look through all processes ten times a second would slow that down.
            return False
        processes = processes_of(worker.pid)
        ports = _ports_to(worker, broker.port, _holders(processes))
        # A health check waits for its answers as a worker waits for tasks, from the same address, but not in its process.
        if any(client.address in own and (client.port in ports or not processes) for client in clients):
            return True
        if broker.container is not None:
            return False
        # Outside of this host's containers Redis may see a router, which keeps a connection's port if nobody else has it.
        return any(client.port in ports for client in clients) or bool(ports) and deadline.elapsed >= STANDING
    if deadline.elapsed >= min(STANDING, deadline.seconds):
        return True
    return any(line.rstrip().endswith(" ready.") for line in lines_of(host, worker.id))


def _holders(processes):
    """The processes whose connections show that a worker consumes: Celery's, or programs with all that they have started.

    A program that is not seen to be Celery may only have started it.
    """
    celery = main_processes(processes)
    if celery:
        return celery
    parents = {each.pid: each.ppid for each in processes}
    first = {each.pid for each in programs(processes)}
    return [each for each in processes if each.pid in first or not first.isdisjoint(ancestors(each.pid, parents))]


def _ports_to(worker, port, holders):
    """Ports at this end of the connections that a container's programs have to some port elsewhere.

    :param holders: its programs; without any, all connections of the container count.
    """
    inodes = set().union(*(sockets.inodes_of(program.pid) for program in holders))
    return {
        each.local[1]
        for each in sockets.connections(worker.pid, ports=(port,))
        if each.state == sockets.ESTABLISHED and each.remote[1] == port and (each.inode in inodes or not holders)
    }
