# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Several containers told to finish, each once, and waited for."""

from __future__ import annotations

from typing import Callable, Optional, Sequence

from .._host import Host
from .._journal.journal import AnyJournal
from .._linux.clock import Deadline
from .._progress import reached, report, some
from .._words import counted
from .finish_container import POLL, Ending


def tell(journal: AnyJournal, endings: Sequence[Ending]) -> None:
    """Send each container its signal, unless the journal says that this very run of it has had one.

    A second signal would make some programs drop their tasks.
    """
    told, processes = dict(journal.get("told") or {}), dict(journal.get("told_processes") or {})
    for ending in endings:
        container = ending.container
        before = processes.get(container.id) if told.get(container.id) == container.started_at else None
        if ending.tell(before) and before is None:
            told[container.id], processes[container.id] = container.started_at, ending.told
            # Note each at once: if this process is killed now, the next one must not send a second signal.
            journal.note(told=told, told_processes=processes)


def forget_signal(journal: AnyJournal, container_id: str) -> None:
    """Remove a container from the journal's notes of signals: it runs again, or still."""
    signalled, told = journal.get("signalled") or [], journal.get("told") or {}
    if container_id in signalled or container_id in told:
        journal.note(
            signalled=[each for each in signalled if each != container_id],
            **{
                name: {each: fact for each, fact in (journal.get(name) or {}).items() if each != container_id}
                for name in ("told", "told_processes")
            },
        )


def wait(
    host: Host,
    journal: AnyJournal,
    endings: Sequence[Ending],
    deadline: Deadline,
    on_end: Optional[Callable[[Ending], None]] = None,
) -> None:
    """Wait until all containers have ended or the time is over.

    :param on_end: called with each ending when it comes.
    """
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


def so_far(endings: Sequence[Ending], now: float) -> str:
    """How many of some containers have ended, and which tasks keep the others.

    :param now: seconds since the epoch.
    """
    left = [ending for ending in endings if ending.ended is None]
    names = [ending.container.name for ending in endings]
    sentence = reached(names, [ending.container.name for ending in left], "containers have ended")
    tasks = [task for ending in left for task in ending.tasks_left]
    if not tasks:
        return sentence
    # Longest first. A worker need not tell when a task began.
    tasks.sort(key=lambda task: task.since or now)
    running = [f"{task.name} for {max(now - task.since, 0):.0f} s" if task.since else task.name for task in tasks]
    return f"{sentence}; {counted(len(tasks), 'task')} may still run: {some(running)}"
