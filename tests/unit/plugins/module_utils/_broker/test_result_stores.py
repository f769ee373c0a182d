# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import move_checks, result_stores
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeBroker, FakeHost, record
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import Notes


class Store(FakeBroker):
    """A Redis with one database."""

    def message_databases(self):
        return [0]

    def database(self, number):
        return self.name


class Side:
    def __init__(self, name, **services):
        self.name, self.services, self.asked = name, services, []

    def other_redis(self, hosts):
        self.asked.append(hosts)
        return sorted(self.services)

    def redis_of(self, service):
        return contextlib.nullcontext(self.services.get(service))


@pytest.fixture
def host():
    return FakeHost()


@pytest.fixture
def calls(monkeypatch):
    calls = []
    record(monkeypatch, calls, move_checks, "needed_for_results", "needed", lambda _given: 10)
    record(monkeypatch, calls, move_checks, "refuse_servers", "servers")
    record(monkeypatch, calls, move_checks, "refuse_room", "room")
    record(
        monkeypatch,
        calls,
        result_stores,
        "copy_results",
        lambda given: (given["here"], given["there"]),
        lambda _given: 4,
    )
    record(monkeypatch, calls, result_stores, "copy_schedule", "schedule", lambda _given: 1)
    return calls


def sides(**green):
    return Side("blue", results=Store("shop-blue/results")), Side("green", **green)


def test_they_go_to_the_same_service_of_the_other_color(host, calls):
    blue, green = sides(results=Store("shop-green/results"), other=Store("shop-green/other"))
    assert result_stores.copy_beside(host, Notes(host), blue, green) == 5
    assert calls == ["needed", "servers", "room", ("shop-blue/results", "shop-green/results"), "schedule"]


@pytest.mark.parametrize("green", [{}, {"results": None}, {"results": Store("shop-blue/results")}])
def test_where_there_is_no_other_one_nothing_is_done(host, calls, green):
    assert result_stores.copy_beside(host, Notes(host), *sides(**green)) == 0
    assert (calls, host.warnings) == ([], [])


@pytest.mark.parametrize("error", [RedisError("It is locked.", "NOAUTH"), BluegreenError("There is no room.")])
def test_what_cannot_be_copied_stops_nothing_and_is_said(host, calls, monkeypatch, error):
    record(monkeypatch, calls, move_checks, "refuse_servers", "servers", error)
    blue, green = sides(results=Store("shop-green/results"))
    assert result_stores.copy_beside(host, Notes(host), blue, green) == 0
    assert host.warnings == [
        f"Results of tasks in shop-blue/results could not be copied to the other color, and stay there: {error.message}"
    ]


@pytest.mark.parametrize(
    "told, hosts",
    [
        (None, None),
        ({"mq": {"results": "results"}}, {"results"}),
        ({"mq": {"results": ""}}, {""}),
        ({"mq": {"results": "results"}, "other": {"results": None}}, None),
    ],
)
def test_what_the_workers_said_tells_where_to_look(host, calls, told, hosts):
    journal = Notes(host)
    journal.note(celery=told)
    blue, green = sides()
    result_stores.copy_beside(host, journal, blue, green)
    assert blue.asked == [hosts]
