# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The module bg_start."""

from __future__ import annotations

from .._docker.containers import ROLES
from .._module.late import Late
from .._module.spec import BROKER_OPTIONS, START_TIMEOUT, ArgumentSpec, Spec

_NAMES = {"type": "list", "elements": "str"}
ARGUMENTS: ArgumentSpec = {
    "project": {"type": "str", "required": True},
    "services": {"type": "dict", "required": True, "options": {role: dict(_NAMES) for role in ROLES}},
    "before_stop": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": True},
    "timeout": {"type": "float", "default": START_TIMEOUT},
    "replaces": {"type": "str", "default": ""},
    "broker": {"type": "dict", "options": BROKER_OPTIONS},
}

SPEC = Spec(Late("_steps.start_services", "start"), ARGUMENTS)
