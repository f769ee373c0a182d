# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""New workers take over from the old ones, in the order that leaves tasks without a worker for the shortest time.

Old workers that have stopped already: the results that waiting chords need go first, then the new workers boot, and
messages and the schedule of beat move meanwhile. Where the new ones have yet to tell which tasks they register, little waits,
and it moves when they have told. Old workers that still run, throttled: the new ones are proved to consume first, then the old
ones finish, and only what they leave behind is moved, because a chord is counted where its tasks run. Beat comes last either
way: there are never two.
"""

from __future__ import annotations

from typing import NamedTuple

from .._celery import task_names
from .._docker import cpu_shares
from .._docker.containers import inspect_container
from .._docker.restart_policies import disable_restart
from . import stop as workers_stop
from .beat_schedule import carry_schedule
from .consuming import start_container


class Stop(NamedTuple):
    """How old workers that still run are told to finish; see :func:`stop.stop_workers`."""

    timeout: object = None
    on_timeout: str = "fail"
    broker: object = None


class TookOver(NamedTuple):
    """``started`` are names of containers in the order of their start; ``schedule`` are the paths of beat's schedule."""

    started: list
    seconds: float
    schedule: list


def take_over(
    host,
    journal,
    new,
    broker,
    old=(),
    move=None,
    stop=Stop(),
    timeout=workers_stop.RESTART_TIMEOUT,
    wait=True,
    sort=None,
    make_room=None,
):
    """Start the workers and beat of a color in the place of another color's.

    :param new: its workers and beat, containers; what runs already is left alone.
    :param broker: :class:`connection.Broker` that they read, for the proof, or ``None``.
    :param old: workers and beat of the color that is replaced. Those that run are told to finish in between.
    :param move: moves the messages that the old ones left behind; called with a function that has to be called as soon
        as results are in place, before the first message moves. ``None`` when there is nothing to move.
    :param stop: :class:`Stop`
    :param timeout: seconds until the new workers have to consume.
    :param wait: whether they have to be proved to consume.
    :param sort: called right before the first worker starts, to hold back what the new ones would discard. ``None``
        where nothing waits for them in a broker that they share with the old ones.
    :param make_room: called before anything of the new ones starts, where the memory has to be got for them first.
    :returns: :class:`TookOver`
    """
    return _TakeOver(host, journal, new, broker, timeout, wait, sort).run(list(old), move, stop, make_room)


class _TakeOver:
    def __init__(self, host, journal, new, broker, timeout, wait, sort):
        self.host = host
        self.journal = journal
        self.broker = broker
        self.timeout = timeout
        self.wait = wait
        self.sort = sort
        self.waiting = [container for container in new if not container.running]
        # A script shows only while it runs what it starts: the old color's service of that name has shown it.
        self.roles = {container.id: self._roles_of(container) for container in self.waiting}
        self.started = []
        self.proved = set()

    def run(self, old, move, stop, make_room=None):
        begun = self.host.clock.monotonic()
        self.journal.begin("handover")
        disable_restart(self.host, self.journal, self.waiting)
        if make_room:
            make_room()
        # One that was told to finish before, and may take longer (on_timeout: leave), takes no more tasks.
        signalled = self.journal.get("signalled") or ()
        if any(container.running and container.id not in signalled for container in old):
            schedule = self._beside(old, move, stop)
        else:
            schedule = self._after(old, move)
        standing = workers_stop.start_beats(self.host, self.journal, self.started, self._not_started())
        self.journal.done("start_workers")
        seconds = round(self.host.clock.monotonic() - begun, 2)
        return TookOver([container.name for container in standing], seconds, schedule)

    def _roles_of(self, container):
        return workers_stop.roles_now(container, self.journal.get("worker_roles"))

    def _after(self, old, move):
        """The old workers have stopped: every moment counts."""
        workers = [each for each in self.waiting if not workers_stop.is_only_beat(self.roles[each.id])]
        # To find it takes half a second, in which the workers boot unless they need it themselves.
        schedule = carry_schedule(self.host, old, workers, self._roles_of)
        if move:
            move(lambda: self._before_messages(workers))
        self._start(workers)
        schedule += carry_schedule(self.host, old, self._not_started(), self._roles_of)
        self._handed_over()
        self._prove(workers)
        return schedule

    def _before_messages(self, workers):
        self._start(workers)
        if task_names.are_open(self.journal.get("task_names")):
            # They are asked before the first message moves.
            self._prove(workers)

    def _beside(self, old, move, stop):
        """The old workers go on until the new ones consume."""
        # One that sends the periodic tasks itself has to wait for the end of the old beat.
        embedded = [each for each in self.waiting if self.roles[each.id].worker and self.roles[each.id].beat]
        workers = [each for each in self.waiting if not self.roles[each.id].beat]
        self._start(workers)
        self._prove(workers)
        # The new web has booted: what still runs may finish at full speed.
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

    def _handed_over(self):
        self.journal.done("handover")
        self.journal.begin("start_workers")

    def _not_started(self):
        started = {container.id for container in self.started}
        return [container for container in self.waiting if container.id not in started]

    def _start(self, containers):
        if containers and self.sort is not None:
            self.sort()
            self.sort = None
        started = {container.id for container in self.started}
        self.started += [start_container(self.host, each) for each in containers if each.id not in started]

    def _prove(self, containers):
        ids = {container.id for container in containers} - self.proved
        if not ids:
            return
        if self.wait:
            just_started = [container for container in self.started if container.id in ids]
            workers_stop.prove_workers(self.host, self.journal, just_started, self.roles, self.timeout, self.broker)
        if not self.proved:
            self.journal.note_consuming(containers)
        self.proved |= ids
