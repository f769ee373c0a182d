# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The module bg_info."""

from __future__ import annotations

from .._deployment import status as deployment_status
from .._host import Host
from .._journal.store import Store
from .._module.settings import SETTINGS_OPTIONS
from .._module.spec import Params, Result, Spec
from .._validation import check_app


def info(params: Params, host: Host, check_mode: bool) -> Result:
    """Show the state of an app."""
    return deployment_status.info(host, Store(check_app(params["app"], "bluegreen_app"), host), params)


SPEC = Spec(info, SETTINGS_OPTIONS, hidden=[("colors", "blue", "env"), ("colors", "green", "env")])
