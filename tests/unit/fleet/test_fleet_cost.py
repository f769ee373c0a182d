# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make fleet-cost` makes of its figures."""

from __future__ import annotations

from cost_report import at_a_time, grown, many, report

STATUS = [
    {"hosts": 1, "forks": 5, "seconds": 2.0, "cpu_s": 1.5, "mib": 100.0},
    {"hosts": 200, "forks": 5, "seconds": 41.8, "cpu_s": 21.4, "mib": 200.0},
    {"hosts": 200, "forks": 50, "seconds": 21.9, "cpu_s": 21.4, "mib": 900.0},
]
DEPLOY = [
    {"hosts": 1, "forks": 5, "serial": "100%", "seconds": 20.0, "cpu_s": 6.0, "mib": 120.0},
    {"hosts": 10, "forks": 5, "serial": [1, "25%", "100%"], "seconds": 90.0, "cpu_s": 40.0, "mib": 220.0},
]
FIGURES = {
    "begun": 1764140400.0, "seconds": 600.0, "processors": 2, "real": 10, "ansible": "2.19.4", "status": STATUS, "deploy": DEPLOY,
}  # fmt: skip


def test_what_more_hosts_cost_grows_with_them_and_the_start_does_not():
    assert round(grown(STATUS[0], STATUS[1], "seconds"), 1) == 2.0 + 999 * 0.2
    assert round(grown(STATUS[0], STATUS[1], "cpu_s"), 1) == 1.5 + 999 * 0.1


def test_a_processor_keeps_so_many_hosts_going_as_it_has_seconds_for():
    # 20 s a host, 4 s of them the controller's.
    assert at_a_time(DEPLOY) == 5.0


def test_only_the_longest_inventory_is_carried_on():
    assert [run["forks"] for run in many(STATUS)] == [5, 50]


def test_the_report_shows_each_run():
    text = report(FIGURES)
    assert "in 10 minutes" in text
    assert "| 200 | 50 | 21.9 | 21.4 | 0.11 | 900 |" in text
    assert "| 50 | 102 | 101 |" in text
    assert "| controller, processor seconds a host | 2.1 s | ≤ 1.2 s | 4.00 s | **not met** |" in text
    assert "| 10 | 5 | 1, 25%, 100% | 90.0 | 40.0 | 4.00 | 220 |" in text
    assert "one processor keeps 5 hosts at a time going" in text
