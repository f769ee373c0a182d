# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Unknown tasks: they wait for workers that do not register them. Found before the first worker is stopped."""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple, Optional, Sequence

from .. import _words
from .._broker import parking, queues
from .._broker.connection import Broker
from .._broker.redis import RedisError
from .._celery import task_names
from .._commands import command
from .._docker.containers import Container, of_project
from .._docker.engine import EngineError
from .._errors import BluegreenError
from .._host import Host
from .._journal.journal import AnyJournal, Journal
from .._linux import memory as host_memory
from .._linux.clock import Deadline
from .._resources import memory_budget
from . import registered_tasks
from .container_roles import roles_now

# Seconds that running workers have to answer before their app is loaded instead, and seconds between two questions.
ANSWER_SECONDS = 5
POLL = 0.2


class Checked(NamedTuple):
    """Whether both colors are known to register the same tasks, and how to find out the rest.

    ``later`` is to be called once the old workers have stopped and freed their memory: it does the rest of
    :func:`check`, and returns whether both register the same. It is ``None`` if nothing is left to find out.
    """

    same: bool
    later: Optional[Callable[[], bool]] = None


def check(
    host: Host,
    journal: AnyJournal,
    old_workers: Sequence[Container],
    candidate_workers: Sequence[Container],
    broker: Optional[Broker],
    policy: str,
    has_room: bool = True,
    asks_later: bool = False,
) -> Checked:
    """Find out which tasks both colors' workers register, write it to the journal, and refuse to lose waiting tasks.

    Called before the first signal. Nothing is asked if nothing can differ. The candidate's app is loaded in a temporary
    container, which costs its boot time and its memory, unless the new workers can answer in time; see
    :func:`ask_new_workers`.

    :param old_workers, candidate_workers: containers of both colors; those that are not workers are skipped.
    :param broker: the broker that the old workers read.
    :param policy: ``bluegreen_unknown_tasks``: fail, hold or move.
    :param has_room: whether the host has enough memory to load the app beside the old workers.
    :param asks_later: whether the new workers can run before the waiting tasks are moved to them.
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
    # If the old workers do not answer, as with the solo pool, the new ones will not either.
    if asks_later and told is not None and _may_be_asked_later(broker, policy):
        journal.note(task_names={task_names.OLD: told}, unknown_tasks=policy)
        return Checked(False)
    # The processes of the old workers may be needed for this, and they end soon.
    shells = registered_tasks.shells_of(candidate + old, like=running)

    def find_out() -> bool:
        registered = registered_tasks.of_containers(host, journal, candidate, shells=shells)
        before = told if told is not None else registered_tasks.of_containers(host, journal, old, shells=shells)
        return _compare(host, journal, registered, before, broker, policy)

    return Checked(find_out()) if has_room else Checked(False, find_out)


def _compare(
    host: Host,
    journal: AnyJournal,
    registered: Optional[list[str]],
    before: Optional[list[str]],
    broker: Broker,
    policy: str,
) -> bool:
    """Whether both colors register the same; see :func:`check`.

    :param registered, before: names of the candidate's and of the old workers' tasks.
    """
    names = {task_names.OLD: before, task_names.CANDIDATE: registered}
    journal.note(task_names=names)
    if registered is None or policy != task_names.FAIL:
        return registered is not None and registered == before
    try:
        known_names = task_names.known_in(names, policy, task_names.CANDIDATE)
        unknown = task_names.missing(queues.waiting_tasks(broker), known_names) if known_names is not None else {}
    except RedisError as error:
        host.warn(f"The names of the waiting tasks could not be read: {error.message}")
        return False
    if unknown:
        raise BluegreenError(task_names.refusal(unknown), failure="unknown_tasks", unknown_tasks=unknown)
    return registered == before


def _may_be_asked_later(broker: Broker, policy: str) -> bool:
    """Whether the names are not needed until the new workers run.

    With ``fail`` no task may wait, because waiting tasks decide whether the deployment is refused. Otherwise no more
    may wait than one command of a move carries, because without the names they are moved after the boot of the new
    workers and not during it. These 200 tasks took 20 ms on two cores, after 35 ms for the question (0.3 s with ten
    other processes on each core); 5000 took up to 0.6 s.
    """
    try:
        counts = queues.count_messages(broker)
    except RedisError:
        return False
    total = sum(counts.values())
    if policy == task_names.FAIL and total > counts.get(queues.PARKED, 0):
        return False
    return total <= queues.CHUNK_MESSAGES


def ask_new_workers(host: Host, journal: AnyJournal, workers: Sequence[Container], broker: Broker) -> None:
    """Find out which tasks the new workers register before the first task is moved to them, if :func:`check` did not.

    The workers are asked. If one of them does not run or does not answer, their app is loaded.

    :param workers: containers of the candidate; those that are not workers are skipped.
    :param broker: the candidate's own.
    :raises BluegreenError: with ``fail``, when there is too little memory to load the app.
    """
    workers = _yet_to_tell(journal, workers)
    if not workers:
        return
    registered = _of_new(host, journal, broker, workers)
    if registered is None and memory_budget.may_load(_app_recorded(journal), host_memory.available_memory()):
        registered = registered_tasks.of_containers(host, journal, workers, like=workers)
    elif registered is None:
        give_up(host, journal.get("unknown_tasks"))
    _note_candidate(journal, registered)


def ask_working(host: Host, journal: AnyJournal, workers: Sequence[Container], broker: Broker) -> None:
    """Ask workers that consume already, if :func:`check` did not: a rollback needs the names of both colors.

    They are asked once. If one does not answer, the move of a rollback finds out the names.
    """
    workers = _yet_to_tell(journal, workers)
    if workers and all(each.running for each in workers):
        registered = registered_tasks.of_live_workers(host, broker, workers)
        if registered is not None:
            _note_candidate(journal, registered)


def _yet_to_tell(journal: AnyJournal, workers: Sequence[Container]) -> list[Container]:
    """The workers among some containers of the candidate, if :func:`check` did not find out what they register."""
    if not task_names.are_open(journal.get("task_names")):
        return []
    return [each for each in workers if roles_now(each, journal.get("worker_roles")).worker]


def _note_candidate(journal: AnyJournal, registered: Optional[list[str]]) -> None:
    journal.note(task_names={**journal.get("task_names"), task_names.CANDIDATE: registered})


def _of_new(
    host: Host, journal: AnyJournal, broker: Broker, workers: Sequence[Container]
) -> Optional[list[str]]:
    deadline = Deadline(host.clock, ANSWER_SECONDS)
    while all(each.running for each in workers):
        registered = registered_tasks.of_live_workers(host, broker, workers)
        if registered is not None or deadline.over:
            return registered
        journal.renew_lease()
        deadline.sleep(POLL)
    return None


def _app_recorded(journal: AnyJournal) -> int:
    """Bytes that the app needs, 0 if the plan does not say."""
    app: int = (journal.get("memory_budget") or {}).get("app", 0)
    return app


def give_up(host: Host, policy: Optional[str]) -> None:
    """Refuse with ``fail``, else warn: the app cannot be loaded to find out its tasks."""
    sentence = (
        "Could not find out which tasks the new workers register, because too little memory is free to load the app, "
        "even after the old workers were told to stop."
    )
    if policy == task_names.FAIL:
        raise BluegreenError(
            f"{sentence} Free memory on this host, or set bluegreen_unknown_tasks to move.", failure="memory"
        )
    # A rollback to a kept color must not fail here, for example.
    host.warn(
        f"{sentence} So no task is parked, and the new workers would discard those that they do not register: keep "
        "every task name of the old release."
    )


def known(journal: AnyJournal, to_candidate: bool) -> Optional[task_names.Names]:
    """The names of tasks that a move may put into the queues of a color; see :func:`task_names.known_in`."""
    return task_names.known_in(
        journal.get("task_names"),
        journal.get("unknown_tasks", task_names.FAIL),
        task_names.CANDIDATE if to_candidate else task_names.OLD,
    )


def known_to(host: Host, journal: AnyJournal, project: str, broker: Broker) -> Optional[task_names.Names]:
    """The same for a move to a project, which may come before the check.

    Then tasks that an idle broker has kept since an earlier deployment are moved to the live workers, and these are
    asked.

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


