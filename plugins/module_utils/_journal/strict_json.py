# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""JSON that is read without trusting a byte. Pure."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

# A journal has a few KiB. Only the names of an app's tasks could make it a large one.
LIMIT = 4 * 1024 * 1024

# No time or size is longer; Python itself takes minutes for a number of a million digits.
_LONGEST_NUMBER = 32


class Unreadable(Exception):
    """A text that cannot be used; ``problems`` is a list of half sentences."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def loads(raw: bytes) -> Any:
    """What ``json.loads`` returns.

    :raises Unreadable: the bytes are not JSON, are more than :data:`LIMIT`, hold a key twice or a number that is not
        finite.
    """
    if len(raw) > LIMIT:
        raise Unreadable([f"it has more than {LIMIT} bytes"])
    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_int,
            parse_float=_float,
            parse_constant=_constant,
        )
    # Endlessly nested brackets are a RecursionError, which is not a ValueError.
    except (ValueError, RecursionError) as error:
        raise Unreadable(["it is not JSON"]) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Where a key occurs twice, two readers may see two values.
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError("a key occurs twice")
    return data


def _int(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError("a number is too long")
    return int(text)


def _float(text: str) -> float:
    number = float(text) if len(text) <= _LONGEST_NUMBER else math.inf
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")
