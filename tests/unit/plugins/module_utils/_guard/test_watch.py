# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching a deployment that awaits approval."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard.watch import (
    FailureStreak,
    ProbeResult,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._http import Answer
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._guard.watched import (
    BLUE,
    BROKEN,
    GOOD,
    GREEN,
    HUNG,
    ILL,
    NO_NGINX,
    PUBLIC,
    REFUSED,
    WELL,
    WHY,
    Pending,
)


def count(*looks):
    found = FailureStreak()
    for look in looks:
        found = found.after(look)
    return found


# Counting


def test_failures_count_in_a_row():
    assert count(ILL, ILL) == FailureStreak(2, "connection refused", False)
    assert count(ILL, ILL, WELL) == FailureStreak(0, "", True)
    assert count(WELL, ILL, ProbeResult(False, "answered with status 500")) == FailureStreak(
        2, "answered with status 500", True
    )


def test_an_nginx_that_is_down_says_nothing():
    assert count(ILL, NO_NGINX, NO_NGINX, ILL) == count(ILL, ILL)
    assert count(NO_NGINX, NO_NGINX, NO_NGINX) == FailureStreak()


@pytest.mark.parametrize(
    "looks, grace_is_over, dead",
    [
        ((WELL, ILL, ILL), True, False),
        ((WELL, ILL, ILL, ILL), False, True),
        ((WELL, ILL, ILL, ILL), True, True),
        ((ILL, ILL, ILL), True, True),
        # Right after a boot it may still be starting.
        ((ILL, ILL, ILL, ILL, ILL), False, False),
        ((WELL, ILL, ILL, WELL, ILL), True, False),
    ],
)
def test_when_a_color_is_given_up(looks, grace_is_over, dead):
    assert count(*looks).is_dead(grace_is_over) is dead


# Looking


def test_a_color_that_answers_is_left_alone(pending):
    assert pending.look(5) == [""] * 5
    assert pending.effects() == []
    assert pending.asked == [(GREEN, "/health/", "", 2.0, True)] * 5
    assert pending.host.warnings == []


def test_three_failures_in_a_row_are_a_reason_to_go_back(pending):
    assert pending.look() == [""]
    pending.color_dies()
    assert pending.look(3) == ["", "", WHY]


@pytest.mark.parametrize(
    "answer, told",
    [
        (BROKEN, "answered with status 500"),
        (HUNG, "timed out after 2 s"),
        (Answer(204, "", 0.01), "answered with status 204"),
    ],
)
def test_the_reason_says_how_it_failed(pending, answer, told):
    pending.look()
    pending.answers.update({GREEN: answer, PUBLIC: BROKEN})
    assert pending.look(3)[2] == f"green failed 3 times in a row ({told})"


def test_after_a_boot_a_color_gets_the_time_that_it_has_at_a_deployment(pending):
    pending.color_dies()
    # A deadline of 60 s is 30 looks.
    assert pending.look(30) == [""] * 30
    assert pending.look() == ["green failed 31 times in a row (connection refused)"]


def test_what_the_public_gets_counts(pending):
    pending.look()
    # Its own port may be closed to this host, or ask for another name.
    pending.answers[GREEN] = REFUSED
    assert pending.look(5) == [""] * 5
    assert pending.asked[-1] == (PUBLIC, "/health/", "", 2.0, True)


def test_an_answer_of_the_backup_is_none_of_the_color(pending):
    pending.journal["settings"]["nginx"]["backup"] = True
    pending.journal.save()
    pending.look()
    pending.answers[GREEN] = REFUSED
    assert pending.look(3) == ["", "", WHY]


def test_the_public_is_asked_as_visitors_ask(pending):
    settings = pending.journal["settings"]
    settings["nginx"].update(
        public_url="https://127.0.0.1:8443/shop/", public_host="shop.example.com", validate_certs=False
    )
    settings["health"]["host"] = "inside.example.com"
    pending.journal.save()
    pending.answers[8443] = GOOD
    pending.answers[GREEN] = REFUSED
    pending.look()
    assert pending.asked == [
        (GREEN, "/health/", "inside.example.com", 2.0, True),
        (8443, "/health/", "shop.example.com", 2.0, False),
    ]


