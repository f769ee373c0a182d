# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import re

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._fleet import fleet, text
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.plugin_utils.fleets import (
    AT,
    FAILED,
    HOSTILE,
    UNREACHABLE,
    awaiting,
    broken,
    ended,
    report,
    whole,
)

DOCS = os.path.join(os.path.dirname(__file__), "..", "..", "..", "..", "docs", "status.md")


def one(info, app="shop"):
    (host,) = fleet([("pi", app, info)], AT)["hosts"]
    return host


@pytest.mark.parametrize(
    "infos, code",
    [([], 0), ([whole()], 0), ([whole(), awaiting()], 3), ([awaiting(), FAILED, whole()], 4), ([UNREACHABLE], 4)],
)
def test_the_exit_code_is_that_of_the_worst_host(infos, code):
    assert fleet([(f"pi-{number}", "shop", info) for number, info in enumerate(infos)], AT)["exit_code"] == code


def test_hosts_are_counted_and_stay_in_their_order():
    made = report()
    assert made["counts"] == {"healthy": 4, "in_progress": 1, "degraded": 4}
    assert [host["host"] for host in made["hosts"]][:3] == ["pi-1.lan", "pi-2.lan", "pi-3.lan"]
    assert (made["version"], made["at"]) == (1, AT)


def test_what_is_shown_of_a_whole_host():
    host = one(whole())
    shown = {key: host[key] for key in ("host", "app", "unreachable", "verdict", "reasons", "live", "release", "since")}
    assert shown == {
        "host": "pi",
        "app": "shop",
        "unreachable": False,
        "verdict": "healthy",
        "reasons": [],
        "live": "green",
        "release": "1.4.2",
        "since": "2026-11-20T09:15:24Z",
    }
    assert (host["workers"], host["queue"], host["held"]) == ({"running": 2, "of": 2}, 3, 0)
    assert host["memory"] == {"total": 1024**3, "available": 584 * 1024**2}
    assert host["disk"] == {"total": 29 * 1024**3, "available": 21 * 1024**3}
    assert host["deployment"] is None
    assert host["last"] == host["history"][-1] and host["last"]["worker_gap"] == 9.7
    assert {each["color"] for each in host["containers"]} == {"green"}


def test_held_tasks_are_no_waiting_ones():
    assert (one(broken())["queue"], one(broken())["held"]) == (4121, 2)


def test_a_queue_that_nobody_can_ask():
    host = one(whole(queues={"blue": None, "green": None}, held={"blue": None, "green": None}))
    assert (host["queue"], host["held"]) == (None, 0)


def test_a_worker_without_its_celery_does_not_count():
    info = whole()
    info["colors"]["green"]["containers"][-1]["without_celery"] = True
    assert one(info)["workers"] == {"running": 1, "of": 2}


def test_a_worker_service_without_a_container_is_one_that_should_run():
    info = whole()
    info["colors"]["green"]["containers"].pop()
    info["colors"]["green"]["missing"] = [{"service": "beat", "role": "workers"}, {"service": "admin", "role": "web"}]
    assert one(info)["workers"] == {"running": 1, "of": 2}


@pytest.mark.parametrize("info", [UNREACHABLE, FAILED, {}])
def test_a_host_that_told_nothing_has_the_keys_of_all(info):
    assert set(one(info)) == set(one(whole()))


def test_an_entry_of_an_earlier_version():
    host = one(whole(history=[{"id": "dep-1", "result": "committed"}]))
    assert (host["verdict"], host["last"]["seconds"], host["last"]["worker_gap"]) == ("healthy", {}, None)
    assert (host["last"]["took"], host["last"]["waited"]) == (None, None)
    assert host["last"]["memory_peak"] is None


@pytest.mark.parametrize(
    "changes",
    [
        {"colors": {}},
        {"colors": None},
        {"live": "red"},
        {"live": ["green"]},
        {"history": 7},
        {"history": [ended(20, "1", "green", worker_gap="NaN")]},
        {"history": [ended(20, "1", "green", took="NaN")]},
        {"history": [ended(20, "1", "green", seconds={"health": float("inf")})]},
        {"history": [ended(20, "1", "green", seconds={"health": -1})]},
        {"resources": {}},
        {"deployment": {"step": "health"}},
        {"queues": {"green": {"celery": "many"}}},
        {"problems": None},
    ],
)
def test_an_answer_of_another_shape_is_wrong_and_ends_nothing(changes):
    host = one(whole(**changes))
    assert host["verdict"] == "degraded"
    assert host["reasons"][0].startswith("its answer has an unknown shape (")
    assert set(host) == set(one(whole()))


def test_no_control_character_of_a_host_is_left():
    told = json.dumps(report(), ensure_ascii=False)
    assert "\x1b" not in told and "\\n" not in told and "\\u001b" not in told


@pytest.mark.parametrize(
    "given, shown",
    [
        ("a\n b\t\x1b[31mc\u202e", "a b [31mc"),
        (None, "None"),
        ("\ud800", ""),
        ("x" * 1000, "x" * 399 + "…"),
        ("Zoë's Pi", "Zoë's Pi"),
    ],
)
def test_a_text_is_one_line(given, shown):
    assert text(given) == shown


def test_a_hostile_text_is_kept_as_far_as_it_can_be_shown():
    assert text(HOSTILE).startswith("<script>alert('x')</script>")


def test_every_key_is_described():
    with open(DOCS, encoding="utf-8") as source:
        part = source.read().partition("## For programs")[2].partition("## For people")[0]
    rows = re.findall(r"^\| (`.+?) \|", part, re.MULTILINE)
    described = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert described == set(report()) | set(one(whole()))
