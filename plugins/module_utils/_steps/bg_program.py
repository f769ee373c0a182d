# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The module bg_program."""

from __future__ import annotations

from .._module.late import Late
from .._module.spec import Spec

SPEC = Spec(Late("_steps.put_program", "program"), {})
