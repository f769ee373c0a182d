# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import Container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._health import verdict as health_verdict
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._health.verdict import Tally
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._http import Answer

WEB = Container(
    **{
        **dict.fromkeys(Container._fields),
        "id": "w1",
        "name": "shop-green-web-1",
        "status": "running",
        "health": "",
        "exit_code": 0,
        "restart_count": 0,
        "oom_killed": False,
        "started_at": "2026-11-23T17:00:00Z",
    }
)


@pytest.mark.parametrize(
    "before, answer, expected",
    [
        (Tally(), Answer(200, "", 0.0123), Tally(1, 1, 200, 12, "")),
        (Tally(4, 1, 200), Answer(200, "", 0.1), Tally(5, 2, 200, 100, "")),
        (Tally(4, 3, 200), Answer(500, "", 0.1), Tally(5, 0, 500, 100, "answered with status 500, not 200 or 204")),
        (Tally(4, 3, 200), Answer(301, "", 0.1), Tally(5, 0, 301, 100, "answered with status 301, not 200 or 204")),
        (Tally(4, 3, 200), Answer(0, "connection refused", 0.0), Tally(5, 0, 0, 0, "connection refused")),
    ],
)
def test_count(before, answer, expected):
    assert health_verdict.count(before, answer, (200, 204)) == expected


@pytest.mark.parametrize(
    "change, what",
    [
        ({}, ""),
        ({"health": "starting"}, ""),
        ({"health": "healthy"}, ""),
        ({"status": "exited", "exit_code": 1}, "exited with code 1"),
        ({"status": "exited", "exit_code": 0}, "exited with code 0"),
        ({"status": "dead", "exit_code": 137, "oom_killed": True}, "was killed for memory"),
        ({"status": "restarting", "exit_code": 3}, "restarted (exit code 3)"),
        ({"restart_count": 1, "exit_code": 3}, "restarted (exit code 3)"),
        ({"started_at": "2026-11-23T17:00:09Z"}, "was restarted by somebody else"),
        ({"health": "unhealthy"}, "is unhealthy according to its own health check"),
    ],
)
def test_trouble(change, what):
    assert health_verdict.trouble(WEB, WEB._replace(**change)) == what


def test_a_container_that_is_gone_is_trouble():
    assert health_verdict.trouble(WEB, None) == "was removed"


@pytest.mark.parametrize(
    "tally, end",
    [
        (
            Tally(170, 0, 500, 3, "answered with status 500, not 200"),
            "the last of 170 attempts answered with status 500, not 200.",
        ),
        (Tally(20, 0, 0, 2000, "timed out after 2 s"), "the last of 20 attempts ended with: timed out after 2 s."),
        (Tally(1, 1, 200, 3), "the only attempt ended with: 1 of 2 good answers in a row."),
    ],
)
def test_too_late_names_the_last_thing_seen(tally, end):
    assert health_verdict.too_late("http://a/", 60.0, "deadline", 2, tally) == (
        f"http://a/ did not become healthy within 60 s (deadline); {end}"
    )
    # Of a color that was healthy before, the user has not set the time.
    assert health_verdict.too_late("http://a/", 6.9, "", 2, tally) == (
        f"http://a/ did not become healthy within 6.9 s; {end}"
    )
