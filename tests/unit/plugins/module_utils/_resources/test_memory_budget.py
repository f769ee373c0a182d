# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources import memory_budget
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources.disk import MIB
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources.memory_budget import Decision, Room


def room(free, web=90, support=10, workers=80, app=0):
    return Room(free * MIB, web * MIB, support * MIB, workers * MIB, app * MIB)


def decided(strategy="stop", old_web="running"):
    return Decision(strategy, "", old_web, "")


# The old workers


@pytest.mark.parametrize(
    "wanted, free, broker, run, strategy, reason",
    [
        ("stop", 1000, "color", True, "stop", ""),
        ("throttle", 0, "shared", True, "throttle", ""),
        # 90 + 10 + 80 + 64 to spare.
        (
            "auto",
            244,
            "color",
            True,
            "throttle",
            "auto chose throttle, because the new color needs 244 MiB (including a reserve of 64 MiB), and 244 "
            "MiB are free while the old color runs",
        ),
        (
            "auto",
            243,
            "color",
            True,
            "stop",
            "auto chose stop, because the new color needs 244 MiB (including a reserve of 64 MiB), and 243 MiB "
            "are free while the old color runs",
        ),
        (
            "auto",
            1000,
            "shared",
            True,
            "stop",
            "auto chose stop, because with one broker for both colors the old workers would discard tasks that "
            "only the new release knows",
        ),
        # Nobody is there to be throttled.
        ("auto", 1000, "none", False, "stop", ""),
        ("throttle", 1000, "color", False, "stop", ""),
    ],
)
def test_what_becomes_of_the_old_workers(wanted, free, broker, run, strategy, reason):
    assert memory_budget.decide(wanted, "auto", room(free), broker, run)[:2] == (strategy, reason)


def test_where_nothing_tells_what_the_containers_hold_nothing_is_reckoned_with():
    silent = room(0, 0, 0, 0)
    decision = memory_budget.decide("auto", "auto", silent, "color", True)
    assert decision == Decision(
        "stop", "auto chose stop, because the memory that the containers hold is unknown", "running", ""
    )
    assert memory_budget.finding(decision, silent) == ""
    assert memory_budget.needs(silent, decision, asks_names=True) == []


@pytest.mark.parametrize(
    "strategy, broker, warned",
    [("throttle", "shared", True), ("throttle", "color", False), ("stop", "shared", False)],
)
def test_that_old_workers_at_one_broker_may_be_stopped_instead_is_warned_of(strategy, broker, warned):
    assert ("the deployment stops the old workers instead" in memory_budget.warning(strategy, broker)) is warned


# The old web: the new workers have what the old ones held, less the new web. 90 + 10 + 64 beside two webs.


@pytest.mark.parametrize(
    "wanted, strategy, given, old_web",
    [
        ("auto", "stop", room(164), "running"),
        ("auto", "stop", room(163), "stopped"),
        ("running", "stop", room(0), "running"),
        ("stopped", "stop", room(1000), "stopped"),
        # Whoever throttles has room for all of both colors.
        ("auto", "auto", room(244), "running"),
        ("auto", "auto", room(163), "stopped"),
        # Nobody is there to need the memory.
        ("auto", "stop", room(0, workers=0), "running"),
    ],
)
def test_what_becomes_of_the_old_web(wanted, strategy, given, old_web):
    assert memory_budget.decide(strategy, wanted, given, "color", bool(given.workers)).old_web == old_web


def test_the_reason_has_the_figures():
    assert memory_budget.decide("stop", "auto", room(163), "color", True).old_web_reason == (
        "auto chose to stop it before the new workers start, because the Celery of the new color needs 144 MiB of "
        "memory, and 143 MiB are free while two webs run"
    )


# What does not fit


@pytest.mark.parametrize(
    "given, decision",
    [
        (room(84), decided(old_web="stopped")),
        (room(164), decided()),
        (room(244), decided("throttle")),
        (room(164, workers=0), decided()),
        # An old web that is stopped anyway leaves room.
        (room(1000), decided(old_web="stopped")),
    ],
)
def test_just_enough_memory_is_enough(given, decision):
    assert memory_budget.finding(decision, given) == ""


