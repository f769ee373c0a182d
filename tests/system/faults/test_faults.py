# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fault matrix: every fault at every phase of a deployment, under load, on Pi-sized hosts, and two parts beside it.

    make faults ONLY=kill:health,power      # some cells;  without ONLY: all of them, an hour
    .venv/bin/pytest tests/system/faults -m "not matrix"    # what `make test` runs

A cell passes when the host ends whole by itself, with no request failed and no task lost. What was measured, the logs, and
of each failed cell a file with all that the host had to say are in tests/system/faults/.run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import further
import pytest
import results
from matrix import REPRESENTATIVE, Cell, Kind, cells
from pi_host import PiHost
from trial import Trial

Measure = Callable[[str, Kind, Callable[[PiHost], dict[str, Any]]], None]
MATRIX = (pytest.mark.matrix,)


@pytest.mark.parametrize(
    ("number", "cell"),
    [pytest.param(number, cell, id=cell.name, marks=() if cell in REPRESENTATIVE else MATRIX) for number, cell in enumerate(cells())],
)
def test_cell(measure: Measure, number: int, cell: Cell) -> None:
    def perform(pi: PiHost) -> dict[str, Any]:
        result = Trial(pi, cell, number).run()
        if "missed" in result:
            # On a busy machine a deployment may be too slow for its own deadlines.
            result = {**Trial(pi, cell, number).run(), "missed_before": result["missed"]}
        return result

    measure(cell.name, cell.kind, perform)


@pytest.mark.matrix
@pytest.mark.parametrize("number", range(1, further.TWICE + 1), ids="twice-{}".format)
def test_of_two_deployments_at_once_one_goes_on_and_the_other_one_names_it(measure: Measure, number: int) -> None:
    measure(f"twice-{number}", Kind(), lambda pi: further.twice(pi, number))


@pytest.mark.matrix
@pytest.mark.parametrize("number", range(1, len(further.kills()) + 1), ids="killed-{}".format)
def test_a_recovery_that_is_killed_again_and_again_ends_as_one_that_is_not(measure: Measure, number: int) -> None:
    phase, _delays = further.kills()[number - 1]
    measure(f"killed-{number}", Kind(), lambda pi: further.killed(pi, number, results.read().get(f"kill:{phase}")))
