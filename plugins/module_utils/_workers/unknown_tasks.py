# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Code skew: tasks that wait for workers which do not know them, found before the first worker is stopped."""

from __future__ import annotations

from typing import Mapping, NamedTuple

from .._broker import move as broker_move, queues
from .._broker.redis import RedisError
from .._celery import task_names
from .._docker.containers import of_project
from .._docker.engine import EngineError
from .._errors import BluegreenError
from .._linux.clock import Deadline
from .._resources import host as host_resources, memory_budget
from . import registered_tasks
from .stop import roles_now

# Seconds that workers which run have to answer before their app is loaded instead, and those between two questions.
ANSWER_SECONDS = 5
POLL = 0.2


class Checked(NamedTuple):
    """Whether both colors are known to register the same tasks, and what is still to be found out about that.

    ``later`` is called once the old workers have stopped and left their memory; it does the rest of :func:`check`, and returns
    whether both register the same. ``None``: nothing is left to find out.
    """

    same: bool
    later: object = None


def check(host, journal, old_workers, candidate_workers, broker, policy, has_room=True, asks_later=False):
    """Find out which tasks both colors' workers register, keep it in the journal, and refuse what would be lost.

    Called before the first signal. Nothing is asked where nothing can differ. The candidate's app is loaded in a container
    of its own, which costs its boot and its memory, unless the new workers can tell in time; see :func:`ask_new_workers`.

    :param old_workers, candidate_workers: containers of both colors; what is no worker is passed over.
    :param broker: the broker that the old workers read, or ``None``.
    :param policy: ``bluegreen_unknown_tasks``: fail, hold or move.
    :param has_room: whether the host has the memory to load the app beside the old workers.
    :param asks_later: whether the new workers can run before what waits comes to them.
    :returns: :class:`Checked`
    :raises BluegreenError: with ``fail``, when tasks wait that the candidate does not register.
    """
    old = [container for container in old_workers if roles_now(container).worker]
    candidate = [container for container in candidate_workers if roles_now(container).worker]
    if policy == task_names.MOVE or broker is None or not old or not candidate:
        return Checked(False)
    if _same_code(host, old, candidate):
        return Checked(True)
    running = [container for container in old if container.running]
    told = _of_old(host, running, broker)
    # Old workers that do not tell, as with the solo pool, say that new ones will not either.
    if asks_later and told is not None and _may_be_asked_later(broker, policy):
        journal.note(task_names={task_names.OLD: told}, unknown_tasks=policy)
        return Checked(False)
    # What only their processes show is gone with them.
    shells = registered_tasks.shells_of(candidate + old, like=running)

    def find_out():
        registered = registered_tasks.of_containers(host, journal, candidate, shells=shells)
        before = told if told is not None else registered_tasks.of_containers(host, journal, old, shells=shells)
        return _compare(host, journal, registered, before, broker, policy)

    return Checked(find_out()) if has_room else Checked(False, find_out)


def _compare(host, journal, registered, before, broker, policy):
    """Whether both register the same; see :func:`check`."""
    names = {task_names.OLD: before, task_names.CANDIDATE: registered}
    journal.note(task_names=names)
    if registered is None or policy != task_names.FAIL:
        return registered is not None and registered == before
    try:
        kept = task_names.known_in(names, policy, task_names.CANDIDATE)
        unknown = task_names.missing(queues.waiting_tasks(broker), kept)
    except RedisError as error:
        host.warn(f"The names of the tasks that wait could not be read: {error.message}")
        return False
    if unknown:
        raise BluegreenError(task_names.refusal(unknown), failure="unknown_tasks", unknown_tasks=unknown)
    return registered == before


def _may_be_asked_later(broker, policy):
    """Whether what waits can do without the names until the new workers run.

    Nothing with ``fail``, because only a task that waits now could refuse the deployment. And no more than one command of
    a move carries: without the names it moves after the boot of the new workers in place of meanwhile. These 200 tasks
    took 20 ms on two cores, after 35 ms for the question (0.3 s with ten others to each core); 5000 took up to 0.6 s.
    """
    try:
        counts = queues.count_messages(broker)
    except RedisError:
        return False
    total = sum(counts.values())
    if policy == task_names.FAIL and total > counts.get(queues.HELD, 0):
        return False
    return total <= queues.CHUNK_MESSAGES


def ask_new_workers(host, journal, workers, broker):
    """Find out which tasks the new workers register, where :func:`check` left that open, before the first one moves to them.

    Workers that run are asked. Where one does not run or does not answer, their app is loaded after all.

    :param workers: containers of the candidate; what is no worker is passed over.
    :param broker: the candidate's own.
    :raises BluegreenError: with ``fail``, when there is too little memory for that.
    """
    workers = _yet_to_tell(journal, workers)
    if not workers:
        return
    registered = _of_new(host, journal, broker, workers)
    if registered is None and memory_budget.may_load(_app_recorded(journal), host_resources.available_memory()):
        registered = registered_tasks.of_containers(host, journal, workers, like=workers)
    elif registered is None:
        give_up(host, journal.get("unknown_tasks"))
    _note_candidate(journal, registered)


