# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures cells on the worker's own host, and keeps what was measured."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from typing import Any

import matrix_report
import pytest
import results
from controllers import ROOT
from matrix import Kind
from pi_host import RUN, PiHost, own_name
from screen import this_machine
from worker_host import WorkerHost

REPORT = ROOT / "docs/results/faults.md"

Perform = Callable[[PiHost], dict[str, Any]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--matrix", action="store_true", help="leave out cells that an earlier run found right, unless there is "
                     "a -k, and write docs/results/faults.md of all that was measured")


@pytest.fixture(scope="session")
def worker_host(lab_setup: Callable[..., None]) -> Iterator[WorkerHost]:
    lab_setup("venv-runner")
    name = own_name("faults")
    RUN.mkdir(exist_ok=True)
    with open(RUN / f"{name}.lock", "w", encoding="utf-8") as lock:
        # Fails where another run of this checkout has the host of that name, which would be taken away from it.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        host = WorkerHost(name)
        try:
            yield host
        finally:
            host.destroy()


@pytest.fixture
def measure(
    worker_host: WorkerHost, record_property: Callable[[str, object], None], pytestconfig: pytest.Config
) -> Callable[[str, Kind, Perform], None]:
    """Run a cell on a host of the kind that it needs, keep its result, and fail with what is wrong in it."""

    def measured(name: str, kind: Kind, perform: Perform) -> None:
        if pytestconfig.getoption("matrix", False) and not pytestconfig.getoption("keyword"):
            if results.read().get(name, {"wrong": True})["wrong"] == []:
                pytest.skip("measured before, and right")
        with worker_host.lent(kind) as pi:
            result = perform(pi)
            results.add(result)
            for counted, value in matrix_report.counts(result).items():
                record_property(counted, value)
            if result["wrong"]:
                pytest.fail(f"{'; '.join(result['wrong'])}. More is in {result.get('evidence') or pi.folder}.", pytrace=False)

    return measured


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    known = results.read()
    if config.getoption("matrix", False) and known:
        REPORT.write_text(matrix_report.report(known, this_machine()), encoding="utf-8")
        terminalreporter.write_line(f"{matrix_report.sums(known)}\nThe report is {REPORT.relative_to(ROOT)}.")
