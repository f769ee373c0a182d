# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Sizes of a rollout's batches. Pure."""

from __future__ import annotations

import re
from typing import Any, Union

from ansible.utils.helpers import pct_to_int

# A count of hosts, or a percentage of the fleet such as "25%".
Size = Union[int, str]
# A canary, a quarter, the rest.
DEFAULT = (1, "25%", "100%")
_COUNT = re.compile(r"[1-9][0-9]{0,5}")
_PERCENTAGE = re.compile(r"([1-9][0-9]?|100)%")


def sizes(given: Any) -> list[Size]:
    """The counts and percentages of ``bluegreen_serial``: a list, or its text.

    :raises ValueError: for anything else, at which Ansible would print a traceback.
    """
    if isinstance(given, str):
        parts = [part.strip().strip("'\"") for part in given.strip().strip("[]").split(",")]
    else:
        parts = list(given) if isinstance(given, (list, tuple)) else [given]
    found = [size for size in map(_size, parts) if size is not None]
    if not parts or len(found) < len(parts):
        raise ValueError(
            f"bluegreen_serial is {given!r}, but it must be a list of counts of hosts and percentages of the fleet, "
            "such as [1, '25%', '100%']."
        )
    return found


def _size(part: Any) -> Size | None:
    """A count or a percentage; ``None`` for anything else."""
    text = "" if isinstance(part, bool) else str(part).strip()
    if _COUNT.fullmatch(text):
        return int(text)
    return text if _PERCENTAGE.fullmatch(text) else None


def with_a_canary(batches: list[Size], hosts: int, lost: int) -> list[Size]:
    """The sizes, with a first batch that is large enough for one host that is not lost.

    Ansible counts hosts that an earlier play has lost as part of a batch. A first batch of only such hosts would end at
    once, and the second one, a quarter of the fleet, would be the canary.

    :param hosts: how many hosts the fleet has.
    :param lost: how many of them, counted from the first one, are lost.
    """
    first: int = pct_to_int(batches[0], hosts)
    return batches if first > lost or lost >= hosts else [lost + 1, *batches[1:]]
