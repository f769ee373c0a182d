# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Old workers told to finish and waited for, or slowed down, and the same ones started again when a deployment goes back.

SIGTERM to Celery's main process, and time, loses nothing: running tasks finish, what was taken beyond them goes back to
the queue. All else here is about the signal arriving there, and about what to do when the time is over.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _signals
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery import Roles, roles_of_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._clock import Deadline
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._containers import look
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._logs import last_lines
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._messages import count_messages, restore_orphans
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._pidbox import active_tasks
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._policies import put_back_policies, take_policies
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._processes import processes_of, status_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._proof import (
    prove_consuming,
    stand_a_moment,
    start_container,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._weights import LOWEST, lower_weights, put_back_weights

ON_TIMEOUT = ("fail", "leave", "requeue", "kill")
DEFAULT_TIMEOUT = 60
# A start waits for the exit of the same container first, and that for its longest task.
RESTART_TIMEOUT = 120

POLL = 0.1
# How long a Celery that is just starting may take to listen to signals, before it gets one all the same.
BOOT_SECONDS = 15
# How long the cold shutdown of requeue may take, before it ends by force.
REQUEUE_SECONDS = 10
KILLED = 137
# What the engine says of a container that has ended in the meantime.
_NOT_RUNNING = (304, 404, 409)


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

    ``containers`` are :class:`Stopped`; ``drained`` says that all of them ended by themselves; ``killed`` are the names
    of those that were ended by force; ``in_flight_at_stop`` are the tasks that ran when the signal was sent, ``None``
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


def timeout_for(containers):
    """The time that the owner gives running tasks: the longest ``stop_grace_period``, else a minute."""
    own = [container.stop_timeout for container in containers if container.stop_timeout is not None]
    return max(own) if own else DEFAULT_TIMEOUT


def roles_now(container):
    """Roles of a container, by its processes too when it runs."""
    return roles_of_container(container, processes_of(container.pid) if container.running else ())


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
                _signals.path_of(
                    container.pid,
                    status_of(container.pid),
                    processes_of(container.pid),
                    _signals.number_of(container.stop_signal),
                ).form,
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
        late acknowledged tasks); ``kill``.
    :param broker: :class:`_broker.Broker` that they read, for figures and orphans.
    :param restore: give messages of dead workers back to their queues when no live worker reads the broker.
    :returns: :class:`StoppedWorkers`
    :raises BluegreenError: with ``fail``, when the time is over: the containers still finish, and
        :func:`restart_workers` waits for that.
    """
    running = [container for container in containers if container.running]
    if timeout is None:
        timeout = timeout_for(running)
    roles = {container.id: roles_now(container) for container in running}
    # Beat first: what it still sends is work for nobody. Whatever is neither goes with the workers.
    running.sort(key=lambda container: not roles[container.id].beat)
    # Only workers answer; to wait for a beat's answer too would cost a second of every stop.
    answering = sum(roles[container.id].worker for container in running)
    tasks = active_tasks(host, broker, answering) if broker is not None and answering else None
    take_policies(host, journal, running)
    # Nobody takes a task from here on: the worker gap begins.
    journal.note(
        signalled=sorted(set(journal.get("signalled") or ()) | {container.id for container in running}),
        idle_since=journal.get("idle_since") or host.clock.boottime(),
    )
    deadline = Deadline(host.clock, timeout)
    forms = {container.id: _signal(host, container) for container in running}
    ended = _wait(host, journal, running, deadline)
    late = [container for container in running if container.id not in ended]
    killed = []
    if late:
        killed = _when_time_is_over(host, journal, late, roles, on_timeout, timeout, tasks, ended, deadline)
    for container in running:
        if container.id in ended and ended[container.id][0] == KILLED and container.name not in killed:
            killed.append(container.name)
    orphans, depth = _settle_broker(host, journal, broker, restore and len(ended) == len(running))
    return StoppedWorkers(
        changed=bool(running or orphans),
        containers=[
            Stopped(
                container.id,
                container.name,
                roles[container.id].name,
                forms[container.id],
                *ended.get(container.id, (None, None)),
            )
            for container in running
        ],
        drained=all(container.id in ended for container in running) and not killed,
        killed=killed,
        in_flight_at_stop=None if tasks is None else [task._asdict() for task in tasks],
        queue_depth=depth,
        orphans_restored=orphans,
    )


def throttle_workers(host, journal, containers, shares=LOWEST):
    """Leave workers and beat running at a CPU weight at which the candidate boots as if they were stopped.

    Their weights are in the journal before the first one is lowered. Idempotent.

    :returns: :class:`StoppedWorkers`; nothing in it has stopped.
    """
    running = [container for container in containers if container.running]
    planned = plan_stop(host, running)
    lower_weights(host, journal, running, shares)
    changed = any(container.cpu_shares != shares for container in running)
    return planned._replace(changed=changed, drained=False)


def restart_workers(host, journal, containers, timeout=RESTART_TIMEOUT, broker=None):
    """Start the very containers again that a deployment stopped, workers first, then beat.

    Idempotent, and right from wherever the stop got to: one that was signalled is waited for, because a start during
    its shutdown does nothing; one that was not and runs only gets its policy back.

    :param timeout: seconds to wait for the exit of those that still finish, and again for the proof.
    :returns: names of the containers started.
    :raises BluegreenError: one did not end or did not start; all others run.
    """
    signalled = set(journal.get("signalled") or ())
    put_back_weights(host, journal)
    containers = [look(host.engine, container.id) for container in containers]
    finishing = [container for container in containers if container.running and container.id in signalled]
    for container in finishing:
        # Whether the signal was sent before something died is unknown; a second one changes nothing for Celery.
        _signal(host, container)
    ended = _wait(host, journal, finishing, Deadline(host.clock, timeout))
    stuck = [container for container in finishing if container.id not in ended]
    untouched = [container for container in containers if container.running and container.id not in signalled]
    put_back_policies(host, journal, untouched)
    stopped = [
        look(host.engine, container.id)
        for container in containers
        if container not in untouched and container not in stuck
    ]
    roles = {container.id: roles_of_container(container) for container in stopped}
    started = start_in_order(host, journal, stopped, roles, timeout, broker)
    if started:
        journal.note(busy_since=host.clock.boottime())
    journal.note(
        signalled=sorted(signalled - {container.id for container in containers} | {each.id for each in stuck})
    )
    if stuck:
        names = ", ".join(container.name for container in stuck)
        raise BluegreenError(
            f"{names} was told to finish and still runs after {timeout:g} s: it is started again once it has ended, by "
            "the next run of rollback.yml or recover.yml.",
            failure="finishing",
            logs=last_lines(host, stuck),
        )
    return [container.name for container in started]


def start_in_order(host, journal, containers, roles, timeout, broker):
    """Start stopped workers, prove that they consume, then start beat; all get their restart policies back.

    :param roles: :class:`_celery.Roles` by container id.
    :returns: the containers as they are a moment after their start.
    """
    beats = [container for container in containers if is_only_beat(roles[container.id])]
    started = [start_container(host, container) for container in containers if container not in beats]
    prove_workers(host, journal, started, roles, timeout, broker)
    return start_beats(host, journal, started, beats)


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
    put_back_policies(host, journal, started)
    beating = [start_container(host, container) for container in beats]
    standing = stand_a_moment(host, started + beating, journal)
    put_back_policies(host, journal, standing)
    return standing


def _signal(host, container, name=None):
    """Send a container its stop signal, or the one named; returns the form of its process 1."""
    name = name or container.stop_signal
    number = _signals.number_of(name)
    if container.status == "restarting":
        # Between two crashes there is nobody to signal; this keeps the engine from trying again.
        host.engine.stop(container.id)
        return "restarting"
    if container.status == "paused":
        # A frozen process does not see the signal.
        host.engine.unpause(container.id)
    path = _path(host, container, number)
    try:
        if not path.pids:
            host.engine.kill(container.id, name)
    except EngineError as error:
        if error.status not in _NOT_RUNNING:
            raise
    for pid in path.pids:
        host.commands.append(f"kill -s {name} {pid}")
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
    return path.form


def _path(host, container, number):
    deadline = Deadline(host.clock, BOOT_SECONDS)
    while True:
        path = _signals.path_of(container.pid, status_of(container.pid), processes_of(container.pid), number)
        if path.form != "booting" or deadline.over:
            return path
        deadline.sleep(POLL)


def _wait(host, journal, containers, deadline):
    """Wait for exits; returns ``(exit code, seconds)`` by id of those that ended in time."""
    ended, waiting = {}, list(containers)
    while waiting:
        for container in waiting:
            now = look(host.engine, container.id)
            if not now.running:
                ended[container.id] = (now.exit_code, round(deadline.elapsed, 1))
        waiting = [container for container in waiting if container.id not in ended]
        if not waiting or deadline.over:
            break
        journal.alive()
        deadline.sleep(POLL)
    return ended


def _when_time_is_over(host, journal, late, roles, on_timeout, timeout, tasks, ended, deadline):
    """Deal with containers that did not end in time; fills ``ended`` and returns the names of the killed ones."""
    beats = [container for container in late if not roles[container.id].worker]
    # What is no worker has no task to lose.
    killed = _kill(host, journal, beats, ended, deadline)
    workers = [container for container in late if container not in beats]
    if not workers or on_timeout == "leave":
        for container in workers:
            host.warn(
                f"Container {container.name} still finishes its tasks after {timeout:g} s: it takes no new ones and "
                "ends by itself."
            )
        return killed
    if on_timeout == "fail":
        raise BluegreenError(
            _still_busy(workers, timeout, tasks),
            failure="timeout",
            containers=[container.name for container in workers],
            in_flight_at_stop=None if tasks is None else [task._asdict() for task in tasks],
            logs=last_lines(host, workers),
        )
    if on_timeout == "requeue":
        for container in workers:
            _signal(host, container, "SIGQUIT")
        more = Deadline(host.clock, REQUEUE_SECONDS)
        for container_id, (code, seconds) in _wait(host, journal, workers, more).items():
            ended[container_id] = (code, round(deadline.elapsed, 1))
    return killed + _kill(host, journal, [each for each in workers if each.id not in ended], ended, deadline)


def _kill(host, journal, containers, ended, deadline):
    for container in containers:
        try:
            host.engine.kill(container.id, "SIGKILL")
        except EngineError as error:
            if error.status not in _NOT_RUNNING:
                raise
    for container_id, (code, seconds) in _wait(
        host, journal, containers, Deadline(host.clock, REQUEUE_SECONDS)
    ).items():
        ended[container_id] = (code, round(deadline.elapsed, 1))
    return [container.name for container in containers]


def _still_busy(workers, timeout, tasks):
    names = ", ".join(container.name for container in workers)
    busy = ""
    if tasks:
        listed = ", ".join(f"{task.name} ({task.id})" for task in tasks[:5])
        more = f" and {len(tasks) - 5} more" if len(tasks) > 5 else ""
        busy = f" When it was told to stop, {len(tasks)} tasks were running: {listed}{more}."
    return (
        f"Container {names} still runs {timeout:g} s after it was told to finish.{busy} Nothing is lost: it goes on to "
        "its end. Give the tasks longer (bluegreen_worker_stop_timeout), or choose another bluegreen_worker_on_timeout "
        "(leave, requeue or kill)."
    )


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
