# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The candidate stops, its broker only once it is empty. Containers that never ran are removed; nothing else is."""

from __future__ import annotations

from .._broker import queues
from .._deployment.color import Color
from .._docker import leftovers, restart_policies
from .._docker.containers import ROLES
from .._docker.ensure import ensure_stopped
from .._errors import BluegreenError
from .._journal.step import Step
from .._words import agree, joined
from .attempt import Attempt


def stop_candidate(attempt: Attempt) -> None:
    """Stop all of the candidate, and let nothing of it come back at a boot.

    Its broker keeps running while it may hold tasks, and then comes back after a boot too: the next deployment moves
    them.
    """
    candidate = attempt.candidate.renewed()
    restart_policies.disable_restart(attempt.host, attempt.journal, candidate.of(*ROLES))
    ensure_stopped(attempt.host.engine, candidate.of("web", "init"))
    finishing = [container.name for container in candidate.of("workers") if container.running]
    if finishing:
        attempt.host.warn(
            f"{joined(finishing)} still {agree(finishing, 'runs', 'run')}, so the broker of {candidate.project} keeps "
            "running too."
        )
    if not finishing and _holds_no_task(attempt, candidate):
        ensure_stopped(attempt.host.engine, candidate.of("support"))
    else:
        support = candidate.renewed().of("support")
        restart_policies.restore_restart_policies(attempt.host, attempt.journal, support)
    remove_unstarted(attempt, candidate)


def remove_unstarted(attempt: Attempt, candidate: Color) -> None:
    """Remove the containers that this deployment created and never started, and the network if nothing else is left.

    Containers of ignored services stay: they are the user's own, and so is all that they need.
    """
    own = {container.id for container in candidate.of(*ROLES)}
    unstarted = [each for each in candidate.containers if each.id in own and not each.ever_started]
    for container in unstarted:
        attempt.host.engine.remove(container.id)
    if len(unstarted) == len(candidate.containers):
        leftovers.remove_networks(attempt.host, candidate.project)


def _holds_no_task(attempt: Attempt, candidate: Color) -> bool:
    # After the cutover even a service whose containers are gone by now may have published tasks.
    if attempt.journal.step < Step.CUTOVER and _never_published(candidate):
        return True
    return _broker_is_empty(attempt, candidate)


def _never_published(candidate: Color) -> bool:
    """Whether all tasks in the candidate's broker came with an old volume.

    Such tasks may have run already. A human decides about them, so they are not moved, and stay where they are.
    """
    return not any(container.ever_started for container in candidate.of("init", "web", "workers"))


def _broker_is_empty(attempt: Attempt, candidate: Color) -> bool:
    """Whether no task is left in the candidate's broker once they were moved; a silent broker may hold some."""
    attempt.try_to_start_broker(candidate)
    if not attempt.move_back(candidate):
        return False
    try:
        with candidate.own_broker() as broker:
            if broker is None and candidate.server() is not None:
                return False
            left = queues.count_messages(broker) if broker else {}
    except BluegreenError as error:
        attempt.host.warn(
            f"The broker of {candidate.project} does not tell whether it holds tasks, so it keeps running: "
            f"{error.message}"
        )
        return False
    if left:
        counts = ", ".join(f"{count} in {queue}" for queue, count in sorted(left.items()))
        attempt.host.warn(
            f"The broker of {candidate.project} still holds tasks ({counts}), so it keeps running: the next deployment "
            "moves them to the live color."
        )
    return not left
