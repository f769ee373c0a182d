# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _strategy
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources import MIB
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._strategy import Room


def room(free, web=100, workers=80):
    return Room(free * MIB, web * MIB, workers * MIB)


@pytest.mark.parametrize(
    "wanted, free, broker, run, strategy, reason",
    [
        ("stop", 1000, "color", True, "stop", ""),
        ("throttle", 0, "shared", True, "throttle", ""),
        # 100 + 80 + 64 to spare.
        (
            "auto",
            244,
            "color",
            True,
            "throttle",
            "auto chose throttle: the new color needs 244 MiB beside the old one, 64 MiB of them to spare, and 244 MiB are free",
        ),
        (
            "auto",
            243,
            "color",
            True,
            "stop",
            "auto chose stop: the new color needs 244 MiB beside the old one, 64 MiB of them to spare, and 243 MiB are free",
        ),
        (
            "auto",
            1000,
            "shared",
            True,
            "stop",
            "auto chose stop: with one broker for both colors the old workers would discard tasks that only the new release "
            "knows",
        ),
        # Nobody is there to be throttled.
        ("auto", 1000, "none", False, "stop", ""),
        ("throttle", 1000, "color", False, "stop", ""),
    ],
)
def test_decide(wanted, free, broker, run, strategy, reason):
    assert _strategy.decide(wanted, room(free), broker, run) == (strategy, reason)


def test_an_engine_without_memory_cgroups_is_no_host_with_room():
    assert _strategy.decide("auto", room(1000, 0, 0), "color", True) == (
        "stop",
        "auto chose stop: the engine does not tell how much memory the containers hold",
    )


@pytest.mark.parametrize("free, web, workers", [(100, 100, 0), (60, 100, 40), (0, 0, 0)])
def test_just_enough_memory_is_enough_when_the_workers_stop(free, web, workers):
    assert _strategy.memory_finding("stop", room(free, web, workers)) == ""


def test_too_little_memory_names_the_figures():
    assert _strategy.memory_finding("stop", room(10, 31, 20)) == (
        "Not enough memory for a second web: 31 MiB needed (what the live color's web and support services hold now), 10 MiB "
        "free and 20 MiB more once the old workers have stopped. Free memory on this host, or give the app fewer web "
        "processes."
    )
    assert "0 MiB free" in _strategy.memory_finding("stop", room(-5, 1, 0))


def test_throttled_workers_give_no_memory_back():
    assert _strategy.memory_finding("throttle", room(244)) == ""
    assert _strategy.memory_finding("stop", room(243)) == ""
    assert _strategy.memory_finding("throttle", room(243)) == (
        "bluegreen_worker_strategy is throttle, which leaves the old workers in memory, but 244 MiB are needed beside them "
        "(what the live color holds now, and 64 MiB to spare) and 243 MiB are free: set it to stop or auto, or free memory on "
        "this host."
    )


@pytest.mark.parametrize(
    "strategy, broker, warned",
    [("throttle", "shared", True), ("throttle", "color", False), ("stop", "shared", False)],
)
def test_old_workers_beside_the_new_web_at_one_broker_are_warned_of(strategy, broker, warned):
    assert ("discard tasks that only the new release knows" in _strategy.warning(strategy, broker)) is warned
