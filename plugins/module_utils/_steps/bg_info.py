# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What the module bg_info does."""

from __future__ import annotations

from .._deployment.status import info
from .._journal.store import Store
from .._module.spec import Spec
from .._settings import ARGUMENTS, check_app


def show(params, host, check_mode):
    return info(host, Store(check_app(params["app"], "bluegreen_app"), host), params)


SPEC = Spec(show, ARGUMENTS, hidden=[("colors", "blue", "env"), ("colors", "green", "env")])
