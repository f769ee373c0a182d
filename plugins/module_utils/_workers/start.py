# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Workers and beat started in order: workers first, beat once all of them consume.

A deployment that goes back starts the very containers again that it has stopped.
"""

from __future__ import annotations

from typing import Mapping, Optional, Sequence

from .._broker.connection import Broker
from .._celery.roles import Roles
from .._docker.containers import Container, inspect_container
from .._docker.cpu_shares import put_back_weights
from .._docker.logs import last_lines
from .._docker.restart_policies import restore_restart_policies
from .._docker.start import start_container
from .._errors import BluegreenError
from .._host import Host
from .._journal.journal import AnyJournal
from .._linux.clock import Deadline
from . import endings as workers_endings, why_running
from .consuming import prove_consuming, those_that_consume
from .container_roles import is_only_beat, roles_now
from .finish_container import Ending
from .still_up import still_up_after_a_moment
from .without_celery import has_lost_celery

# Seconds. A container that still finishes its longest task has to exit before it can start.
RESTART_TIMEOUT = 120


def restart_workers(
    host: Host,
    journal: AnyJournal,
    containers: Sequence[Container],
    timeout: float = RESTART_TIMEOUT,
    broker: Optional[Broker] = None,
) -> list[str]:
    """Start the very containers again that a deployment stopped, workers first, then beat.

    Idempotent, however far the stop got. A container that was signalled is waited for, because a start during its
    shutdown does nothing. A container that runs and was not signalled only gets its restart policy back. If a container
    fails, the others and beat start anyway, and the next try does not stop them.

    :param timeout: seconds to wait for the exit of those that still finish, and again for the proof.
    :returns: names of the containers started.
    :raises BluegreenError: a container did not end or did not start; all others run.
    """
    put_back_weights(host, journal)
    containers = [inspect_container(host.engine, container.id) for container in containers]
    roles = {container.id: roles_now(container, journal.get("worker_roles")) for container in containers}
    finishing = _those_that_finish(journal, containers)
    working = [each for each in containers if each.running and each not in finishing]
    restore_restart_policies(host, journal, working)
    endings = [Ending(host, container) for container in finishing]
    workers_endings.tell(journal, endings)
    back = _ComingBack(host, journal, roles)
    back.start([container for container in containers if not container.running])
    deadline = Deadline(host.clock, timeout)
    workers_endings.wait(host, journal, endings, deadline, lambda ending: back.start([ending.container]))
    back.prove(broker, timeout)
    consuming = back.consuming + [each for each in working if roles[each.id].worker]
    if consuming:
        journal.note_consuming(consuming)
    back.start_beats()
    _raise_problems(host, back.failed, [ending.container for ending in endings if ending.ended is None], timeout)
    return [container.name for container in back.standing]


def prove_workers(
    host: Host,
    journal: AnyJournal,
    started: Sequence[Container],
    roles: Mapping[str, Roles],
    timeout: float,
    broker: Optional[Broker],
) -> None:
    """Wait until the workers among the containers just started consume.

    :param roles: by id of the container.
    """
    prove_consuming(host, journal, broker, [each for each in started if roles[each.id].worker], timeout)


def start_beats(
    host: Host, journal: AnyJournal, started: Sequence[Container], beats: Sequence[Container]
) -> list[Container]:
    """Start beat beside workers that were started before, and check that all of them are still up.

    :returns: the containers as they are a moment after their start, with their restart policies restored.
    """
    restore_restart_policies(host, journal, started)
    beating = [start_container(host, container) for container in beats]
    standing = still_up_after_a_moment(host, [*started, *beating], journal)
    restore_restart_policies(host, journal, standing)
    return standing


def _those_that_finish(journal: AnyJournal, containers: Sequence[Container]) -> list[Container]:
    """The containers that run and were told to finish."""
    signalled, told = set(journal.get("signalled") or ()), journal.get("told") or {}
    finishing = []
    for container in containers:
        if not container.running or container.id not in signalled:
            continue
        if told.get(container.id, container.started_at) != container.started_at:
            # An earlier try has started it again since the signal.
            continue
        if container.id not in told and _is_deaf(container):
            # It ignores the signal, so waiting for its end would be useless.
            workers_endings.forget_signal(journal, container.id)
        else:
            finishing.append(container)
    return finishing


def _is_deaf(container: Container) -> bool:
    """Whether a container ignores the signal and keeps working; one whose Celery alone has ended does not work."""
    found = why_running.lingering_of(container)
    return found.kind == why_running.DEAF and not found.is_frozen and not has_lost_celery(container)


def _raise_problems(host: Host, failed: Sequence[BluegreenError], stuck: list[Container], timeout: float) -> None:
    """Raise one error for all containers that did not start or, ``stuck``, did not end; nothing if there are none."""
    problems = [error.message for error in failed]
    if stuck:
        problems.append(why_running.stuck_sentence([why_running.lingering_of(each) for each in stuck], timeout))
    if not problems:
        return
    logs = last_lines(host, stuck)
    for error in failed:
        logs.update(error.details.get("logs") or {})
    failure = "finishing" if stuck else failed[0].details.get("failure", "start")
    raise BluegreenError(" ".join(problems), failure=failure, logs=logs)


class _ComingBack:
    """Stopped workers and beats that start again, each alone.

    :ivar standing: the containers that run again, as they are a moment after their start.
    :ivar consuming: the workers among them, once they are proved to consume.
    :ivar failed: an error for each of those that do not.
    """

    def __init__(self, host: Host, journal: AnyJournal, roles: Mapping[str, Roles]):
        self.standing: list[Container] = []
        self.consuming: list[Container] = []
        self.failed: list[BluegreenError] = []
        self._host = host
        self._journal = journal
        self._roles = roles
        self._started: list[Container] = []
        self._beats: list[Container] = []

    def start(self, containers: Sequence[Container]) -> None:
        """Start those that are workers, and keep the beats until all workers are up."""
        for container in containers:
            container = inspect_container(self._host.engine, container.id)
            if is_only_beat(self._roles[container.id]):
                self._beats.append(container)
            else:
                self._start(container)

    def prove(self, broker: Optional[Broker], timeout: float) -> None:
        """Wait until the workers consume; those that do get their restart policies back."""
        workers = [each for each in self._started if self._roles[each.id].worker]
        self.consuming, failed = those_that_consume(self._host, self._journal, broker, workers, timeout)
        self.failed += failed
        self.standing += self.consuming + [each for each in self._started if each not in workers]
        restore_restart_policies(self._host, self._journal, self.standing)

    def start_beats(self) -> None:
        """Start the beats, and check that all containers are still up."""
        self._started = []
        for container in self._beats:
            self._start(container)
        standing = still_up_after_a_moment(self._host, self.standing + self._started, self._journal, self.failed)
        restore_restart_policies(self._host, self._journal, standing)
        self.standing = standing

    def _start(self, container: Container) -> None:
        try:
            # Those that bring the workers back say what to do next.
            started = start_container(self._host, container, way_out="")
        except BluegreenError as error:
            self.failed.append(error)
        else:
            self._started.append(started)
        # The signal belongs to the previous run of the container, even if this start fails.
        workers_endings.forget_signal(self._journal, container.id)
