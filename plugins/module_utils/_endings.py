# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""How a container ended that was to run: whether it was killed for memory, and what had been reckoned with."""

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _memory_budget, _resources

KILLED = 137


def judged(container, journal):
    """A container whose ``oom_killed`` also says what only the kernel's counter tells.

    The engine sees what the container's own limit did. What the host's last memory did leaves the exit code of a kill.
    """
    before = (journal.get("memory_budget") or {}).get("oom_kills")
    if container.oom_killed or container.exit_code != KILLED or container.running or before is None:
        return container
    return container._replace(oom_killed=_resources.oom_kills() > before)


def reckoned(containers, journal):
    """What the plan had reckoned with, as a sentence that begins with a blank; empty unless one was killed for memory."""
    if not any(container.oom_killed for container in containers):
        return ""
    return _memory_budget.reckoned(journal.get("memory_budget"))
