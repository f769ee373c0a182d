# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The module bg_move_tasks."""

from __future__ import annotations

from .._broker.connection import Broker
from .._broker.move import Moved, move
from .._broker.queues import count_messages, in_words
from .._docker.containers import of_project
from .._errors import BluegreenError
from .._host import Host
from .._journal.fencing import fenced
from .._journal.journal import AnyJournal
from .._journal.step import Step
from .._journal.store import Store
from .._module.spec import ArgumentSpec, Params, Result, Spec
from .._validation import check_app
from .._words import agree, joined
from .._workers.container_roles import roles_now
from .._workers.unknown_tasks import known_to, warn_parked
from .two_brokers import BROKER, check_sides, reached

NOTHING = Moved(0, {}, {}, 0, 0)

ARGUMENTS: ArgumentSpec = {
    "source": BROKER,
    "destination": BROKER,
    "hop": {"type": "int", "default": 0},
    "empty": {"type": "bool", "default": False},
}


def move_tasks(params: Params, host: Host, check_mode: bool) -> Result:
    """Move the waiting tasks from one broker to another."""
    check_app(params["app"])
    check_sides(params)
    store = Store(params["app"], host)
    step = _step(store, params["deployment_id"])
    with fenced(store, params["deployment_id"], params["epoch"], step, check_mode) as journal:
        with reached(host, params, "moved") as (source, destination):
            if check_mode:
                moved = _count(source, destination)
            else:
                moved = _move(host, journal, step, source, destination, params)
                if params["empty"]:
                    _require_empty(host, source, params["source"]["project"], moved.left)
    before = {
        queue: moved.left.get(queue, 0) + moved.queues.get(queue, 0) for queue in {**moved.left, **moved.queues}
    }
    return {
        "changed": bool(moved.moved or moved.parked or moved.results),
        "moved": moved.moved,
        "queues": moved.queues,
        "held": moved.parked,
        "left": moved.left,
        # Not "results", which Ansible uses for loops.
        "copied": moved.results,
        "hop": moved.hop,
        "diff": {"before": before, "after": {} if check_mode else moved.left},
    }


def _step(store: Store, deployment_id: str) -> Step:
    """The step that the move belongs to: ``fetch``, in which the idle broker is emptied, or else the handover."""
    journal = store.load() if deployment_id else None
    if journal is None:
        return Step.HANDOVER
    return Step.FETCH if journal.step <= Step.FETCH else max(journal.step, Step.HANDOVER)


def _move(
    host: Host, journal: AnyJournal, step: Step, source: Broker, destination: Broker, params: Params
) -> Moved:
    first = step in (Step.FETCH, Step.HANDOVER)
    if first:
        journal.begin(step)
    known = known_to(host, journal, params["destination"]["project"], destination)
    moved = move(host, journal, source, destination, params["hop"], known)
    warn_parked(host, destination, moved.parked)
    journal.note(tasks_moved=journal.get("tasks_moved", 0) + moved.moved)
    if first:
        journal.done(step)
    return moved


def _require_empty(host: Host, source: Broker, project: str, left: dict[str, int]) -> None:
    running = [
        container.name
        for container in (of_project(host.engine, project) if project else ())
        if container.running and roles_now(container).worker
    ]
    if running:
        raise BluegreenError(
            f"{joined(running)} still {agree(running, 'runs', 'run')} and may hold tasks of {source.name}, so "
            f"{source.name} does not count as empty. Wait until {agree(running, 'it has', 'they have')} ended "
            f"(docker wait {' '.join(running)}), or stop {agree(running, 'it', 'them')} (docker stop "
            f"{' '.join(running)}), then deploy again.",
            failure="not_empty",
        )
    if left:
        raise BluegreenError(
            f"{source.name} still holds tasks that could not be moved ({in_words(left)}), so the deployment "
            "does not go on. Messages counted under 'unacked' (taken, but not acknowledged) belong to a worker that "
            "may still run, or to an exchange without a queue. Stop that worker, or start the workers of project "
            f"{project} until these tasks are done, then deploy again.",
            failure="not_empty",
            left=left,
        )


def _count(source: Broker, destination: Broker) -> Moved:
    """What a move would do; nothing is written."""
    if source.run_id() == destination.run_id():
        return NOTHING
    waiting = count_messages(source)
    return Moved(sum(waiting.values()), waiting, {}, 0, 0)


SPEC = Spec(move_tasks, ARGUMENTS)