@pytest.mark.parametrize(
    "given, decision, sentence",
    [
        (
            room(83),
            decided(old_web="stopped"),
            "Not enough memory for a second web: it needs 164 MiB (as much as the live color's web and support "
            "services use now, and a reserve of 64 MiB), but 83 MiB are free, and 80 MiB more once the old workers "
            "have stopped. Free memory on this host, or give the app fewer web processes.",
        ),
        (
            room(-5, workers=0),
            decided(),
            "Not enough memory for a second web: it needs 164 MiB (as much as the live color's web and support "
            "services use now, and a reserve of 64 MiB), but 0 MiB are free, and 0 MiB more once the old workers have "
            "stopped. Free memory on this host, or give the app fewer web processes.",
        ),
        (
            room(163),
            decided(),
            "bluegreen_old_web: running leaves the old web in memory, but the Celery of the new color needs 144 "
            "MiB of memory, and 143 MiB are free while two webs run: set bluegreen_old_web to stopped or auto, or "
            "free memory on this host.",
        ),
        # A Redis full of results, which stays until the end.
        (
            room(83, web=20, support=80, workers=120),
            decided(old_web="stopped"),
            "Not enough memory: the Celery of the new color needs 184 MiB of memory, and 123 "
            "MiB are free once the old web has stopped. Free memory on this host, or give the app fewer worker "
            "processes.",
        ),
        (
            room(243),
            decided("throttle"),
            "bluegreen_worker_strategy is throttle, which leaves the old workers in memory, but the new color needs "
            "244 MiB while they run (as much as the live color uses now, and a reserve of 64 MiB), and 243 MiB are "
            "free: set the strategy to stop or auto, or free memory on this host.",
        ),
    ],
)
def test_too_little_memory_is_one_sentence_with_the_figures(given, decision, sentence):
    assert memory_budget.finding(decision, given) == sentence


# The plan


@pytest.mark.parametrize(
    "given, decision, asks, lines",
    [
        (
            room(164, app=30),
            decided(),
            True,
            [
                "a container that loads the new release once to list its tasks needs 94 MiB of memory, and 164 "
                "MiB are free now",
                "the new web needs 164 MiB of memory, and 244 MiB are free once the old workers have stopped",
                "the Celery of the new color needs 144 MiB of memory, and 144 MiB are free while two webs run",
            ],
        ),
        (
            room(90, app=30),
            decided(old_web="stopped"),
            True,
            [
                "a container that loads the new release once to list its tasks needs 94 MiB of memory, and 170 "
                "MiB are free once the old workers have stopped",
                "the new web needs 164 MiB of memory, and 170 MiB are free once the old workers have stopped",
                "the Celery of the new color needs 144 MiB of memory, and 160 MiB are free once the old web has "
                "stopped",
            ],
        ),
        (
            room(300, app=30),
            decided("throttle"),
            False,
            [
                "the new web needs 164 MiB of memory, and 300 MiB are free while the old color runs",
                "the Celery of the new color needs 144 MiB of memory, and 200 MiB are free while two webs and the old "
                "workers run",
            ],
        ),
        (
            room(300, workers=0),
            decided(),
            True,
            ["the new web needs 164 MiB of memory, and 300 MiB are free while the old color runs"],
        ),
    ],
)
def test_a_line_a_phase(given, decision, asks, lines):
    assert [need.line for need in memory_budget.needs(given, decision, asks)] == lines


# 30 of a loaded app, 10 of Redis, and 64 to spare.


@pytest.mark.parametrize("given, fits", [(room(104, app=30), True), (room(103, app=30), False), (room(0), True)])
def test_what_runs_before_the_stop_stands_beside_the_whole_old_color(given, fits):
    assert memory_budget.before_stop(given).fits is fits
    recorded = memory_budget.record(given._replace(free=0), oom_kills=0)
    assert memory_budget.before_stop(memory_budget.room_recorded(recorded, given.free)).fits is fits


def test_of_what_runs_before_the_stop_the_support_stays():
    found = memory_budget.needs(room(164, app=30), decided(), True, ["migrate"])
    assert [need.line for need in found[:2]] == [
        "an init service of the new release needs 104 MiB of memory, and 164 MiB are free now",
        "a container that loads the new release once to list its tasks needs 94 MiB of memory, and 154 MiB are "
        "free now",
    ]
    assert found[2:] == memory_budget.needs(room(164, app=30), decided(), False)


# The names of the tasks


@pytest.mark.parametrize("app, free, may", [(30, 94, True), (30, 93, False), (0, 0, True)])
def test_an_app_is_loaded_only_where_it_leaves_the_reserve(app, free, may):
    assert memory_budget.may_load(app * MIB, free * MIB) is may


# A container that was killed for memory


def test_what_was_expected_is_said_from_the_journal():
    recorded = memory_budget.record(room(-5, app=30), oom_kills=3)
    assert recorded["oom_kills"] == 3 and recorded["free"] == 0
    assert memory_budget.expected(recorded) == (
        " Going by the old containers, the plan expected 100 MiB for the new web and its support services and "
        "80 MiB for the new workers, and 0 MiB were free then: this release needs more, or something else on this host "
        "used the memory."
    )


@pytest.mark.parametrize("recorded", [None, {}, memory_budget.record(room(100, web=0), oom_kills=0)])
def test_without_a_record_nothing_is_said(recorded):
    assert memory_budget.expected(recorded) == ""
