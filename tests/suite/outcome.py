# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a part of the suite comes to, and how that is told."""

from __future__ import annotations

from typing import NamedTuple


class Outcome(NamedTuple):
    name: str
    passed: int
    failed: int
    skipped: int = 0
    seconds: float = 0.0
    logs: tuple = ()  # of what failed, in the order in which they are worth reading
    notes: tuple = ()  # why something was skipped

    def line(self):
        text = f"{self.name}: {self.passed} passed, {self.failed} failed, {self.skipped} skipped"
        return f"{text} ({self.seconds:.0f} s)" + "".join(f"\n  {note}" for note in self.notes)


def totals(outcomes):
    skipped = sum(o.skipped for o in outcomes)
    text = f"{sum(o.passed for o in outcomes)} passed, {sum(o.failed for o in outcomes)} failed"
    return text + (f", {skipped} skipped" if skipped else "")
