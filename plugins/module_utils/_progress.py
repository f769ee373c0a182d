# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How far a wait is, in half a sentence, reported by the loop that waits and shown to the user.

A report names containers and tasks, and never the arguments of a task.
"""

from __future__ import annotations

from typing import Callable, Optional, Sequence

# How many tasks or containers a report names.
_NAMED = 3

# Called once a step continues in another process (:mod:`_program.ticket`): each corrects a process number in a file.
in_another_process: list[Callable[[], None]] = []

_listener: Optional[Callable[[str], None]] = None


def listen(listener: Optional[Callable[[str], None]]) -> None:
    """Send all reports from now on to one listener; to nobody when it is ``None``, as in a module."""
    global _listener  # pylint: disable=global-statement
    _listener = listener


def report(sentence: str) -> None:
    """Report how far a wait is; called in each turn of a loop during which no thread or program works for the step."""
    if _listener:
        _listener(sentence)


def some(names: Sequence[str]) -> str:
    """The first of some names."""
    return ", ".join([*names[:_NAMED], *(["…"] if len(names) > _NAMED else [])])


def reached(names: Sequence[str], missing: Sequence[str], what: str) -> str:
    """How many containers have reached a state, such as ``1 of 2 containers are healthy, not yet web-1``.

    :param missing: the names of those that have not.
    :param what: the containers and their state, as in ``containers are healthy``.
    """
    return f"{len(names) - len(missing)} of {len(names)} {what}, not yet {some(missing)}"
