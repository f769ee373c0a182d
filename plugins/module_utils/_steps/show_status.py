# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What bg_info does."""

from __future__ import annotations

from .._deployment import status as deployment_status
from .._host import Host
from .._journal.store import Store
from .._module.spec import Params, Result
from .._validation import check_app


def info(params: Params, host: Host, check_mode: bool) -> Result:
    """Show the state of an app."""
    return deployment_status.info(host, Store(check_app(params["app"], "bluegreen_app"), host), params)
