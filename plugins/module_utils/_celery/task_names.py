# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Names of tasks: the waiting ones compared with those that workers register. Pure.

Celery discards a message whose task the worker does not register, so a release that renames a task loses the messages
that still wait for the old name.
"""

from __future__ import annotations

from typing import Container, Mapping, Optional

from .._words import listed

# As in the journal, by color: the names that its workers register, ``None`` if they could not be found out.
TaskNames = Mapping[str, Optional[list[str]]]
# Names to test with ``in``.
Names = Container[str]

FAIL, HOLD, MOVE = POLICIES = ("fail", "hold", "move")
OLD, CANDIDATE = "old", "candidate"


class _Every:
    """Contains every name."""

    def __contains__(self, name: object) -> bool:
        return True


EVERY = _Every()


class Known(frozenset[str]):
    """Names that the workers of a color register.

    :ivar others: names that the other color's workers register, or ``None`` if they are not known. A task that neither
        color registers belongs to another app at the same broker, or was lost earlier; a deployment does not change
        that.
    """

    others: frozenset[str] | None = None


def is_lost(name: str, known: Names) -> bool:
    """Whether a task that waits in a queue would be lost to workers that register only these names."""
    others = getattr(known, "others", None)
    return name not in known and (others is None or name in others)


def known_in(task_names: TaskNames | None, policy: str, color: str) -> Names | None:
    """The names that the workers of a color register; messages with other names are parked.

    :param task_names: names by color, as in the journal.
    :param policy: one of :data:`POLICIES`.
    :param color: ``old`` or ``candidate``.
    :returns: ``None`` if the names are not known; then no message is parked and none is given back.
    """
    if policy == MOVE:
        return EVERY
    names = (task_names or {}).get(color)
    if names is None:
        return None
    known = Known(names)
    others = (task_names or {}).get(CANDIDATE if color == OLD else OLD)
    known.others = None if others is None else frozenset(others)
    return known


def are_open(task_names: TaskNames | None) -> bool:
    """Whether the new workers have yet to be asked for their names.

    If they did not answer, the journal says ``None`` for them.
    """
    return bool(task_names) and CANDIDATE not in (task_names or {})


def missing(waiting: Mapping[str, int], known: Names) -> dict[str, int]:
    """The waiting tasks that would be lost.

    :param waiting: how many messages wait, by name of task.
    """
    return {name: count for name, count in sorted(waiting.items()) if is_lost(name, known)}


def refusal(unknown: Mapping[str, int]) -> str:
    """Why a deployment stops before anything is changed.

    :param unknown: how many messages wait, by name of task.
    """
    return (
        f"The new release does not register these waiting tasks, so its workers would discard them: {listed(unknown)}. "
        "Deploy a release that still has them, or wait until they are done; or set bluegreen_unknown_tasks to hold "
        "(they are kept until a release registers them) or to move (they are handed over as they are)."
    )