def discards_others(journal: Journal | Mapping[str, Any]) -> bool:
    """Whether workers of one color would discard tasks of the other, because both read the queues of one broker."""
    names = journal.get("task_names")
    return bool(
        names
        and journal["settings"]["broker"]["mode"] == "shared"
        and names.get(task_names.OLD) != names.get(task_names.CANDIDATE)
    )


def park_unknown(host: Host, journal: AnyJournal, broker: Broker, to_candidate: bool) -> None:
    """Park the tasks that the workers about to start do not register, and return parked ones that they do.

    :param broker: the broker that both colors use, while no worker reads it.
    """
    names = known(journal, to_candidate)
    parking.return_parked(host, journal, broker, names)
    warn_parked(host, broker, parking.park_unknown(host, journal, broker, names))


def warn_parked(host: Host, broker: Broker, parked: Mapping[str, int]) -> None:
    """Warn of the parked tasks, if there are any.

    :param parked: how many messages are parked, by name of task.
    """
    if parked:
        host.warn(
            f"Tasks that the workers do not register are parked in {broker.name}: {_words.listed(parked)}. None is "
            f"lost: the next release that registers them gets them back. {command('status')} shows them."
        )


def _of_old(host: Host, running: Sequence[Container], broker: Broker) -> Optional[list[str]]:
    """The names of live workers; ``None`` if one does not answer, for example because it is busy in the solo pool."""
    return registered_tasks.of_live_workers(host, broker, running) if running else None


def _same_code(host: Host, old: Sequence[Container], candidate: Sequence[Container]) -> bool:
    def codes(containers: Sequence[Container]) -> list[Optional[tuple[Any, ...]]]:
        return [registered_tasks.code_of(host.engine.inspect(container.id)) for container in containers]

    try:
        before, after = codes(old), codes(candidate)
    except EngineError:
        # Then the names of the tasks are compared instead.
        return False
    if None in before + after:
        return False
    return all(code in before for code in after) and all(code in after for code in before)
