# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The module bg_info."""

from __future__ import annotations

from .._module.late import Late
from .._module.settings import SETTINGS_OPTIONS
from .._module.spec import Spec

SPEC = Spec(
    Late("_steps.show_status", "info"),
    SETTINGS_OPTIONS,
    hidden=[("colors", "blue", "env"), ("colors", "green", "env")],
)
