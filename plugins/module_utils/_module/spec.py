# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The arguments and the function of a bg_ module, which runs in Ansible or in the program on the host."""

from __future__ import annotations

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
# The argument with the code of a module that gets it in one piece; no option, and no playbook may use it.
SOURCES = "_sources"
# Seconds that containers of a role get to come up.
START_TIMEOUT = 120
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
