# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.plan import Plan
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources.disk import MIB
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources.memory_budget import Need

SERVICES = {"web": ["web"], "support": ["redis"], "init": ["migrate"], "workers": ["worker", "beat"], "ignored": ["db"]}


def lines(live="blue", services=None, **changes):
    facts = {
        "projects": {"blue": "shop-blue", "green": "shop-green"},
        "reasons": ["release 1 becomes 2", "image of web differs"],
        "fetch": "pull images that are missing",
        "leftover": False,
        "init_before_stop": [],
        "init_reason": "",
        "strategy": "stop",
        "strategy_reason": "",
        "old_web": "running",
        "old_web_reason": "",
        "needs": [],
        "broker": "color",
        "broker_reason": "redis is a support service",
        "stop_timeout": None,
        "health_url": "http://127.0.0.1:18002/health/",
        "nginx_file": "/etc/nginx/conf.d/bluegreen-shop.conf",
        "old_color": "removed",
        **changes,
    }
    return Plan("shop", live, "green", services or SERVICES, **facts).lines()


def test_a_deployment():
    assert lines() == [
        "plan: shop: green becomes live (release 1 becomes 2; image of web differs)",
        "plan: broker color, each color has its own: redis is a support service",
        "fetch: pull images that are missing; create redis, migrate, web, worker, beat of shop-green, start none",
        "stop_workers: worker, beat of shop-blue finish what they run (up to the stop_grace_period of each service, or "
        "60 s without one) and are stopped, not removed",
        "start_candidate: start redis, migrate, web of shop-green",
        "health: wait until http://127.0.0.1:18002/health/ answers",
        "cutover: point Nginx at green in /etc/nginx/conf.d/bluegreen-shop.conf, reload, prove it",
        "handover: tasks that wait in shop-blue move to shop-green",
        "start_workers: start worker, beat of shop-green",
        "settle: wait until shop-blue has answered its last requests",
        "finish: after approval, remove shop-blue",
    ]


@pytest.mark.parametrize(
    "changes, line",
    [
        (
            {"stop_timeout": 90},
            "stop_workers: worker, beat of shop-blue finish what they run (up to 90 s) and are stopped, ",
        ),
        (
            {"stop_timeout": 0},
            "stop_workers: worker, beat of shop-blue finish what they run (up to 0 s) and are stopped, ",
        ),
        (
            {"strategy_reason": "auto chose stop, because 180 MiB are free"},
            "plan: worker strategy: auto chose stop, because 180 MiB are free",
        ),
        ({"init_reason": "migrate, because"}, "plan: init after the stop: migrate, because"),
        ({"broker": "shared"}, "plan: broker shared, one for both colors: "),
        ({"leftover": True}, "fetch: tasks that the broker of shop-green still holds move to shop-blue"),
        ({"old_color": "stopped"}, "finish: after approval, stop and keep shop-blue"),
    ],
)
def test_what_was_asked_for_is_in_it(changes, line):
    assert [each for each in lines(**changes) if each.startswith(line)]


@pytest.mark.parametrize(
    "support, early, rest",
    [
        (["redis"], "start redis, then run migrate of shop-green", "start seed, web of shop-green"),
        ([], "run migrate of shop-green", "start seed, web of shop-green"),
    ],
)
def test_what_runs_before_the_stop_starts_then_and_not_again(support, early, rest):
    found = lines(services={**SERVICES, "support": support, "init": ["migrate", "seed"]}, init_before_stop=["migrate"])
    at = phases(found).index("before_stop")
    assert found[at] == f"before_stop: {early} while worker, beat of shop-blue work"
    assert phases(found)[at - 1 : at + 3] == ["fetch", "before_stop", "stop_workers", "start_candidate"]
    assert found[at + 2] == f"start_candidate: {rest}"


def test_what_a_phase_needs_of_the_memory_stands_below_it():
    needs = [
        Need("start_candidate", "the new web", 500 * MIB, 600 * MIB, "once the old workers have stopped"),
        Need("start_workers", "the Celery of the new color", 400 * MIB, 500 * MIB, "once the old web has stopped"),
    ]
    found = lines(needs=needs, old_web="stopped", old_web_reason="auto chose to stop it, because")
    assert "plan: old web: auto chose to stop it, because" in found
    assert found[found.index("start_candidate: start redis, migrate, web of shop-green") + 1] == (
        "start_candidate: the new web needs 500 MiB of memory, and 600 MiB are free once the old workers have stopped"
    )
    assert found[-4:] == [
        "start_workers: wait until shop-blue has answered its last requests, then stop its web until the approval",
        "start_workers: start worker, beat of shop-green",
        "start_workers: the Celery of the new color needs 400 MiB of memory, and 500 MiB are free once the old web has "
        "stopped",
        "finish: after approval, remove shop-blue",
    ]


def test_without_workers_the_old_web_stops_in_the_end():
    without = lines(services={**SERVICES, "workers": []}, old_web="stopped")
    assert without[-2] == (
        "settle: wait until shop-blue has answered its last requests, then stop its web until the approval"
    )


def phases(given):
    return [line.partition(":")[0] for line in given]


def test_the_first_deployment_has_no_old_color():
    assert phases(lines(live="")) == ["plan", "plan", "fetch", "start_candidate", "health", "cutover", "start_workers"]


def test_an_app_without_workers_hands_nothing_over():
    without = {**SERVICES, "workers": []}
    assert phases(lines(services=without, broker="none")) == [
        "plan",
        "plan",
        "fetch",
        "start_candidate",
        "health",
        "cutover",
        "settle",
        "finish",
    ]


def test_one_broker_for_both_colors_needs_no_handover():
    assert "handover" in phases(lines())
    assert "handover" not in phases(lines(broker="shared"))


def test_throttled_workers_go_on_until_the_new_ones_work():
    by_phase = dict(line.split(": ", 1) for line in lines(strategy="throttle", stop_timeout=90))
    assert by_phase["stop_workers"] == (
        "give worker, beat of shop-blue the lowest CPU shares (2); they work until the new workers do"
    )
    assert by_phase["start_workers"] == (
        "start worker, beat of shop-green; once the new workers take tasks, worker, beat of shop-blue finish what they "
        "run (up to 90 s) and are stopped, not removed; beat is moved last"
    )
    assert dict(line.split(": ", 1) for line in lines(live="", strategy="throttle"))["start_workers"] == (
        "start worker, beat of shop-green"
    )


def test_what_is_kept_is_not_fetched():
    assert "fetch" not in phases(lines(fetch=""))
