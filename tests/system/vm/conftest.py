# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One emulated computer for all tests, turned on and deployed to before the first of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from vm_show import LIMITS, Show, parse_cell

CELLS = (
    "cut:stop_workers",
    "cut:cutover",
    "cut:start_workers",
    "cut:awaiting_approval",
    "cut:health",
    "clock:health:3600",
    "clock:start_workers:-3600",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--arch", choices=sorted(LIMITS), default="arm64", help="of the emulated computer (default: arm64)")
    parser.addoption("--cells", type=lambda text: [parse_cell(each) for each in text.split(",")], metavar="CELL,…",
                     help="cut:STEP, clock:STEP:SECONDS")
    parser.addoption("--keep", action="store_true", help="leave the computer on, to look at it with lab/vm.py, and go on with it")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cell" in metafunc.fixturenames:
        metafunc.parametrize("cell", metafunc.config.getoption("cells") or [*map(parse_cell, CELLS)], ids=str)


@pytest.fixture(scope="session")
def show(pytestconfig: pytest.Config) -> Iterator[Show]:
    keep = pytestconfig.getoption("keep")
    made = Show(pytestconfig.getoption("arch"))
    ended = "It was stopped."
    try:
        made.begin(go_on=keep)
        yield made
        ended = "" if "load" in made.figures else "It was stopped before requests and tasks were counted."
    except Exception as error:
        ended = str(error)
        raise
    finally:
        made.end(ended, keep)
