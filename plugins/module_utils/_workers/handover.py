# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""New workers take over from the old ones, in the order that leaves tasks without a worker for the shortest time.

If the old workers have stopped, the results that waiting chords need are copied first. Then the new workers boot, while
the messages and the schedule of beat are moved. If the new workers have yet to tell which tasks they register, few
messages wait, and these are moved after the answer.

If the old workers still run, throttled, the new ones are proved to consume first. Then the old ones finish, and only
the messages that they leave behind are moved, because a chord is counted where its tasks run.

Beat always starts last, so that there are never two.
"""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Sequence

from .._broker.connection import Broker
from .._celery import task_names
from .._celery.roles import Roles
from .._docker import cpu_shares
from .._docker.containers import Container, inspect_container
from .._docker.restart_policies import disable_restart
from .._docker.start import start_container
from .._host import Host
from .._journal.journal import AnyJournal
from .._journal.step import Step
from . import start as workers_start, stop as workers_stop
from .beat_schedule import carry_schedule
from .container_roles import is_only_beat, roles_now

# Moves messages. It calls its argument once the results are in place, before it moves the first message.
Move = Callable[[Optional[Callable[[], None]]], object]


class Stop(NamedTuple):
    """How old workers that still run are told to finish; see :func:`stop.stop_workers`."""

    timeout: Optional[float] = None
    on_timeout: str = "fail"
    broker: Optional[Broker] = None


class TookOver(NamedTuple):
    """The new workers and beat run.

    :ivar started: names of containers in the order of their start.
    :ivar schedule: paths of the copied files of beat's schedule.
    """

    started: list[str]
    seconds: float
    schedule: list[str]


def take_over(
    host: Host,
    journal: AnyJournal,
    new: Sequence[Container],
    broker: Optional[Broker],
    old: Sequence[Container] = (),
    move: Optional[Move] = None,
    stop: Stop = Stop(),
    timeout: float = workers_start.RESTART_TIMEOUT,
    wait: bool = True,
    sort: Optional[Callable[[], object]] = None,
    make_room: Optional[Callable[[], object]] = None,
) -> TookOver:
    """Start the workers and beat of a color in place of another color's.

    :param new: its workers and beat; containers that run already are left alone.
    :param broker: the broker that they read, for the proof.
    :param old: workers and beat of the color that is replaced. Those that run are told to finish in between.
    :param move: moves the messages that the old ones left behind; ``None`` when there is nothing to move.
    :param timeout: seconds until the new workers have to consume.
    :param wait: whether they have to be proved to consume.
    :param sort: called right before the first worker starts, to hold back tasks that the new ones would discard;
        ``None`` if the colors do not read the same broker, or if no such task can wait there.
    :param make_room: called before the first new container starts, if memory has to be freed for them.
    """
    return _TakeOver(host, journal, new, broker, timeout, wait, sort).run(list(old), move, stop, make_room)


class _TakeOver:
    """One run of :func:`take_over`.

    :ivar waiting: the new containers that do not run yet.
    :ivar started: those that were started, as they were right after that.
    :ivar proved: ids of the workers that were proved to consume.
    """

    def __init__(
        self,
        host: Host,
        journal: AnyJournal,
        new: Sequence[Container],
        broker: Optional[Broker],
        timeout: float,
        wait: bool,
        sort: Optional[Callable[[], object]],
    ):
        self.host = host
        self.journal = journal
        self.broker = broker
        self.timeout = timeout
        self.wait = wait
        self.sort = sort
        self.waiting = [container for container in new if not container.running]
        # A container with a start script shows its roles only while it runs. The journal has those of the old color's
        # container of the same service.
        self.roles = {container.id: self._roles_of(container) for container in self.waiting}
        self.started: list[Container] = []
        self.proved: set[str] = set()

    def run(
        self, old: list[Container], move: Optional[Move], stop: Stop, make_room: Optional[Callable[[], object]]
    ) -> TookOver:
        begun = self.host.clock.monotonic()
        self.journal.begin(Step.HANDOVER)
        disable_restart(self.host, self.journal, self.waiting)
        if make_room:
            make_room()
        # A container that was told to finish earlier takes no more tasks, even if it still runs (on_timeout: leave).
        signalled = self.journal.get("signalled") or ()
        if any(container.running and container.id not in signalled for container in old):
            schedule = self._beside(old, move, stop)
        else:
            schedule = self._after(old, move)
        standing = workers_start.start_beats(self.host, self.journal, self.started, self._not_started())
        self.journal.done(Step.START_WORKERS)
        seconds = round(self.host.clock.monotonic() - begun, 2)
        return TookOver([container.name for container in standing], seconds, schedule)

    def _roles_of(self, container: Container) -> Roles:
        return roles_now(container, self.journal.get("worker_roles"))

    def _after(self, old: list[Container], move: Optional[Move]) -> list[str]:
        """The old workers have stopped, so every moment counts; returns the copied paths of the schedule."""
        workers = [each for each in self.waiting if not is_only_beat(self.roles[each.id])]
        # Finding the files takes half a second. Only workers that are a beat too have to wait for that.
        schedule = carry_schedule(self.host, old, workers, self._roles_of)
        if move:
            move(lambda: self._before_messages(workers))
        self._start(workers)
        schedule += carry_schedule(self.host, old, self._not_started(), self._roles_of)
        self._handed_over()
        self._prove(workers)
        return schedule

    def _before_messages(self, workers: list[Container]) -> None:
        self._start(workers)
        if task_names.are_open(self.journal.get("task_names")):
            # They have to run before they can be asked, and are asked before the first message moves.
            self._prove(workers)

    def _beside(self, old: list[Container], move: Optional[Move], stop: Stop) -> list[str]:
        """The old workers keep running until the new ones consume; returns the copied paths of the schedule."""
        # A worker that sends the periodic tasks itself has to wait for the end of the old beat.
        embedded = [each for each in self.waiting if self.roles[each.id].worker and self.roles[each.id].beat]
        workers = [each for each in self.waiting if not self.roles[each.id].beat]
        self._start(workers)
        self._prove(workers)
        # The new web has booted, so the old workers may finish at full speed.
        cpu_shares.put_back_weights(self.host, self.journal)
        workers_stop.stop_workers(self.host, self.journal, old, *stop)
        if move:
            move(None)
        self._handed_over()
        stopped = [inspect_container(self.host.engine, each.id) for each in old]
        schedule = carry_schedule(self.host, stopped, self._not_started(), self._roles_of)
        self._start(embedded)
        self._prove(embedded)
        return schedule

    def _handed_over(self) -> None:
        self.journal.done(Step.HANDOVER)
        self.journal.begin(Step.START_WORKERS)

    def _not_started(self) -> list[Container]:
        started = {container.id for container in self.started}
        return [container for container in self.waiting if container.id not in started]

    def _start(self, containers: list[Container]) -> None:
        if containers and self.sort is not None:
            self.sort()
            self.sort = None
        started = {container.id for container in self.started}
        self.started += [start_container(self.host, each) for each in containers if each.id not in started]

    def _prove(self, containers: list[Container]) -> None:
        ids = {container.id for container in containers} - self.proved
        if not ids:
            return
        if self.wait:
            just_started = [container for container in self.started if container.id in ids]
            workers_start.prove_workers(self.host, self.journal, just_started, self.roles, self.timeout, self.broker)
        if not self.proved:
            self.journal.note_consuming(containers)
        self.proved |= ids
