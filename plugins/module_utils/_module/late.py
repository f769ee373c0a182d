# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A function that is imported when it is called.

Ansible sends all files to which the import statements of a module lead. It does not follow this, which is for modules
that get their code in one piece (``_install/sent.py``).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from .spec import Act, Params, Result

if TYPE_CHECKING:
    from .._host import Host

_PACKAGE = __name__.rsplit(".", 2)[0]


def late(module: str, function: str) -> Act:
    """The function of a :class:`Spec`.

    :param module: of the module utils, such as ``_steps.put_program``.
    """

    def act(params: Params, host: Host, check_mode: bool) -> Result:
        called: Act = getattr(importlib.import_module(f"{_PACKAGE}.{module}"), function)
        return called(params, host, check_mode)

    return act
