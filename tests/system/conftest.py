# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests on Pi-sized hosts share: a host of their own, and the sum of what was counted."""

from __future__ import annotations

import collections
import signal
from collections.abc import Callable, Iterator

import pytest
from pi_host import PiHost, own_name

COUNTED = ("requests", "failed", "tasks", "lost", "doubled")


@pytest.fixture(scope="session", autouse=True)
def lab(lab_setup: Callable[..., None]) -> None:
    """The engine, the images of hosts and of the app."""
    lab_setup("all")


@pytest.fixture(scope="module")
def host(request: pytest.FixtureRequest) -> Iterator[PiHost]:
    """A prepared host with release 1 of the demo's app, for the tests of one file."""
    with PiHost(own_name(request.path.parent.name)) as pi:
        pi.make()
        yield pi


def pytest_configure() -> None:
    # Ended as by Ctrl+C, which leaves no host behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the tests counted of requests and tasks (record_property)."""
    sums: collections.Counter[str] = collections.Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport) and report.when == "call":
                sums.update({name: value for name, value in report.user_properties if name in COUNTED})
    if sums:
        terminalreporter.write_line(", ".join(f"{sums[name]} {name}" for name in COUNTED))
