# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Figures and times for people. Pure."""

from __future__ import annotations


def size(count: float) -> str:
    """Bytes, such as ``410 MiB`` or ``12.3 GiB``."""
    mib = count / 1024**2
    return f"{mib:.0f} MiB" if mib < 1000 else f"{mib / 1024:.1f} GiB"


def words(name: str) -> str:
    """The name of a state or a result in words, such as ``in progress``."""
    return name.replace("_", " ")


def moment(stamp: str, at: str) -> str:
    """A short timestamp, in UTC: month, day and minute, or only the date if it is of another year than ``at``."""
    date, dummy, clock = stamp.partition("T")
    return f"{date[5:]} {clock[:5]}" if date[:4] == at[:4] else date
