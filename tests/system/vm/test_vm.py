# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power cuts and clock jumps in the middle of deployments to an emulated computer (lab/vm.py), under a light load.

    make vm ARCH=amd64 CELLS=cut:cutover,clock:health:-3600       # without CELLS: the usual ones, half an hour

cut:STEP pulls the plug when the journal reaches the step, boots, and runs nothing by hand. A release that awaits approval then
is approved; at awaiting_approval it is taken back. clock:STEP:SECONDS sets the computer's clock so far ahead or back, and
lets the deployment go on. The report is docs/results/vm.md for arm64, else tests/system/vm/.run/<arch>/report.md, where the
logs are too.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from vm_show import Cell, Show

# Not in `make test-all` either: the computer has to be built first (lab/setup vm-arm64).
pytestmark = pytest.mark.long


def test_cell(show: Show, cell: Cell) -> None:
    if show.had(cell):
        pytest.skip("measured before on this computer")
    assert show.cell(*cell)["wrong"] == ""


def test_no_request_failed_and_no_task_was_lost(show: Show, record_property: Callable[[str, object], None]) -> None:
    show.count()
    counted = show.figures["load"]
    for name in ("requests", "failed", "lost", "doubled"):
        record_property(name, counted[name])
    record_property("tasks", counted["accepted"])
    assert (counted["failed"], counted["lost"], counted["doubled"]) == (0, 0, 0), counted["failures"]
