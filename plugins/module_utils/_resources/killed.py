# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether the kernel killed a process for memory during a deployment, and what the plan had expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._docker.containers import Container
from .._words import counted
from . import host as host_resources, memory_budget

if TYPE_CHECKING:
    from .._journal.journal import AnyJournal

# The exit code after SIGKILL.
KILLED = 137


def judged(container: Container, journal: AnyJournal) -> Container:
    """A container whose ``oom_killed`` also covers kills that only the kernel counts.

    The engine reports a kill by the container's own limit. A kill because the host ran out of memory leaves only the
    exit code of SIGKILL.
    """
    if container.oom_killed or container.exit_code != KILLED or container.running:
        return container
    return container._replace(oom_killed=_kills(journal) > 0)


def memory_sentence(journal: AnyJournal) -> str:
    """The sentence about memory in the error of a container that exited or does not answer; it begins with a blank.

    Empty if nothing was killed for memory since the plan. A server whose processes are killed one after the other keeps
    running, but answers nobody.
    """
    kills = _kills(journal)
    if not kills:
        return ""
    return (
        f" The kernel of this host has killed {counted(kills, 'process', 'processes')} for lack of memory "
        "since the plan."
        f"{memory_budget.expected(journal.get('memory_budget'))}"
    )


def _kills(journal: AnyJournal) -> int:
    """How many processes were killed for memory since the plan; 0 if the plan did not count them."""
    before = (journal.get("memory_budget") or {}).get("oom_kills")
    return 0 if before is None else max(host_resources.oom_kills() - before, 0)
