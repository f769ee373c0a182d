# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Proof that containers which were just started still run, or why they do not."""

from __future__ import annotations

from typing import Callable, Iterable, Optional

from .._docker.containers import Container, inspect_container
from .._docker.logs import last_lines
from .._errors import BluegreenError
from .._host import Host
from .._journal.journal import AnyJournal
from .._resources import killed

# Seconds to wait before a start counts as stable. Containers that exit later are found when the deployment settles.
MOMENT = 0.5


def still_up(host: Host, started: Container, journal: AnyJournal) -> Container:
    """The container as it is now.

    :param started: the container as it was right after its start.
    :param journal: tells whether a process was killed for memory since the plan, and how much the plan expected.
    :raises BluegreenError: it has exited or started again since.
    """
    now = inspect_container(host.engine, started.id)
    if now.status in ("running", "paused") and now.started_at == started.started_at:
        return now
    now = killed.judged(now, journal)
    how = "was killed for memory" if now.oom_killed else f"ended with exit code {now.exit_code}"
    if now.restart_count > started.restart_count or now.status == "restarting":
        how += " and is being restarted over and over"
    raise BluegreenError(
        f"Container {now.name} {how} right after its start; its last log lines follow."
        + killed.memory_sentence(journal),
        failure="exited",
        logs=last_lines(host, [now]),
    )


def still_up_after_a_moment(
    host: Host, started: list[Container], journal: AnyJournal, failed: Optional[list[BluegreenError]] = None
) -> list[Container]:
    """The containers that are still up :data:`MOMENT` after their start, as they are then.

    :param failed: collects the errors of the others; without it the first error is raised.
    """
    if started:
        host.clock.sleep(MOMENT)
    return each_or_failed(started, lambda container: still_up(host, container, journal), failed)


def each_or_failed(
    containers: Iterable[Container],
    function: Callable[[Container], Container],
    failed: Optional[list[BluegreenError]],
) -> list[Container]:
    """What a function returns for each container.

    :param failed: collects the errors; if it is ``None``, the first error is raised.
    """
    done = []
    for container in containers:
        try:
            done.append(function(container))
        except BluegreenError as error:
            if failed is None:
                raise
            failed.append(error)
    return done
