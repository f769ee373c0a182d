# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import drain as nginx_drain

CUTOVER = {"nginx_workers": [[10, 100], [11, 100]], "at": 990.0}


@pytest.fixture
def processes(monkeypatch):
    """Start times of the processes that are there; changed by the test while time passes."""
    alive = {10: 100, 11: 100}
    monkeypatch.setattr(nginx_drain, "process_start", alive.get)
    monkeypatch.setattr(nginx_drain, "_holder", lambda pid, since: f"{pid} for {since:g}")
    return alive


def test_drained_at_once(host, journal, processes):
    processes.clear()
    journal.data["cutover"] = CUTOVER
    assert nginx_drain.wait_drained(host, journal) == (True, [], 0.0)
    assert journal.lives == 0


def test_drained_when_the_last_one_ends(host, journal, processes, reported):
    journal.data["cutover"] = CUTOVER
    del processes[10]
    sleep = host.clock.sleep

    def pass_time(seconds):
        sleep(seconds)
        if host.clock.now >= 1002.0:
            processes.clear()

    host.clock.sleep = pass_time
    drained = nginx_drain.wait_drained(host, journal, timeout=30)
    assert drained.drained
    assert list(reported) == ["1 of 2 worker processes of Nginx from before the switch still serve requests"]
    assert 2.0 <= drained.seconds < 2.3
    assert journal.lives > 10


def test_what_is_left_at_the_end_is_named_with_the_time_since_the_switch(host, journal, processes):
    journal.data["cutover"] = CUTOVER
    assert nginx_drain.wait_drained(host, journal, timeout=5) == (False, ["10 for 15", "11 for 15"], 5.0)


def test_a_pid_that_was_given_out_again_holds_nothing(host, journal, processes):
    processes.update({10: 101, 11: 102})
    journal.data["cutover"] = CUTOVER
    assert nginx_drain.wait_drained(host, journal, timeout=5).drained


def test_workers_as_given(host, journal, processes):
    assert nginx_drain.wait_drained(host, journal, [[11, 100]], timeout=0) == (False, ["11 for 0"], 0.0)
    assert nginx_drain.wait_drained(host, journal, timeout=0).drained


@pytest.mark.parametrize(
    "clients, expected",
    [
        ([], "worker process 7 of Nginx still runs 37 s after the switch, without any client"),
        (
            [("192.0.2.7", 50412)],
            "worker process 7 of Nginx has been serving a websocket or long request of 192.0.2.7:50412 since the "
            "switch, 37 s ago",
        ),
        (
            [("::1", 1), ("10.0.0.1", 2), ("10.0.0.1", 3), ("10.0.0.1", 4), ("10.0.0.1", 5)],
            "worker process 7 of Nginx has been serving a websocket or long request of [::1]:1, 10.0.0.1:2, "
            "10.0.0.1:3 and 2 more since the switch, 37 s ago",
        ),
    ],
)
def test_held_sentence(clients, expected):
    assert nginx_drain.held_sentence(7, clients, 37.2) == expected
