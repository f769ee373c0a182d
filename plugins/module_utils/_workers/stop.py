# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Old workers told to finish and waited for, or slowed down, and the same ones started again when a deployment goes back.

SIGTERM to Celery's main process, and time, loses nothing: running tasks finish, what was taken beyond them goes back to
the queue. How a container gets there is :mod:`finish_container`; here is the order, what to do when the time is over, and the
account of the tasks that ran.
"""

from __future__ import annotations

from typing import NamedTuple, Optional

from .._broker import queues
from .._broker.move import count_messages, restore_orphans
from .._broker.redis import RedisError
from .._broker.remote_control import active_tasks
from .._broker.worker_conf import WorkerConf, ask_conf, remember
from .._celery import signals as celery_signals
from .._celery.roles import Roles, roles_named, roles_of_command, roles_of_listed, roles_of_processes
from .._docker.containers import inspect_container
from .._docker.cpu_shares import LOWEST, lower_weights, put_back_weights
from .._docker.logs import last_lines
from .._docker.restart_policies import disable_restart, restore_restart_policies
from .._errors import BluegreenError
from .._linux.clock import Deadline
from .._linux.processes import processes_of
from .._progress import reached, report, some
from .._resources import killed as resources_killed
from . import why_running
from .consuming import prove_consuming, start_container, still_up_after_a_moment, those_that_consume
from .finish_container import POLL, Ending
from .quiet import let_them_begin
from .without_celery import has_lost

ON_TIMEOUT = ("fail", "leave", "requeue", "kill")
DEFAULT_TIMEOUT = 60
# A start waits for the exit of the same container first, and that for its longest task.
RESTART_TIMEOUT = 120

# How long the cold shutdown of requeue may take, before it ends by force; a soft shutdown before it takes its own time.
REQUEUE_SECONDS = 10


class Stopped(NamedTuple):
    """One container told to stop; ``exit_code`` and ``seconds`` are ``None`` while it still runs."""

    id: str
    name: str
    role: str
    pid1_form: str
    exit_code: object
    seconds: object


class StoppedWorkers(NamedTuple):
    """What became of the old workers.

    ``containers`` are :class:`Stopped`; ``drained`` says that all of them ended by themselves and every task that ran is
    accounted for; ``killed`` are the names of those that were ended by force, or lost a process of their pool so; ``lost``
    are the tasks that ran there and are in no queue; ``in_flight_at_stop`` are the tasks that ran when the signal was sent, ``None``
    when nobody could tell; ``queue_depth`` counts messages per queue afterwards, ``None`` without a broker that can be
    asked; ``orphans_restored`` counts messages of dead workers given back to their queues.
    """

    changed: bool
    containers: list
    drained: bool
    killed: list
    in_flight_at_stop: object
    queue_depth: object
    orphans_restored: int
    lost: list = []


def timeout_for(containers):
    """The time that the owner gives running tasks: the longest ``stop_grace_period``, else a minute."""
    own = [container.stop_timeout for container in containers if container.stop_timeout is not None]
    return max(own) if own else DEFAULT_TIMEOUT


def roles_now(container, noted: Optional[dict] = None) -> Roles:
    """Roles of a container that the user calls a worker: by its processes while it runs, else as well as can be told.

    :param noted: names of the roles that services of its name had while they ran; see :func:`note_roles`.
    """
    roles = roles_of_processes(processes_of(container.pid)) if container.running else Roles()
    if roles == Roles() and container.service in (noted or {}):
        return roles_named(noted[container.service])
    return roles if roles != Roles() else roles_of_listed(container.service, container.command)


def is_celery(container) -> bool:
    """Whether a container is a worker or a beat of Celery, whatever it is called.

    Its processes tell; its command only where there are none to be seen.
    """
    processes = processes_of(container.pid) if container.running else []
    return (roles_of_processes(processes) if processes else roles_of_command(container.command)) != Roles()


def plan_stop(host, containers):
    """What :func:`stop_workers` would do, found without touching anything."""
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


def stop_workers(host, journal, containers, timeout=None, on_timeout="fail", broker=None, restore=True):
    """Tell workers and beat to finish, and wait until they have.

    Beat gets its signal first. What does not run is left alone, so a second call changes nothing. The containers are
    in ``signalled`` of the journal before the first signal.

    :param timeout: seconds that running tasks may take; see :func:`timeout_for` when ``None``.
    :param on_timeout: what then: ``fail``; ``leave`` it finishing by itself; ``requeue`` (Celery's cold shutdown, for
        late acknowledged tasks); ``kill``. With ``fail`` a worker that was killed meanwhile fails, too.
    :param broker: :class:`connection.Broker` that they read, for figures and orphans.
    :param restore: give messages of dead workers back to their queues when no live worker reads the broker.
    :returns: :class:`StoppedWorkers`
    :raises BluegreenError: with ``fail``, when the time is over: the containers still finish, and
        :func:`restart_workers` waits for that.
    """
    running = [container for container in containers if container.running]
    if timeout is None:
        timeout = timeout_for(running)
    roles = {container.id: roles_now(container, journal.get("worker_roles")) for container in running}
    # Beat first: what it still sends is work for nobody. Whatever is neither goes with the workers.
    running.sort(key=lambda container: not roles[container.id].beat)
    # Only workers answer; to wait for a beat's answer too would cost a second of every stop.
    answering = [container for container in running if roles[container.id].worker]
    tasks, conf = None, WorkerConf()
    if broker is not None and answering:
        tasks = active_tasks(host, broker, answering)
        # Who does not answer the one question does not answer the other.
        if tasks is not None:
            conf = ask_conf(host, broker, answering)
            remember(journal, broker, conf)
    disable_restart(host, journal, running)
    # Until now the engine may have started one again, as another process.
    running = [each for each in (inspect_container(host.engine, each.id) for each in running) if each.running]
    # Nobody takes a task from here on.
    journal.note_told(
        containers,
        bool(running),
        signalled=sorted(set(journal.get("signalled") or ()) | {container.id for container in running}),
        worker_roles=_noted_roles(journal, running, roles),
    )
    if tasks:
        let_them_begin(host, journal, broker, answering)
        # What runs now is what has to be accounted for.
        tasks = active_tasks(host, broker, answering) or tasks
    endings = [Ending(host, container, _tasks_in(container, tasks, running)) for container in running]
    _tell(journal, endings)
    # One that was just booting has kept the signal waiting.
    deadline = Deadline(host.clock, timeout)
    _wait(host, journal, endings, deadline)
    late = [ending for ending in endings if ending.ended is None]
    requeue_seconds = REQUEUE_SECONDS + conf.soft_shutdown
    forced = _when_time_is_over(host, journal, late, roles, on_timeout, timeout, tasks, requeue_seconds) if late else []
    killed = [ending for ending in endings if ending in forced or ending.ended and ending.ended.was_killed]
    lost = _lost(host, broker, endings)
    orphans, depth = _settle_broker(host, journal, broker, restore and all(ending.ended for ending in endings))
    _report_killed(host, journal, [each for each in killed if roles[each.container.id].worker], forced, tasks, lost, on_timeout)
    return StoppedWorkers(
        changed=bool(running or orphans),
        containers=[
            Stopped(
                ending.container.id,
                ending.container.name,
                roles[ending.container.id].name,
                ending.form,
                *((ending.ended.exit_code, ending.ended.seconds) if ending.ended else (None, None)),
            )
            for ending in endings
        ],
        drained=all(ending.ended for ending in endings) and not killed and not lost,
        killed=[ending.container.name for ending in killed],
        in_flight_at_stop=None if tasks is None else [task._asdict() for task in tasks],
        queue_depth=depth,
        orphans_restored=orphans,
        lost=[task._asdict() for task in lost],
    )


def throttle_workers(host, journal, containers, shares=LOWEST):
    """Leave workers and beat running at a CPU weight at which the candidate boots as if they were stopped.

    Their weights are in the journal before the first one is lowered. Idempotent.

    :returns: :class:`StoppedWorkers`; nothing in it has stopped.
    """
    running = [container for container in containers if container.running]
    planned = plan_stop(host, running)
    journal.note(worker_roles=_noted_roles(journal, running, {each.id: roles_now(each) for each in running}))
    lower_weights(host, journal, running, shares)
    changed = any(container.cpu_shares != shares for container in running)
    return planned._replace(changed=changed, drained=False)


def restart_workers(host, journal, containers, timeout=RESTART_TIMEOUT, broker=None):
    """Start the very containers again that a deployment stopped, workers first, then beat.

    Idempotent, and right from wherever the stop got to: one that was signalled is waited for, because a start during
    its shutdown does nothing; one that was not and runs only gets its policy back. Each is brought back for itself: one
    that fails keeps no other and no beat down, and what was started is not told to finish by the next try.

    :param timeout: seconds to wait for the exit of those that still finish, and again for the proof.
    :returns: names of the containers started.
    :raises BluegreenError: one did not end or did not start; all others run.
    """
    signalled = set(journal.get("signalled") or ())
    put_back_weights(host, journal)
    containers = [inspect_container(host.engine, container.id) for container in containers]
    roles = {container.id: roles_now(container, journal.get("worker_roles")) for container in containers}
    told = journal.get("told") or {}
    # One whose start is not that of the signal was started again by a try before this one.
    finishing = {
        each.id for each in containers if each.id in signalled and told.get(each.id, each.started_at) == each.started_at
    }
    deaf = [each.id for each in containers if each.running and each.id in finishing and each.id not in told and _is_deaf(each)]
    for container_id in deaf:
        # It works as before, and to wait for its end would be in vain.
        _forget_signal(journal, container_id)
    finishing.difference_update(deaf)
    restore_restart_policies(host, journal, [each for each in containers if each.running and each.id not in finishing])
    endings = [Ending(host, each) for each in containers if each.running and each.id in finishing]
    _tell(journal, endings)
    back = _ComingBack(host, journal, roles)
    back.start([container for container in containers if not container.running])
    _wait(host, journal, endings, Deadline(host.clock, timeout), lambda ending: back.start([ending.container]))
    back.prove(broker, timeout)
    # Those that were never told to stop, or did not hear it, have gone on.
    working = [each for each in containers if each.running and each.id not in finishing and roles[each.id].worker]
    if back.consuming or working:
        journal.note_consuming(back.consuming + working)
    back.start_beats()
    stuck = [ending.container for ending in endings if ending.ended is None]
    problems = [error.message for error in back.failed]
    if stuck:
        problems.append(why_running.stuck_sentence([why_running.lingering_of(each) for each in stuck], timeout))
    if problems:
        logs = last_lines(host, stuck)
        for error in back.failed:
            logs.update(error.details.get("logs") or {})
        raise BluegreenError(
            " ".join(problems), failure="finishing" if stuck else back.failed[0].details.get("failure", "start"), logs=logs
        )
    return [container.name for container in back.standing]


def _is_deaf(container) -> bool:
    """Whether the signal is nothing to a container, so that it goes on working: not where only its Celery has ended."""
    found = why_running.lingering_of(container)
    return found.kind == why_running.DEAF and not found.is_frozen and not _has_lost_celery(container)


class _ComingBack:
    """Stopped workers and beats that start again, each for itself.

    :ivar standing: the containers that run again, as they are a moment after their start.
    :ivar consuming: the workers among them, once they are proved to consume.
    :ivar failed: an error for each of those that do not.
    """

    def __init__(self, host, journal, roles: dict):
        self.standing: list = []
        self.consuming: list = []
        self.failed: list = []
        self._host = host
        self._journal = journal
        self._roles = roles
        self._started: list = []
        self._beats: list = []

    def start(self, containers: list) -> None:
        """Start those that are workers, and keep the beats until all workers are up."""
        for container in containers:
            container = inspect_container(self._host.engine, container.id)
            if is_only_beat(self._roles[container.id]):
                self._beats.append(container)
            else:
                self._start(container)

    def prove(self, broker, timeout: float) -> None:
        """Wait until the workers consume; those that do get their restart policies back."""
        workers = [each for each in self._started if self._roles[each.id].worker]
        self.consuming, failed = those_that_consume(self._host, self._journal, broker, workers, timeout)
        self.failed += failed
        self.standing += self.consuming + [each for each in self._started if each not in workers]
        restore_restart_policies(self._host, self._journal, self.standing)

    def start_beats(self) -> None:
        self._started = []
        for container in self._beats:
            self._start(container)
        standing = still_up_after_a_moment(self._host, self.standing + self._started, self._journal, self.failed)
        restore_restart_policies(self._host, self._journal, standing)
        self.standing = standing

    def _start(self, container) -> None:
        try:
            started = start_container(self._host, container)
        except BluegreenError as error:
            self.failed.append(error)
        else:
            self._started.append(started)
        # The signal was for the run that is over, also when this start fails.
        _forget_signal(self._journal, container.id)


def is_only_beat(roles):
    """Whether a container sends periodic tasks and does nothing else, so that it can wait for the workers."""
    return roles == Roles(worker=False, beat=True)


def prove_workers(host, journal, started, roles, timeout, broker):
    """Wait until the workers among the containers just started consume."""
    prove_consuming(host, journal, broker, [each for each in started if roles[each.id].worker], timeout)


def start_beats(host, journal, started, beats):
    """Start beat beside workers that were started before, and see that all of them stand.

    :returns: the containers as they are a moment after their start, with their restart policies.
    """
    restore_restart_policies(host, journal, started)
    beating = [start_container(host, container) for container in beats]
    standing = still_up_after_a_moment(host, started + beating, journal)
    restore_restart_policies(host, journal, standing)
    return standing


def _noted_roles(journal, containers, roles: dict) -> dict:
    """Names of roles by service, to be told of what does not run any more, or not yet: a script shows them only then."""
    noted = dict(journal.get("worker_roles") or {})
    for container in containers:
        noted[container.service] = roles[container.id].name
    return noted


def _tasks_in(container, tasks: Optional[list], containers: list) -> list:
    """The tasks that a container may be busy with: its own, and those of nodes that tell no known host."""
    # In the host's network all have the same name.
    others = {each.hostname for each in containers} - {container.hostname}
    return [task for task in tasks or () if task.node.partition("@")[2] not in others]


def _tell(journal, endings: list) -> None:
    """Send each its signal, unless the journal knows that this very run of it had one: a second one is not always warm."""
    told, processes = dict(journal.get("told") or {}), dict(journal.get("told_processes") or {})
    for ending in endings:
        container = ending.container
        before = processes.get(container.id) if told.get(container.id) == container.started_at else None
        if ending.tell(before) and before is None:
            told[container.id], processes[container.id] = container.started_at, ending.told
            # Each at once: whatever ends this module now leaves no second signal for the next one to send.
            journal.note(told=told, told_processes=processes)


def _forget_signal(journal, container_id: str) -> None:
    signalled, told = journal.get("signalled") or [], journal.get("told") or {}
    if container_id in signalled or container_id in told:
        journal.note(
            signalled=[each for each in signalled if each != container_id],
            **{
                name: {each: fact for each, fact in (journal.get(name) or {}).items() if each != container_id}
                for name in ("told", "told_processes")
            },
        )


def _wait(host, journal, endings: list, deadline, on_end=None) -> None:
    """Wait for exits until the time is over; ``on_end`` is called with each ending as it comes."""
    waiting = list(endings)
    while waiting:
        for ending in waiting:
            if ending.poll() and on_end:
                on_end(ending)
        waiting = [ending for ending in waiting if ending.ended is None]
        if not waiting or deadline.over:
            return
        journal.renew_lease()
        report(so_far(endings, host.clock.wall()))
        deadline.sleep(POLL)


def so_far(endings: list, now: float) -> str:
    """How far some containers are on the way to their end, and which tasks keep them.

    :param now: seconds since the epoch.
    """
    left = [ending for ending in endings if ending.ended is None]
    sentence = reached([each.container.name for each in endings], [each.container.name for each in left], "containers have ended")
    tasks = [task for ending in left for task in ending.tasks_left]
    if not tasks:
        return sentence
    # Those that have run for longest first; a worker need not tell since when.
    tasks.sort(key=lambda task: task.since or now)
    names = [f"{task.name} for {max(now - task.since, 0):.0f} s" if task.since else task.name for task in tasks]
    return f"{sentence}; {len(tasks)} {'task' if len(tasks) == 1 else 'tasks'} may still run: {some(names)}"


def _when_time_is_over(host, journal, late, roles, on_timeout, timeout, tasks, requeue_seconds) -> list:
    """Deal with containers that did not end in time; returns those that were killed."""
    # Only a worker whose Celery runs has a task to lose.
    idle = [ending for ending in late if not roles[ending.container.id].worker or _has_lost_celery(ending.container)]
    forced = _kill(host, journal, idle)
    late = [ending for ending in late if ending not in forced]
    containers = [ending.container for ending in late]
    if not late or on_timeout == "leave":
        for container in containers:
            host.warn(why_running.left_sentence(why_running.lingering_of(container), timeout))
        return forced
    if on_timeout == "fail":
        raise BluegreenError(
            _still_busy(containers, timeout, tasks),
            failure="timeout",
            containers=[container.name for container in containers],
            in_flight_at_stop=None if tasks is None else [task._asdict() for task in tasks],
            logs=last_lines(host, containers),
        )
    if on_timeout == "requeue":
        for ending in late:
            ending.cut_short()
        _wait(host, journal, late, Deadline(host.clock, requeue_seconds))
    return forced + _kill(host, journal, [ending for ending in late if ending.ended is None])


def _has_lost_celery(container) -> bool:
    return has_lost(container.command, processes_of(container.pid))


def _kill(host, journal, endings: list) -> list:
    for ending in endings:
        ending.kill()
    _wait(host, journal, endings, Deadline(host.clock, REQUEUE_SECONDS))
    return endings


def _lost(host, broker, endings: list) -> list:
    """The tasks that were cut off by force and wait in no queue: nobody will run them again."""
    cut = {task.id: task for ending in endings for task in ending.cut}
    if not cut or broker is None:
        return list(cut.values())
    try:
        waiting = queues.waiting_ids(broker, set(cut))
    except RedisError as error:
        host.warn(f"Whether tasks that were cut off are back in a queue could not be read: {error.message}")
        waiting = set()
    return [task for task in cut.values() if task.id not in waiting]


def _report_killed(host, journal, killed: list, forced: list, tasks, lost: list, on_timeout: str) -> None:
    """Say what became of the tasks of workers that were killed; with ``fail`` it fails when one may be lost."""
    if not killed and not lost:
        return
    how = "; ".join(
        f"{ending.container.name} {'was killed when its time was over' if ending in forced else ending.ended.why}"
        for ending in killed
    )
    if lost:
        what = f"these tasks ran there, may not have ended and are in no queue: {_listed(lost)}"
    elif tasks is None:
        what = "which tasks it ran is not known"
    else:
        what = "no task is lost by that"
    sentence = f"While the old workers finished, {how or 'some were cut short'}: {what}.{resources_killed.memory_sentence(journal)}"
    # What was killed on purpose is what the user chose.
    if on_timeout == "fail" and (lost or tasks is None) and any(ending not in forced for ending in killed):
        raise BluegreenError(
            f"{sentence} Send again what did not end, find out who killed it (dmesg shows a lack of memory), and deploy again; or set "
            "bluegreen_worker_on_timeout to leave, which goes on in such a case.",
            failure="killed",
            containers=[ending.container.name for ending in killed],
            lost=[task._asdict() for task in lost],
            logs=last_lines(host, [ending.container for ending in killed]),
        )
    host.warn(sentence)


def _listed(tasks: list) -> str:
    more = f" and {len(tasks) - 5} more" if len(tasks) > 5 else ""
    return ", ".join(f"{task.name} ({task.id})" for task in tasks[:5]) + more


def _still_busy(workers, timeout, tasks):
    busy = ""
    if tasks:
        busy = f" When it was told to stop, {len(tasks)} tasks were running: {_listed(tasks)}."
    return " ".join(why_running.refusals([why_running.lingering_of(each) for each in workers], timeout, busy))


def _settle_broker(host, journal, broker, restore):
    """``(orphans restored, queue depth)``; a broker that is down is no reason to fail a stop that worked."""
    if broker is None:
        return 0, None
    try:
        orphans = restore_orphans(host, journal, broker) if restore else 0
        return orphans, count_messages(broker)
    except RedisError as error:
        host.warn(f"Waiting tasks could not be counted after the workers stopped: {error.message}")
        return 0, None
