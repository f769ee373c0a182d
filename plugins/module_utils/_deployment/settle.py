# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""After the cutover: the old web's last requests end, and late tasks move. Then a human decides."""

from __future__ import annotations

from .._broker import move as broker_move, worker_conf
from .._broker.result_stores import copy_beside
from .._celery import task_names
from .._docker.containers import inspect_container
from .._docker.engine import EngineError
from .._docker.logs import last_lines
from .._errors import BluegreenError
from .._health import gate as health_gate
from .._install import guard_units
from .._journal.fencing import fenced
from .._journal.figures import figures, gap_ends, sentence
from .._linux.clock import Deadline
from .._nginx.drain import wait_drained
from .._progress import report
from .._resources import killed
from .._workers import unknown_tasks
from . import approval, old_web
from .color import colors_of

# What a Redis may take to load its data on a slow machine, in seconds, and how often it is asked.
LOAD_TIMEOUT = 120
POLL = 0.2
# How long one is waited for that ran already.
SILENT_TIMEOUT = 10


def settle(host, store, params, check_mode):
    """Wait for the drain, move what the old web published meanwhile, and await approval.

    A drain that runs out of time is no failure: what holds it is named, and the end waits for it once more.

    :returns: the module's result.
    """
    # A run whose answer was lost on the way is repeated when the deployment is there already.
    with fenced(store, params["deployment_id"], params["epoch"], "awaiting_approval", check_mode) as journal:
        if check_mode:
            return {"changed": True, "figures": {}, "message": ""}
        if journal["step"] == "awaiting_approval" and journal["done"]:
            # A rollout may have taken long until somebody is asked.
            approval.begin_anew(journal, params["approval_timeout"], params["on_timeout"])
            return _result(journal, changed=False)
        journal.begin("settle")
        settings, old, candidate = colors_of(host, store, journal)
        if old_web.is_stopped(journal):
            # Where there are no workers, nobody has waited for the memory yet.
            held_by = old_web.stop(host, journal, old)
        else:
            held_by = drain(host, journal).held_by
        if old:
            _ask_new_workers(host, journal, candidate)
            move_tasks(host, journal, old, candidate)
        _require_standing(host, journal, candidate)
        # With an approval that comes by itself, nobody looks again before the old color goes.
        health_gate.require_still_healthy(host, journal, settings, candidate.name, candidate.of("support", "web"))
        journal.done("settle", held_by=held_by)
        # Should the approval that follows never come, the timer still starts the guard.
        armed = bool(journal.get("armed")) and params["approval_follows"]
        journal.begin("awaiting_approval", armed=armed, **gap_ends(journal.data, bool(candidate.of("workers"))))
        journal.done("awaiting_approval")
        approval.begin(journal)
        if not armed:
            guard_units.watch_pending(host, store.app)
        return _result(journal, changed=True)


def _ask_new_workers(host, journal, candidate):
    """A release may name the lists of a queue in another way; the workers can tell now that they run."""
    workers = [container for container in candidate.of("workers") if container.running]
    with candidate.own_broker() as broker:
        if broker is not None:
            worker_conf.remember(journal, broker, worker_conf.ask_conf(host, broker, workers))


def _result(journal, changed):
    cost = figures(journal)
    message = f"Release {journal['release'] or '(none)'} of {journal['app']} is live ({journal['to']})."
    return {"changed": changed, "figures": cost, "message": f"{message} {sentence(cost)}".rstrip()}


def _require_standing(host, journal, candidate):
    """What was started must still run: a beat may fall later than in the moment that its start was watched."""
    fallen = [
        killed.judged(container, journal)
        for container in candidate.of("support", "web", "workers")
        if container.status != "running"
    ]
    if fallen:
        names = ", ".join(f"{each.name}{' (killed for memory)' if each.oom_killed else ''}" for each in fallen)
        raise BluegreenError(
            f"{names} of the new color fell after the start: the last log lines are in logs."
            + killed.memory_sentence(journal),
            failure="exited",
            logs=last_lines(host, fallen),
        )


def drain(host, journal):
    """Wait until Nginx has let go of the color of before the cutover, as long as the user allows."""
    return wait_drained(host, journal, timeout=journal["drain_timeout"])


def start_broker(host, color):
    """Start the broker that a color brings for itself, if it is down: then nobody knows whether it holds tasks.

    A boot, or a restart of the engine, leaves one down that has no restart policy.

    :param color: a :class:`color.Color`; what it knows of its containers is renewed where it has to be waited for.
    :raises BluegreenError: it does not start, or does not answer.
    """
    server = color.server()
    if server is None:
        return
    if server.running:
        # Perhaps only since a moment ago. One that stays silent is another matter, and not for long.
        _wait_for_answer(host, color, server, SILENT_TIMEOUT)
        return
    try:
        host.engine.start(server.id)
        fault = _wait_for_answer(host, color, server, LOAD_TIMEOUT)
    except EngineError as error:
        fault = f"does not start ({error.message.rstrip('.')})"
    if fault:
        raise BluegreenError(f"The broker of {color.name}, container {server.name}, may hold tasks, but was down and {fault}.")
    host.warn(f"Container {server.name} was down and was started again.")


def _wait_for_answer(host, color, server, seconds):
    """What is wrong with a broker that was just started, or an empty string once it answers."""
    deadline = Deadline(host.clock, seconds)
    while inspect_container(host.engine, server.id).running:
        with color.own_broker() as broker:
            if broker is not None and broker.answers():
                return ""
        color.refresh()
        if deadline.over:
            return f"has not answered within {seconds} s of its start"
        report(f"{server.name} has not answered since its start")
        deadline.sleep(POLL)
    return "fell right after its start"


def move_tasks(host, journal, source, destination, before_messages=None):
    """Move the tasks that a color still published, and count them; copy the results that it has.

    :param before_messages: see :func:`move.move`; not called where there is nothing that could move.
    :returns: messages that are left in the source, per queue; empty when there is no broker to look into.
    """
    to_candidate = destination.name == journal["to"]
    # New workers have to find the results that a waiting chord needs.
    copy_beside(host, journal, source, destination)
    with source.own_broker() as here, destination.own_broker() as there:
        if here is None or there is None:
            return {}

        def ask():
            unknown_tasks.ask_new_workers(host, journal, destination.renewed().of("workers"), there)
            return unknown_tasks.known(journal, to_candidate)

        is_open = to_candidate and task_names.are_open(journal.get("task_names"))
        known = ask if is_open else unknown_tasks.known(journal, to_candidate)
        moved = broker_move.move(host, journal, here, there, known=known, before_messages=before_messages)
        broker_move.rename_lists(journal, there, worker_conf.layout_of(journal, here))
        unknown_tasks.warn_held(host, there, moved.held)
        journal.note(tasks_moved=journal.get("tasks_moved", 0) + moved.moved)
        return moved.left
