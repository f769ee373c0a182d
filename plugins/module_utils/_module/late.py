# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A step that is imported when it is called, by name.

Ansible sends each file to which the import statements of a module lead, and compresses each by itself. It does not see
this import. So a module with much code gets that in one piece from its action plugin (``_install/sent.py``), which is a
third smaller.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from .spec import Act, Params, Result

if TYPE_CHECKING:
    from .._host import Host

_PACKAGE = __name__.rsplit(".", 2)[0]


class Late:
    """``act`` of a :class:`Spec`.

    :ivar module: the module util of the function, such as ``_steps.put_program``.
    """

    def __init__(self, module: str, function: str) -> None:
        self.module = module
        self._function = function

    def __call__(self, params: Params, host: Host, check_mode: bool) -> Result:
        act: Act = getattr(importlib.import_module(f"{_PACKAGE}.{self.module}"), self._function)
        return act(params, host, check_mode)
