# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What the module bg_info does."""

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._info import info
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import Store
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._settings import ARGUMENTS, check_app
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._spec import Spec


def show(params, host, check_mode):
    return info(host, Store(check_app(params["app"], "bluegreen_app"), host), params)


SPEC = Spec(show, ARGUMENTS, hidden=[("colors", "blue", "env"), ("colors", "green", "env")])
