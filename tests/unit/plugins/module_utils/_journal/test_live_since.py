# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.live_since import live_since


def ended(to, result="committed", started="2026-11-20T09:15:02Z", **changes):
    # Approved three days later; the seconds of finish are those after that.
    seconds = {"open": 0.9, "fetch": 14.2, "health": 3.0, "cutover": 0.9, "settle": 8.0, "finish": 2.0}
    ended = "2026-11-23T10:00:00Z"
    return {"to": to, "result": result, "started": started, "ended": ended, "seconds": seconds, **changes}


def opened(to="green", proved="green"):
    seconds = {"open": 1.0, "cutover": 0.5}
    return {"to": to, "opened_at": 1795435200.0, "seconds": seconds, "cutover": {"proved": proved}}


LIVE = "2026-11-20T09:15:21Z"


def test_it_is_the_cutover_and_not_the_approval():
    assert live_since("green", None, [ended("green")]) == LIVE


@pytest.mark.parametrize("result", ["rolled_back", "failed"])
def test_what_came_to_nothing_does_not_count(result):
    assert live_since("green", None, [ended("green"), ended("blue", result, "2026-11-21T09:15:02Z")]) == LIVE


@pytest.mark.parametrize(
    "history",
    [
        [],
        [ended("blue")],
        # It went to blue after that, and somebody else went back.
        [ended("green"), ended("blue")],
        [ended("green", started="")],
        [{"result": "committed"}],
    ],
)
def test_nobody_noted_it(history):
    assert live_since("green", None, history) == ""


def test_an_entry_without_seconds_counts_from_its_start():
    assert live_since("green", None, [{"to": "green", "result": "committed", "started": "2026-11-20T09:15:02Z"}]) == (
        "2026-11-20T09:15:02Z"
    )


def test_what_the_cutover_noted_counts_and_not_the_sum_of_its_steps():
    noted = "2026-11-20T09:17:00Z"
    assert live_since("green", None, [ended("green", live_at=noted)]) == noted
    assert live_since("green", {**opened(), "live_at": 1795435290.0}, [ended("blue")]) == "2026-11-23T12:01:30Z"


def test_the_deployment_that_is_open_once_its_cutover_is_proved():
    assert live_since("green", opened(), [ended("blue")]) == "2026-11-23T12:00:01Z"
    assert live_since("blue", opened(proved=""), [ended("blue")]) == LIVE
    assert live_since("blue", {**opened(), "cutover": None}, [ended("blue")]) == LIVE
