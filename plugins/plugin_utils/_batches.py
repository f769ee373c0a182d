# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes of a rollout's batches. Pure."""

from __future__ import annotations

import re

# A canary, a quarter, the rest.
DEFAULT = (1, "25%", "100%")
_COUNT = re.compile(r"[1-9][0-9]{0,5}")
_PERCENTAGE = re.compile(r"([1-9][0-9]?|100)%")


def sizes(given):
    """The list of counts (int) and percentages (str) that somebody gave as ``bluegreen_serial``.

    Raises :class:`ValueError` for what is no such list, which Ansible would answer with a traceback.
    """
    if isinstance(given, str):
        parts = [part.strip().strip("'\"") for part in given.strip().strip("[]").split(",")]
    else:
        parts = list(given) if isinstance(given, (list, tuple)) else [given]
    found = [_size(part) for part in parts]
    if not parts or None in found:
        raise ValueError(
            f"bluegreen_serial is {given!r}, but it must be a list of counts of hosts and percentages of the fleet, such as "
            "[1, '25%', '100%']."
        )
    return found


def _size(part):
    """A count or a percentage, ``None`` for what is neither."""
    text = "" if isinstance(part, bool) else str(part).strip()
    if _COUNT.fullmatch(text):
        return int(text)
    return text if _PERCENTAGE.fullmatch(text) else None


def with_a_canary(batches, hosts, lost):
    """The sizes, the first of them large enough for one host that is not lost.

    Ansible counts hosts that an earlier play has lost as part of a batch. A first batch of nothing else would be over at
    once, and the second one, a quarter of the fleet, would be the canary.

    batches: counts and percentages. hosts: how many the fleet has. lost: how many of them, from the first one on, are lost.
    """
    first = batches[0]
    if isinstance(first, str):
        # As Ansible rounds.
        first = max(1, int(hosts * int(first.rstrip("%")) / 100))
    return batches if first > lost or lost >= hosts else [lost + 1, *batches[1:]]
