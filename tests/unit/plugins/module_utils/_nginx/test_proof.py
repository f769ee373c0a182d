# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import proof as nginx_proof
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.master import NginxWorker
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.proof import Evidence

# Worker processes

OLD, NEW, DRAINING = NginxWorker(10, 100), NginxWorker(20, 200), NginxWorker(10, 100, draining=True)
OLDER = NginxWorker(9, 99)


@pytest.mark.parametrize(
    "noted, now, proved, words",
    [
        ([OLD], [NEW], True, ""),
        ([OLD], [DRAINING, NEW], True, ""),
        ([], [NEW], True, ""),
        ([OLD], [OLD], False, "no new worker process"),
        ([OLD], [], False, "no new worker process"),
        ([OLD], [DRAINING], False, "no new worker process"),
        ([OLD], [NginxWorker(20, 200, draining=True)], False, "no new worker process"),
        ([OLD], [OLD, NEW], False, "worker process 10 still accepts"),
        ([OLD, OLDER], [OLD, OLDER, NEW], False, "worker processes 10 and 9 still accept requests"),
        # The kernel gave the pid out again.
        ([OLD], [NginxWorker(10, 101)], True, ""),
    ],
)
def test_workers_verdict(noted, now, proved, words):
    verdict = nginx_proof.workers_verdict(noted, now)
    assert verdict.proved is proved
    assert words in verdict.reason


def test_has_new_workers():
    assert not nginx_proof.has_new_workers([OLD], [OLD])
    assert not nginx_proof.has_new_workers([OLD, NEW], [OLD])
    assert nginx_proof.has_new_workers([OLD], [OLD, NEW])


# Connections


@pytest.mark.parametrize(
    "blue, green, requests, served",
    [
        (Evidence(), Evidence(owned=1, seen=1), 1, "green"),
        (Evidence(), Evidence(seen=3), 3, "green"),
        (Evidence(), Evidence(seen=5), 10, "green"),
        # A monitor may ask a color's port now and then.
        (Evidence(), Evidence(seen=2), 2, None),
        (Evidence(), Evidence(seen=4), 10, None),
        (Evidence(), Evidence(), 10, None),
        (Evidence(owned=1), Evidence(), 1, "blue"),
        (Evidence(owned=1), Evidence(owned=1), 2, None),
    ],
)
def test_color_reached(blue, green, requests, served):
    evidence = {"blue": blue, "green": green}
    assert nginx_proof.color_reached(evidence, requests) == served
    verdict = nginx_proof.connections_verdict("green", evidence, requests, [200])
    assert verdict.proved is (served == "green" or green.owned > 0)


def test_connections_verdict_says_what_was_seen_instead():
    nothing = {"blue": Evidence(), "green": Evidence()}
    wrong = {"blue": Evidence(owned=1), "green": Evidence()}
    assert nginx_proof.connections_verdict("green", wrong, 2, [200, 404]).reason == (
        "requests through the public URL reached blue and not green; the last answer was 404"
    )
    assert nginx_proof.connections_verdict("green", nothing, 1, ["connection refused"]).reason == (
        "of 1 requests through the public URL none opened a connection to green; the last answer was connection refused"
    )
