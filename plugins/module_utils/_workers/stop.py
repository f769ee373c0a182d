# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Old workers told to finish and waited for, or slowed down.

SIGTERM to Celery's main process, and enough time, loses nothing: running tasks finish, and the worker returns the tasks
that it has not begun to their queue. :mod:`finish_container` does this for one container. Here are the order, what
happens when the time is over, and the account of the tasks that ran. :mod:`start` starts the same containers again.
"""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn, Optional, Sequence

from .._broker.connection import Broker
from .._broker.orphans import restore_orphans
from .._broker.queues import count_messages
from .._broker.redis import RedisError
from .._broker.remote_control import Task, active_tasks
from .._broker.worker_conf import WorkerConf, ask_conf, remember
from .._celery import signals as celery_signals
from .._docker.containers import Container, inspect_container
from .._docker.cpu_shares import LOWEST, lower_weights
from .._docker.logs import last_lines
from .._docker.restart_policies import disable_restart
from .._errors import BluegreenError
from .._host import Host
from .._journal.journal import AnyJournal
from .._linux.clock import Deadline
from .._linux.processes import processes_of
from .._resources import killed as resources_killed
from .._words import agree, counted
from . import endings as workers_endings, why_running
from .container_roles import roles_now, with_roles
from .finish_container import DEFAULT_TIMEOUT, Ending
from .lost_tasks import killed_sentence, listed, lost_tasks
from .quiet import let_them_begin
from .without_celery import has_lost_celery

ON_TIMEOUT = ("fail", "leave", "requeue", "kill")

# Seconds that the cold shutdown of requeue may take before the container is killed. The time of a soft shutdown before
# it is added.
REQUEUE_SECONDS = 10


class Stopped(NamedTuple):
    """One container told to stop; ``exit_code`` and ``seconds`` are ``None`` while it still runs."""

    id: str
    name: str
    role: str
    pid1_form: str
    exit_code: Optional[int]
    seconds: Optional[float]


class StoppedWorkers(NamedTuple):
    """The old workers after a stop.

    :ivar drained: whether all of them ended by themselves and every task that ran is accounted for.
    :ivar killed: names of the containers that were ended by force, or lost a process of their pool that way.
    :ivar in_flight_at_stop: the tasks that ran when the signal was sent (:class:`remote_control.Task` as dicts),
        ``None`` if they are not known.
    :ivar queue_depth: how many messages each queue holds afterwards, ``None`` without a broker that answers.
    :ivar orphans_restored: how many messages of dead workers were returned to their queues.
    :ivar lost: the tasks, as dicts too, that ran in killed workers and are in no queue.
    """

    changed: bool
    containers: list[Stopped]
    drained: bool
    killed: list[str]
    in_flight_at_stop: Optional[list[dict[str, Any]]]
    queue_depth: Optional[dict[str, int]]
    orphans_restored: int
    lost: list[dict[str, Any]] = []


def timeout_for(containers: Sequence[Container]) -> float:
    """Seconds that the owner gives running tasks: the longest ``stop_grace_period``, else a minute."""
    own = [container.stop_timeout for container in containers if container.stop_timeout is not None]
    return max(own) if own else DEFAULT_TIMEOUT


def plan_stop(containers: Sequence[Container]) -> StoppedWorkers:
    """What :func:`stop_workers` would do; nothing is changed."""
    running = [container for container in containers if container.running]
    return StoppedWorkers(
        changed=bool(running),
        containers=[
            Stopped(
                container.id,
                container.name,
                roles_now(container).name,
                celery_signals.path_of(container.pid, processes_of(container.pid)).form,
                None,
                None,
            )
            for container in running
        ],
        drained=not running,
        killed=[],
        in_flight_at_stop=None,
        queue_depth=None,
        orphans_restored=0,
    )


def stop_workers(
    host: Host,
    journal: AnyJournal,
    containers: Sequence[Container],
    timeout: Optional[float] = None,
    on_timeout: str = "fail",
    broker: Optional[Broker] = None,
    restore: bool = True,
) -> StoppedWorkers:
    """Tell workers and beat to finish, and wait until they have.

    Beat gets its signal first. Stopped containers are left alone, so a second call changes nothing. The containers are
    in ``signalled`` of the journal before the first signal.

    :param timeout: seconds that running tasks may take; see :func:`timeout_for` when ``None``.
    :param on_timeout: what happens then: ``fail``; ``leave`` lets the container finish by itself; ``requeue`` (Celery's
        cold shutdown, for late acknowledged tasks); ``kill``. ``fail`` also fails if a worker was killed meanwhile.
    :param broker: the broker that the workers read, for figures and orphans.
    :param restore: whether to return messages of dead workers to their queues, if no live worker reads the broker.
    :raises BluegreenError: with ``fail``, when the time is over: the containers still finish, and
        :func:`start.restart_workers` waits for that.
    """
    running = [container for container in containers if container.running]
    stop = _Stop(host, journal, running, timeout_for(running) if timeout is None else timeout, on_timeout, broker)
    stop.ask_workers()
    stop.tell(containers)
    stop.wait()
    return stop.settle(restore)


def throttle_workers(
    host: Host, journal: AnyJournal, containers: Sequence[Container], shares: int = LOWEST
) -> StoppedWorkers:
    """Let workers and beat run at CPU shares at which the candidate boots as if they were stopped.

    The previous CPU shares are in the journal before the first ones are lowered. Idempotent.

    :returns: the containers; none of them has stopped.
    """
    running = [container for container in containers if container.running]
    planned = plan_stop(running)
    journal.note(worker_roles=with_roles(journal, running, {each.id: roles_now(each) for each in running}))
    lower_weights(host, journal, running, shares)
    changed = any(container.cpu_shares != shares for container in running)
    return planned._replace(changed=changed, drained=False)


class _Stop:
    """One run of :func:`stop_workers`."""

    def __init__(
        self,
        host: Host,
        journal: AnyJournal,
        running: list[Container],
        timeout: float,
        on_timeout: str,
        broker: Optional[Broker],
    ):
        self._host = host
        self._journal = journal
        self._timeout = timeout
        self._on_timeout = on_timeout
        self._broker = broker
        self._roles = {container.id: roles_now(container, journal.get("worker_roles")) for container in running}
        # Beat first: its tasks would only wait from now on. A container that is neither is told with the workers.
        self._running = sorted(running, key=lambda container: not self._roles[container.id].beat)
        # Only workers answer questions. Waiting for the answer of a beat would cost a second of each stop.
        self._workers = [container for container in self._running if self._roles[container.id].worker]
        self._tasks: Optional[list[Task]] = None
        self._conf = WorkerConf()
        self._endings: list[Ending] = []
        self._forced: list[Ending] = []

    def ask_workers(self) -> None:
        """Ask which tasks run and how the workers are configured."""
        if self._broker is None or not self._workers:
            return
        self._tasks = active_tasks(self._host, self._broker, self._workers)
        # Workers that do not answer the first question will not answer the second.
        if self._tasks is not None:
            self._conf = ask_conf(self._host, self._broker, self._workers)
            remember(self._journal, self._broker, self._conf)

    def tell(self, containers: Sequence[Container]) -> None:
        """Send the signals.

        :param containers: all of them, also those that do not run.
        """
        host, journal = self._host, self._journal
        disable_restart(host, journal, self._running)
        # Until now the engine may have restarted a container, and then its processes are others.
        now = [inspect_container(host.engine, container.id) for container in self._running]
        self._running = [container for container in now if container.running]
        # From here on no worker takes a task.
        journal.note_told(
            containers,
            bool(self._running),
            signalled=sorted(set(journal.get("signalled") or ()) | {container.id for container in self._running}),
            worker_roles=with_roles(journal, self._running, self._roles),
        )
        # Idle workers too: one may take a task in the instant of the signal.
        if self._tasks is not None and self._broker is not None:
            let_them_begin(host, journal, self._broker, self._workers)
            # The tasks that run now are the ones to account for.
            self._tasks = active_tasks(host, self._broker, self._workers) or self._tasks
        self._endings = [Ending(host, container, self._tasks_in(container)) for container in self._running]
        workers_endings.tell(journal, self._endings)

    def wait(self) -> None:
        """Wait for the exits, and deal with the containers that need longer than their time."""
        # The time begins now: a container that was still booting has delayed its signal.
        workers_endings.wait(self._host, self._journal, self._endings, Deadline(self._host.clock, self._timeout))
        late = [ending for ending in self._endings if ending.ended is None]
        if late:
            self._when_time_is_over(late)

    def settle(self, restore: bool) -> StoppedWorkers:
        """Return messages of dead workers to their queues, and account for the tasks."""
        all_ended = all(ending.ended for ending in self._endings)
        killed = [each for each in self._endings if each in self._forced or each.ended and each.ended.was_killed]
        lost = lost_tasks(self._host, self._broker, self._endings)
        orphans, depth = self._settle_broker(restore and all_ended)
        self._report_killed([each for each in killed if self._roles[each.container.id].worker], lost)
        return StoppedWorkers(
            changed=bool(self._running or orphans),
            containers=[
                Stopped(
                    ending.container.id,
                    ending.container.name,
                    self._roles[ending.container.id].name,
                    ending.form,
                    ending.ended.exit_code if ending.ended else None,
                    ending.ended.seconds if ending.ended else None,
                )
                for ending in self._endings
            ],
            drained=all_ended and not killed and not lost,
            killed=[ending.container.name for ending in killed],
            in_flight_at_stop=self._tasks_as_data(),
            queue_depth=depth,
            orphans_restored=orphans,
            lost=[task._asdict() for task in lost],
        )

    def _tasks_in(self, container: Container) -> list[Task]:
        """The tasks that may run in a container: its own, and those of nodes whose host is not known."""
        # In the host's network all containers have the same host name.
        others = {each.hostname for each in self._running} - {container.hostname}
        return [task for task in self._tasks or () if task.node.partition("@")[2] not in others]

    def _tasks_as_data(self) -> Optional[list[dict[str, Any]]]:
        return None if self._tasks is None else [task._asdict() for task in self._tasks]

    def _when_time_is_over(self, late: list[Ending]) -> None:
        # Only a worker whose Celery runs can lose a task.
        idle = [
            ending
            for ending in late
            if not self._roles[ending.container.id].worker or has_lost_celery(ending.container)
        ]
        self._kill(idle)
        late = [ending for ending in late if ending not in idle]
        if not late:
            return
        if self._on_timeout == "fail":
            self._fail([ending.container for ending in late])
        elif self._on_timeout == "leave":
            for ending in late:
                self._host.warn(why_running.left_sentence(why_running.lingering_of(ending.container), self._timeout))
        else:
            if self._on_timeout == "requeue":
                for ending in late:
                    ending.cut_short()
                seconds = REQUEUE_SECONDS + self._conf.soft_shutdown
                workers_endings.wait(self._host, self._journal, late, Deadline(self._host.clock, seconds))
            self._kill([ending for ending in late if ending.ended is None])

    def _fail(self, late: list[Container]) -> NoReturn:
        busy = ""
        if self._tasks:
            running = f"{counted(len(self._tasks), 'task')} {agree(self._tasks, 'was', 'were')} running"
            busy = f" When the signal was sent, {running}: {listed(self._tasks)}."
        reasons = [why_running.lingering_of(container) for container in late]
        raise BluegreenError(
            " ".join(why_running.refusals(reasons, self._timeout, busy)),
            failure="timeout",
            containers=[container.name for container in late],
            in_flight_at_stop=self._tasks_as_data(),
            logs=last_lines(self._host, late),
        )

    def _kill(self, endings: list[Ending]) -> None:
        for ending in endings:
            ending.kill()
        workers_endings.wait(self._host, self._journal, endings, Deadline(self._host.clock, REQUEUE_SECONDS))
        self._forced += endings

    def _settle_broker(self, restore: bool) -> tuple[int, Optional[dict[str, int]]]:
        """``(orphans restored, queue depth)``; a broker that is down does not fail a stop that worked."""
        if self._broker is None:
            return 0, None
        try:
            orphans = restore_orphans(self._host, self._journal, self._broker) if restore else 0
            return orphans, count_messages(self._broker)
        except RedisError as error:
            self._host.warn(f"Waiting tasks could not be counted after the workers stopped: {error.message}")
            return 0, None

    def _report_killed(self, killed: list[Ending], lost: list[Task]) -> None:
        """Warn of workers that were killed; with ``fail`` raise if a task may be lost by that."""
        if not killed and not lost:
            return
        memory = resources_killed.memory_sentence(self._journal)
        sentence = f"{killed_sentence(killed, self._forced, self._tasks, lost)}{memory}"
        # The user has chosen to kill workers whose time is over. Only a kill from outside is a failure.
        by_others = any(ending not in self._forced for ending in killed)
        if self._on_timeout == "fail" and (lost or self._tasks is None) and by_others:
            raise BluegreenError(
                f"{sentence} Send the unfinished tasks again, find out what killed the worker (if memory was "
                "short, dmesg says so), and deploy again; or set bluegreen_worker_on_timeout to leave, with which the "
                "deployment continues.",
                failure="killed",
                containers=[ending.container.name for ending in killed],
                lost=[task._asdict() for task in lost],
                logs=last_lines(self._host, [ending.container for ending in killed]),
            )
        self._host.warn(sentence)
