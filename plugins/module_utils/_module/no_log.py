# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Values of options with ``no_log``, taken out of a result as Ansible takes them out of a module's. Pure.

It has to happen on the host: a controller that is asked for details (``-vvv``) shows what a host wrote as it came.
"""

from __future__ import annotations

from typing import Any

HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
_STARS = "*" * 8


def values_of_no_log(argument_spec: dict, params: dict) -> set[str]:
    """The texts of the options, of options of options too, that are not to be shown."""
    found = set()
    for name, option in argument_spec.items():
        value = params.get(name)
        if option.get("no_log") and value:
            found.add(str(value))
        if isinstance(value, dict):
            found |= values_of_no_log(option.get("options") or {}, value)
    return found


def without(values: set[str], result: Any) -> Any:
    """A result without these values, however deep they are in it."""
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


def _starred(values, text):
    # The longest first: one may be a part of another.
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, _STARS)
    return text
