# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The arguments and the function of a bg_ module, which runs in Ansible or in the program on the host."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable, Dict, NamedTuple, Sequence, Tuple

from .._docker.engine import DEFAULT_DOCKER_HOST

if TYPE_CHECKING:
    from .._host import Host

# Arguments as Ansible wants them: options by name.
ArgumentSpec = Dict[str, Dict[str, Any]]
# The parameters and the result of a module.
Params = Dict[str, Any]
Result = Dict[str, Any]
# Called with the parameters, a Host and whether it is check mode; returns the result, or raises BluegreenError.
Act = Callable[[Params, "Host", bool], Result]

COMMON_ARGUMENTS: ArgumentSpec = {
    "app": {"type": "str", "required": True},
    "deployment_id": {"type": "str", "default": ""},
    "epoch": {"type": "int", "default": 0},
    "docker_host": {"type": "str", "default": DEFAULT_DOCKER_HOST},
}
# The private option with the code of a module that gets it in one piece; see _install/sent.py.
SOURCES = "_sources"
# How to reach the broker of one color, or of both.
BROKER_OPTIONS: ArgumentSpec = {
    "service": {"type": "str", "default": "redis"},
    "url": {"type": "str", "default": "", "no_log": True},
}


class Spec(NamedTuple):
    """A bg_ module, apart from Ansible.

    ``act`` does its work. ``arguments`` are its own, beside :data:`COMMON_ARGUMENTS`. ``hidden`` are paths of dict
    options whose values are secrets. ``required_if`` is as in Ansible.
    """

    act: Act
    arguments: ArgumentSpec
    hidden: Sequence[Tuple[str, ...]] = ()
    required_if: Sequence[Tuple[Any, ...]] = ()

    @property
    def argument_spec(self) -> ArgumentSpec:
        """All arguments, as Ansible wants them."""
        return {**COMMON_ARGUMENTS, **self.arguments}


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
