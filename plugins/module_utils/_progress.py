# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""How far a wait is, in half a sentence: told by the loop that waits, to the user who waits too.

Names of containers and tasks are told, and never what a task was given.
"""

from __future__ import annotations

from typing import Callable, Optional, Sequence

# Of tasks and containers, so many are named.
_NAMED = 3

# Called once a step goes on in another process (:mod:`_ticket`): each corrects a process number in some file.
in_another_process: list[Callable[[], None]] = []

_listener: Optional[Callable[[str], None]] = None


def listen(listener: Optional[Callable[[str], None]]) -> None:
    """Have what is reported from now on told to one listener; ``None`` for nobody, as in a module."""
    global _listener  # pylint: disable=global-statement
    _listener = listener


def report(sentence: str) -> None:
    """Tell how far a wait is. Called in each turn of its loop, where no thread and no other program works for the step."""
    if _listener:
        _listener(sentence)


def some(names: Sequence[str]) -> str:
    """The first of some names."""
    return ", ".join([*names[:_NAMED], *(["…"] if len(names) > _NAMED else [])])


def reached(names: Sequence[str], missing: Sequence[str], what: str) -> str:
    """How many of some containers are where they are waited for, such as ``1 of 2 containers are healthy, not yet web-1``.

    :param missing: the names of those that are not.
    """
    return f"{len(names) - len(missing)} of {len(names)} {what}, not yet {some(missing)}"
