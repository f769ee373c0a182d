# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Options that are paths: validated on the controller, and expanded on the host."""

from __future__ import annotations

import os
from typing import Any

from .spec import ArgumentSpec, Params


def paths_as_text(argument_spec: ArgumentSpec) -> ArgumentSpec:
    """The same arguments with paths as plain texts, to be validated on the controller: a ``~`` is one of the host."""
    return {name: _as_text(option) for name, option in argument_spec.items()}


def expand_paths(argument_spec: ArgumentSpec, params: Params) -> Params:
    """Parameters that were validated with :func:`paths_as_text`, with ``~`` and variables of this host expanded."""
    return {name: _expanded(argument_spec.get(name, {}), value) for name, value in params.items()}


def _as_text(option: dict[str, Any]) -> dict[str, Any]:
    if option.get("type") == "path":
        return {**option, "type": "str"}
    if option.get("elements") == "path":
        return {**option, "elements": "str"}
    if "options" in option:
        return {**option, "options": paths_as_text(option["options"])}
    return option


def _expanded(option: dict[str, Any], value: Any) -> Any:
    if option.get("type") == "path" and value is not None:
        return os.path.expanduser(os.path.expandvars(value))
    if option.get("elements") == "path" and value is not None:
        return [os.path.expanduser(os.path.expandvars(item)) for item in value]
    if "options" in option and isinstance(value, dict):
        return expand_paths(option["options"], value)
    return value