def ask_working(host, journal, workers, broker):
    """The same where nothing waited for it, of workers that consume: on the way back it tells whose a task is.

    They are asked once. Where one does not answer it stays open, and a move that needs it finds it out.
    """
    workers = _yet_to_tell(journal, workers)
    if workers and all(each.running for each in workers):
        registered = registered_tasks.of_live_workers(host, broker, workers)
        if registered is not None:
            _note_candidate(journal, registered)


def _yet_to_tell(journal, workers):
    """The workers among some containers of the candidate, where :func:`check` left open what they register."""
    if not task_names.are_open(journal.get("task_names")):
        return []
    return [each for each in workers if roles_now(each, journal.get("worker_roles")).worker]


def _note_candidate(journal, registered):
    journal.note(task_names={**journal.get("task_names"), task_names.CANDIDATE: registered})


def _of_new(host, journal, broker, workers):
    deadline = Deadline(host.clock, ANSWER_SECONDS)
    while all(each.running for each in workers):
        registered = registered_tasks.of_live_workers(host, broker, workers)
        if registered is not None or deadline.over:
            return registered
        journal.renew_lease()
        deadline.sleep(POLL)
    return None


def _app_recorded(journal):
    return (journal.get("memory_budget") or {}).get("app", 0)


def give_up(host, policy):
    """The app cannot be loaded for the names of its tasks: a refusal with ``fail``, else a warning."""
    sentence = (
        "Which tasks the new workers register could not be found out: too little memory is free to load the app for it, even "
        "with the old workers told to stop."
    )
    if policy == task_names.FAIL:
        raise BluegreenError(
            f"{sentence} Free memory on this host, or set bluegreen_unknown_tasks to move.", failure="memory"
        )
    # Such as on the way back to a color that was kept.
    host.warn(f"{sentence} Tasks that they do not know are not held back, and they would discard them.")


def known(journal, to_candidate):
    """The task names that a move may hand to the queues of a color; see :func:`task_names.known_in`."""
    return task_names.known_in(
        journal.get("task_names"),
        journal.get("unknown_tasks", task_names.FAIL),
        task_names.CANDIDATE if to_candidate else task_names.OLD,
    )


def known_to(host, journal, project, broker):
    """The same for a move to a project, which may come before the check.

    What an idle broker still had since an earlier deployment goes to the live workers then, and those are asked.

    :param broker: the broker of the project.
    """
    if not journal.get("to"):
        return None
    policy = journal.get("unknown_tasks", task_names.FAIL)
    settings = journal.get("settings")
    listed = settings["services"]["workers"]
    found = [container for container in of_project(host.engine, project) if container.service in listed]
    if journal.get("task_names") is None and policy != task_names.MOVE:
        workers = [container for container in found if container.running and roles_now(container).worker]
        names = registered_tasks.of_live_workers(host, broker, workers) if workers else None
        return task_names.known_in({"live": names}, policy, "live")
    to_candidate = project == settings["projects"][journal.get("to")]
    if to_candidate:
        ask_new_workers(host, journal, found, broker)
    return known(journal, to_candidate)


def discards_others(journal: Mapping) -> bool:
    """Whether workers of one color would discard tasks of the other, which are in the same queues of a shared broker."""
    names = journal.get("task_names")
    return bool(
        names
        and journal["settings"]["broker"]["mode"] == "shared"
        and names.get(task_names.OLD) != names.get(task_names.CANDIDATE)
    )


def park_unknown(host, journal, broker, to_candidate):
    """In a broker that both colors use: hold what the workers that are about to start do not know, give back the rest.

    :param broker: the broker, while no worker reads it.
    """
    names = known(journal, to_candidate)
    broker_move.give_back(host, journal, broker, names)
    warn_held(host, broker, broker_move.hold_unknown(host, journal, broker, names))


def warn_held(host, broker, held):
    """Say what was held, if anything was."""
    if held:
        host.warn(
            f"Tasks that the workers do not register are held in {broker.name}: {task_names.listed(held)}. None is "
            "lost: they go on with the next release that registers them (status.yml shows them)."
        )


def _of_old(host, running, broker):
    """What live workers tell; ``None`` where not all do, such as one that is busy in the solo pool."""
    return registered_tasks.of_live_workers(host, broker, running) if running else None


def _same_code(host, old, candidate):
    def codes(containers):
        return [registered_tasks.code_of(host.engine.inspect(container.id)) for container in containers]

    try:
        before, after = codes(old), codes(candidate)
    except EngineError:
        # Then the names of the tasks are compared themselves.
        return False
    if None in before + after:
        return False
    return all(code in before for code in after) and all(code in after for code in before)
