# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that were started with a mark in their environment, wherever they and their children went."""

from __future__ import annotations

import contextlib
import glob


def marked(name, value):
    """Numbers of the processes that have this variable."""
    wanted = f"{name}={value}".encode()
    found = []
    for path in glob.glob("/proc/[0-9]*/environ"):
        with contextlib.suppress(OSError), open(path, "rb") as environ:
            if wanted in environ.read().split(b"\0"):
                found.append(int(path.split("/")[2]))
    return found
