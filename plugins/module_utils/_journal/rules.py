# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The rules that :mod:`schema` is made of. Pure.

A rule is a function of a path, which its messages name, and a value. It returns the problems as half sentences, none
when the value keeps to the rule.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Callable, Mapping, Optional

from .._errors import BluegreenError

Rule = Callable[[str, Any], "list[str]"]


def anything(path: str, value: Any) -> list[str]:
    return []


def text(longest: Optional[int] = None, printable: bool = False) -> Rule:
    """A string of at most ``longest`` characters."""

    def rule(path: str, value: Any) -> list[str]:
        if not isinstance(value, str):
            return [f"{path} is not a string"]
        if longest is not None and len(value) > longest:
            return [f"{path} has more than {longest} characters"]
        return [f"{path} holds control characters"] if printable and not value.isprintable() else []

    return rule


def whole_number(lowest: Optional[int] = None, highest: Optional[int] = None) -> Rule:
    def rule(path: str, value: Any) -> list[str]:
        if isinstance(value, bool) or not isinstance(value, int):
            return [f"{path} is not a whole number"]
        return _within(path, value, lowest, highest)

    return rule


def number(lowest: Optional[float] = None, highest: Optional[float] = None) -> Rule:
    def rule(path: str, value: Any) -> list[str]:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return [f"{path} is not a number"]
        return _within(path, value, lowest, highest)

    return rule


def _within(path: str, value: float, lowest: Optional[float], highest: Optional[float]) -> list[str]:
    if isinstance(value, float) and not math.isfinite(value):
        return [f"{path} is not a number"]
    if (lowest is not None and value < lowest) or (highest is not None and value > highest):
        return [f"{path} is out of range"]
    return []


def boolean(path: str, value: Any) -> list[str]:
    return [] if isinstance(value, bool) else [f"{path} is neither true nor false"]


def one_of(*choices: str) -> Rule:
    def rule(path: str, value: Any) -> list[str]:
        if isinstance(value, str) and value in choices:
            return []
        return [f"{path} is not one of {', '.join(json.dumps(choice) for choice in choices)}"]

    return rule


def accepted_by(check: Callable[[str, Any], object]) -> Rule:
    """Values that a function of :mod:`_validation` accepts.

    :param check: called as ``check(path, value)``; it raises :class:`BluegreenError` for a wrong value.
    """

    def rule(path: str, value: Any) -> list[str]:
        try:
            check(path, value)
        except BluegreenError:
            return [f"{path} is not a valid value"]
        return []

    return rule


def or_null(rule: Rule) -> Rule:
    return lambda path, value: [] if value is None else rule(path, value)


def matching(pattern: str) -> Rule:
    """Strings that a regular expression matches as a whole."""
    compiled = re.compile(pattern, re.ASCII)

    def rule(path: str, value: Any) -> list[str]:
        return [] if isinstance(value, str) and compiled.fullmatch(value) else [f"{path} is not a valid value"]

    return rule


def list_of(rule: Rule) -> Rule:
    def whole(path: str, value: Any) -> list[str]:
        if not isinstance(value, list):
            return [f"{path} is not a list"]
        return [problem for index, item in enumerate(value) for problem in rule(f"{path}[{index}]", item)]

    return whole


def map_of(key_rule: Rule, value_rule: Rule) -> Rule:
    """A mapping with any keys that keep to a rule."""

    def whole(path: str, value: Any) -> list[str]:
        if not isinstance(value, dict):
            return [f"{path} is not a mapping"]
        found: list[str] = []
        for key, item in value.items():
            wrong = key_rule(f"a key of {path}", key)
            found += wrong or value_rule(f"{path}.{key}", item)
        return found

    return whole


def record(
    required: Mapping[str, Rule], optional: Optional[Mapping[str, Rule]] = None, also: Optional[Rule] = None
) -> Rule:
    """A mapping with known keys; other keys beside them are allowed.

    :param also: a rule for the whole mapping, applied when its parts are valid.
    """

    def whole(path: str, value: Any) -> list[str]:
        if not isinstance(value, dict):
            return [f"{path} is not a mapping"]
        prefix = f"{path}." if path else ""
        found = [f"{prefix}{key} is missing" for key in required if key not in value]
        for rules in (required, optional or {}):
            for key, rule in rules.items():
                if key in value:
                    found += rule(f"{prefix}{key}", value[key])
        return found or (also(path, value) if also else [])

    return whole


def either(first: Rule, second: Rule) -> Rule:
    """Values that keep to one of two rules; where they keep to neither, the problems are those of the second."""
    return lambda path, value: second(path, value) if first(path, value) else []


def exactly(expected: Any) -> Rule:
    def rule(path: str, value: Any) -> list[str]:
        # 1 == True in Python, so the types are compared as well.
        return [] if type(value) is type(expected) and value == expected else [f"{path} is not {expected!r}"]

    return rule
