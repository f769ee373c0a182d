# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""From one color to the other: the last requests, the broker that holds tasks, and the tasks themselves."""

from __future__ import annotations

import typing
from typing import Callable, Optional

from .._broker import move as broker_move, worker_conf
from .._broker.result_stores import copy_beside
from .._celery import task_names
from .._docker.containers import Container, inspect_container
from .._docker.engine import EngineError
from .._errors import BluegreenError
from .._host import Host
from .._journal.journal import Journal
from .._linux.clock import Deadline
from .._nginx.drain import Drained, wait_drained
from .._progress import report
from .._workers import unknown_tasks
from .color import Color

# Seconds that a Redis may take to load its data on a slow machine, and how often it is asked.
LOAD_TIMEOUT = 120
POLL = 0.2
# Seconds to wait for an answer of one that runs already: it may have started a moment ago.
SILENT_TIMEOUT = 10


def drain(host: Host, journal: Journal) -> Drained:
    """Wait until Nginx no longer answers requests by the old color, as long as the user allows."""
    return wait_drained(host, journal, timeout=journal["drain_timeout"])


def start_broker(host: Host, color: Color) -> None:
    """Start the broker that a color brings for itself, if it is down: then nobody knows whether it holds tasks.

    A broker without a restart policy is down after a boot, or after a restart of the engine.

    :param color: its containers are looked at again where it has to be waited for.
    :raises BluegreenError: it does not start, or does not answer.
    """
    server = color.server()
    if server is None:
        return
    if server.running:
        # It may still load its data. If it stays silent, the move says so.
        _wait_for_answer(host, color, server, SILENT_TIMEOUT)
        return
    try:
        host.engine.start(server.id)
        fault = _wait_for_answer(host, color, server, LOAD_TIMEOUT)
    except EngineError as error:
        fault = f"does not start ({error.message.rstrip('.')})"
    if fault:
        raise BluegreenError(
            f"The broker of {color.name}, container {server.name}, may hold tasks, but was down and {fault}. Look at "
            f"its log (docker logs {server.name})."
        )
    host.warn(f"Container {server.name} was down and was started again.")


def _wait_for_answer(host: Host, color: Color, server: Container, seconds: float) -> str:
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
    return "exited right after its start"


def move_tasks(
    host: Host,
    journal: Journal,
    source: Color,
    destination: Color,
    before_messages: Optional[Callable[[], object]] = None,
) -> dict[str, int]:
    """Move the tasks that wait in a color's broker, and count them; copy the results that they need.

    :param before_messages: see :func:`move.move`; not called where there is nothing that could move.
    :returns: messages that are left in the source, per queue; empty when there is no broker to ask.
    """
    to_candidate = destination.name == journal["to"]
    # New workers have to find the results that a waiting chord needs.
    copy_beside(host, journal, source, destination)
    with source.own_broker() as here, destination.own_broker() as there:
        if here is None or there is None:
            return {}

        def ask() -> Optional[typing.Container[str]]:
            unknown_tasks.ask_new_workers(host, journal, destination.renewed().of("workers"), there)
            return unknown_tasks.known(journal, to_candidate)

        is_open = to_candidate and task_names.are_open(journal.get("task_names"))
        known = ask if is_open else unknown_tasks.known(journal, to_candidate)
        moved = broker_move.move(host, journal, here, there, known=known, before_messages=before_messages)
        broker_move.rename_lists(journal, there, worker_conf.layout_of(journal, here))
        unknown_tasks.warn_parked(host, there, moved.parked)
        journal.note(tasks_moved=journal.get("tasks_moved", 0) + moved.moved)
        return moved.left
