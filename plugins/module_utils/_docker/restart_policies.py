# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Restart policies during a deployment: taken away from what is to stay down, put back to what is to stay up.

A stopped container with ``restart: always`` comes back at the next boot, beside the one that took its place; a
running one without a policy does not come back at all.
"""

from __future__ import annotations

NO_RESTART = {"Name": "no", "MaximumRetryCount": 0}


def disable_restart(host, journal, containers):
    """Note the restart policy of each container in the journal, then set it to ``no``.

    Idempotent: what was noted first stays noted, and a container without a policy is left alone.
    """
    for container in containers:
        journal.note_policy(container)
    for container in containers:
        _set(host, container, NO_RESTART)


def restore_restart_policies(host, journal, containers):
    """Give each container the restart policy that the journal noted.

    :param containers: as they are now; one whose policy is that already costs no request.
    """
    for container in containers:
        _set(host, container, journal.policy_of(container))


def _set(host, container, policy):
    if _form(container.restart_policy) != _form(policy):
        host.engine.set_restart_policy(container.id, policy)


def _form(policy):
    return policy.get("Name") or "no", policy.get("MaximumRetryCount") or 0