def test_a_restart_of_nginx_is_no_failure_of_the_color(pending):
    pending.look()
    pending.answers.update({GREEN: REFUSED, PUBLIC: REFUSED})
    assert pending.look(10) == [""] * 10
    pending.answers[PUBLIC] = Answer(502, "", 0.01)
    assert pending.look(3) == ["", "", WHY]


def test_an_old_color_that_is_no_better_is_no_way_back(pending):
    pending.look()
    pending.color_dies()
    pending.answers[BLUE] = BROKEN
    assert pending.look(5) == [""] * 5
    assert pending.host.warnings[-1] == (
        "Color green of app shop fails (connection refused), and blue does not answer either, so nothing was changed. "
        "Look at the logs of green."
    )
    # It may recover, and then it is one.
    pending.answers[BLUE] = GOOD
    assert pending.look() == ["green failed 6 times in a row (connection refused)"]


def test_a_first_deployment_has_no_way_back(monkeypatch, tmp_path):
    pending = Pending(monkeypatch, tmp_path, **{"from": ""})
    pending.look()
    pending.color_dies()
    assert pending.look(4) == [""] * 4
    assert pending.host.warnings == [
        "Color green of app shop fails (connection refused), and there is no old color, so nothing was changed. Look "
        "at the logs of green."
    ] * 2


# What is down


def test_after_a_boot_both_webs_and_the_new_workers_are_started(pending):
    for container in pending.engine.inspected.values():
        container["State"]["Status"] = "exited"
    pending.look()
    # Old workers stay stopped: only one color works.
    assert pending.effects() == [
        "start green-redis",
        "start green-web",
        "start green-beat",
        "start green-worker",
        "start blue-redis",
        "start blue-web",
    ]
    assert pending.host.warnings[0] == "Container shop-green-redis-1 was down and was started again."
    assert len(pending.host.warnings) == 6
    pending.look()
    assert len(pending.effects()) == 6


def test_what_runs_or_is_about_to_is_left_alone(pending):
    pending.engine.inspected["green-web"]["State"]["Status"] = "restarting"
    pending.color_dies()
    pending.look(2)
    assert pending.effects() == []


def test_what_falls_later_is_started_when_the_color_fails(pending):
    pending.look()
    pending.engine.inspected["green-web"]["State"]["Status"] = "exited"
    pending.look()
    assert pending.effects() == []
    pending.color_dies()
    pending.look()
    assert pending.effects() == ["start green-web"]


def test_what_cannot_be_started_keeps_nobody_from_going_back(pending, monkeypatch):
    start = pending.engine.start

    def refuse(container):
        if container == "green-redis":
            raise EngineError("The Docker Engine refused POST /containers/green-redis/start (500): port is taken.", 500)
        start(container)

    monkeypatch.setattr(pending.engine, "start", refuse)
    pending.look()
    for container in ("green-redis", "green-web"):
        pending.engine.inspected[container]["State"]["Status"] = "exited"
    pending.color_dies()
    assert pending.look(3) == ["", "", WHY]
    assert pending.effects() == ["start green-web"]
    assert pending.host.warnings[0] == (
        "Container shop-green-redis-1 is down and does not start: The Docker Engine refused POST "
        "/containers/green-redis/start (500): port is taken."
    )


def test_what_did_not_start_at_first_is_tried_again(pending, monkeypatch):
    def refuse(container):
        raise EngineError("port is already allocated", 500)

    pending.engine.inspected["blue-web"]["State"]["Status"] = "exited"
    with monkeypatch.context() as broken:
        broken.setattr(pending.engine, "start", refuse)
        assert pending.look() == [""]
    assert pending.effects() == []
    pending.look(2)
    # The way back needs it, though the new color is well.
    assert pending.effects() == ["start blue-web"]
