# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Restart policies during a deployment: disabled for containers that must stay down, restored when they run again.

A stopped container with ``restart: always`` comes back at the next boot, beside its successor; a running container
without a policy does not come back at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Collection, Iterable

from .containers import Container

if TYPE_CHECKING:
    from .._host import Host
    from .._journal.journal import AnyJournal

NO_RESTART = {"Name": "no", "MaximumRetryCount": 0}


def disable_restart(host: Host, journal: AnyJournal, containers: Collection[Container]) -> None:
    """Note the restart policy of each container in the journal, then set it to ``no``.

    Idempotent: the policy that was noted first stays in the journal, and a container without a policy is left alone.
    """
    for container in containers:
        journal.note_policy(container)
    for container in containers:
        _set(host, container, NO_RESTART)


def restore_restart_policies(host: Host, journal: AnyJournal, containers: Iterable[Container]) -> None:
    """Give each container the restart policy that the journal noted.

    :param containers: freshly inspected; a container that has its policy already costs no request.
    """
    for container in containers:
        _set(host, container, journal.policy_of(container))


def _set(host: Host, container: Container, policy: dict[str, Any]) -> None:
    if _form(container.restart_policy) != _form(policy):
        host.engine.set_restart_policy(container.id, policy)


def _form(policy: dict[str, Any]) -> tuple[str, int]:
    return policy.get("Name") or "no", policy.get("MaximumRetryCount") or 0
