# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Names in sentences, with the words that agree with their number. Pure."""

from __future__ import annotations

from typing import Mapping, Sequence, Sized


def joined(names: Sequence[str]) -> str:
    """Names as a sentence lists them, such as ``web``, ``web and beat``, or ``web, beat and worker``."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def counted(number: int, one: str, more: str = "") -> str:
    """A number with its noun, such as ``1 task`` or ``1,200 tasks``.

    :param more: the noun for several things, if ``one`` with an ``s`` is not it.
    """
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def agree(named: Sized, one: str, more: str) -> str:
    """The word that agrees with what is named: ``one`` for a single thing, ``more`` for several, as in runs and run."""
    return one if len(named) == 1 else more


def listed(counts: Mapping[str, int]) -> str:
    """Counts by name as words, such as ``shop.mail (3), shop.work (1)``."""
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = f" and {len(most) - 10} more names" if len(most) > 10 else ""
    return ", ".join(f"{name} ({count})" for name, count in most[:10]) + more
