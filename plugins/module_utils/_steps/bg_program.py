# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The module bg_program."""

from __future__ import annotations

from .._module.late import late
from .._module.spec import Spec

SPEC = Spec(late("_steps.put_program", "program"), {})
