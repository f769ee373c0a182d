# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory that an app holds: BALLAST_MIB once it is loaded, BALLAST_CHILD_MIB more in each process that it forks."""

from __future__ import annotations

import os

MIB = 1024 * 1024

# Not zeros: the kernel gives no memory for those before somebody writes to it.
ballast = [b"x" * (int(os.environ.get("BALLAST_MIB", "0")) * MIB)]


def _take_more():
    ballast.append(b"x" * (int(os.environ.get("BALLAST_CHILD_MIB", "0")) * MIB))


os.register_at_fork(after_in_child=_take_more)
