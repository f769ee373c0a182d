# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Names of tasks: those that wait, against those that workers register.

Celery discards a message whose task the worker does not know, so a release that renamed a task loses what waits.
"""

from __future__ import annotations

FAIL, HOLD, MOVE = POLICIES = ("fail", "hold", "move")
OLD, CANDIDATE = "old", "candidate"


class _Every:
    """Stands for all names there could be."""

    def __contains__(self, name):
        return True


EVERY = _Every()


class Known(frozenset):
    """Names that the workers of a color register.

    :ivar others: those that the other color's workers register, or ``None``. What neither knows belongs to somebody
        else at the same broker, or was lost before, and no change of colors makes a difference to it.
    """

    others = None


def is_lost(name, known):
    """Whether a task that waits in a queue would be lost to workers that know only these names."""
    others = getattr(known, "others", None)
    return name not in known and (others is None or name in others)


def known_in(task_names, policy, color):
    """The names that the workers of a color know, as far as messages are held back by them.

    :param task_names: what the journal has: a list, or ``None`` where nobody told, for ``old`` and for ``candidate``.
    :param color: ``old`` or ``candidate``.
    :returns: something to ask with ``in``; ``None`` when nobody told, which holds nothing back and frees nothing.
    """
    if policy == MOVE:
        return EVERY
    names = (task_names or {}).get(color)
    if names is None:
        return None
    known = Known(names)
    others = task_names.get(CANDIDATE if color == OLD else OLD)
    known.others = None if others is None else frozenset(others)
    return known


def are_open(task_names):
    """Whether the new workers have yet to be asked for their names; where they were and did not tell, these are ``None``."""
    return bool(task_names) and CANDIDATE not in task_names


def missing(waiting, known):
    """Those of ``waiting`` (counts by name) that would be lost."""
    return {name: count for name, count in sorted(waiting.items()) if is_lost(name, known)}


def listed(counts):
    """Counts by name as words, such as ``shop.mail (3), shop.work (1)``."""
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = f" and {len(most) - 10} more names" if len(most) > 10 else ""
    return ", ".join(f"{name} ({count})" for name, count in most[:10]) + more


def refusal(unknown):
    """Why a deployment stops before anything was touched."""
    return (
        f"Tasks wait that the new release does not register, and its workers would discard them: {listed(unknown)}. "
        "Deploy a release that still has them, or wait until they are done; or set bluegreen_unknown_tasks to hold "
        "(they are kept until a release knows them) or to move (they are handed over as they are)."
    )
