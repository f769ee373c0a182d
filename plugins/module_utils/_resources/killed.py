# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Whether something was killed for memory during a deployment, and what the plan had reckoned with."""

from __future__ import annotations

from . import host as host_resources, memory_budget

KILLED = 137


def judged(container, journal):
    """A container whose ``oom_killed`` also says what only the kernel's counter tells.

    The engine sees what the container's own limit did. What the host's last memory did leaves the exit code of a kill.
    """
    if container.oom_killed or container.exit_code != KILLED or container.running:
        return container
    return container._replace(oom_killed=_kills(journal) > 0)


def memory_sentence(journal):
    """What there is to say about memory in the error of a container that fell or does not answer; begins with a blank.

    Empty where nothing was killed for memory since the plan. A server whose processes are killed one after the other goes on
    running, and answers nobody.
    """
    kills = _kills(journal)
    if not kills:
        return ""
    return (
        f" The kernel of this host has killed processes for want of memory since the plan ({kills})."
        f"{memory_budget.reckoned(journal.get('memory_budget'))}"
    )


def _kills(journal):
    """How many processes were killed for memory since the plan; 0 where nobody counted then."""
    before = (journal.get("memory_budget") or {}).get("oom_kills")
    return 0 if before is None else max(host_resources.oom_kills() - before, 0)
