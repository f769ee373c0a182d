# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Values of options with ``no_log`` are taken out of a result, as Ansible does for its modules. Pure.

That has to happen on the host: with ``-vvv`` a controller shows everything that a host writes.
"""

from __future__ import annotations

from typing import Any, Collection, Mapping

HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
_STARS = "*" * 8


def values_of_no_log(argument_spec: Mapping[str, Any], params: Mapping[str, Any]) -> set[str]:
    """The values, as texts, of all options with ``no_log``, suboptions included."""
    found = set()
    for name, option in argument_spec.items():
        value = params.get(name)
        if option.get("no_log") and value:
            found.add(str(value))
        if isinstance(value, dict):
            found |= values_of_no_log(option.get("options") or {}, value)
    return found


def without(values: Collection[str], result: Any) -> Any:
    """A result without these values, at any depth."""
    if not values:
        return result
    if isinstance(result, dict):
        return {key: without(values, item) for key, item in result.items()}
    if isinstance(result, (list, tuple)):
        return [without(values, item) for item in result]
    if isinstance(result, str):
        return HIDDEN if result in values else _starred(values, result)
    if isinstance(result, (int, float)) and not isinstance(result, bool):
        return HIDDEN if any(value in str(result) for value in values) else result
    return result


def _starred(values: Collection[str], text: str) -> str:
    # The longest first: one value may be a part of another.
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, _STARS)
    return text
