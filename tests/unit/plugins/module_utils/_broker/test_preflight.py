# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import (
    connection as broker_connection,
    other_keys,
    queues,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.connection import Consumer
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.preflight import (
    BrokerFindings,
    leftover_finding,
    look,
    look_beside,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.settings import BrokerSettings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost

URL = "redis://:hunter2@redis.lan/0"
COLOR, SHARED = BrokerSettings("color"), BrokerSettings("shared", "redis", URL)
WORKER = SimpleNamespace(addresses={"net": "10.0.0.4", "other": ""})
SILENT = RedisError("Redis does not answer at redis.lan:6379 (refused).")
LOCKED = RedisError("Redis at redis.lan:6379 asks for a password.", "WRONGPASS")


class Asked:
    """A broker at which these addresses wait for messages."""

    def __init__(self, seen=(), running=True, name="shop-blue/redis"):
        self.name = name
        self.container = SimpleNamespace(running=running)
        self._seen = seen
        self.closed = False

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.closed = True

    def message_databases(self):
        if isinstance(self._seen, RedisError):
            raise self._seen
        return [0]

    def consumers(self, _number):
        return self._seen


@pytest.fixture
def ask(monkeypatch):
    def call(settings, broker, live=(WORKER,), given_url=False):
        monkeypatch.setattr(broker_connection, "connect", lambda host, containers, settings, workers=None: broker)
        return look(FakeHost(), settings, list(live), [WORKER], given_url)

    return call


@pytest.mark.parametrize(
    "seen, given_url, url",
    [
        ([Consumer("10.0.0.4", 40001, True)], False, URL),
        # A router stands between.
        ([Consumer("192.168.0.1", 40001, True)], False, ""),
        ([Consumer("192.168.0.1", 40001, True)], True, URL),
        (None, False, ""),
    ],
)
def test_a_url_that_was_found_is_used_if_the_workers_are_known_there(ask, seen, given_url, url):
    broker = Asked(seen)
    assert ask(SHARED, broker, given_url=given_url) == BrokerFindings(url)
    assert broker.closed


def test_a_shared_broker_out_of_reach_is_warned_of(ask):
    shown = ask(SHARED, Asked(SILENT), given_url=True)
    assert (shown.url, shown.finding) == ("", "")
    assert shown.warning.startswith(
        "The broker for both colors cannot be reached from this host: Redis does not answer at redis.lan:6379 "
        "(refused). If only"
    )


def test_a_wrong_password_of_the_users_is_refused(ask):
    assert ask(SHARED, Asked(LOCKED), given_url=True) == BrokerFindings("", finding=LOCKED.message)
    # The app's own password is the app's concern.
    assert ask(SHARED, Asked(LOCKED)) == BrokerFindings("")


@pytest.mark.parametrize("given_url", [True, False])
def test_before_the_first_deployment_nobody_is_there_to_go_by(ask, given_url):
    assert ask(SHARED, Asked(SILENT), live=(), given_url=given_url) == BrokerFindings(URL if given_url else "")


@pytest.mark.parametrize("broker", [None, Asked(running=False)])
def test_what_does_not_run_is_not_asked(ask, broker):
    assert ask(COLOR, broker) == BrokerFindings("")
    assert ask(SHARED, broker) == BrokerFindings(URL)


@pytest.mark.parametrize(
    "result, finding, warned",
    [
        (other_keys.Count(3, True), "", True),
        (other_keys.Count(0, True), "", False),
        (LOCKED, LOCKED.message, False),
        (SILENT, "", False),
        (EngineError("No such container."), "", False),
    ],
)
def test_a_colors_own_redis(ask, monkeypatch, result, finding, warned):
    def count(broker, clock, kept):
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(other_keys, "count", count)
    shown = ask(COLOR, Asked())
    assert (shown.finding, bool(shown.warning)) == (finding, warned)
    if warned:
        assert shown.warning.startswith("The Redis of shop-blue holds 3 keys")


class Sides:
    """A color with a Redis called activity beside its broker; ``None`` where one is down."""

    name, project = "blue", "shop-blue"

    def __init__(self, broker=None, beside=None):
        self.broker, self.beside = broker, beside

    def other_redis(self):
        return ["activity"]

    def redis_of(self, service):
        assert service == "activity"
        return contextlib.nullcontext(self.beside)

    def own_broker(self):
        return contextlib.nullcontext(self.broker)


@pytest.mark.parametrize(
    "result, sentence",
    [
        (
            other_keys.Count(3, True),
            "The Redis activity of shop-blue holds 3 keys that are not Celery's and will stay behind with that color: "
            "caches start empty, and users whose sessions are there are logged out. Keep such keys in a Redis for both "
            "colors.",
        ),
        (
            LOCKED,
            "Cannot tell whether service activity holds results of tasks, which would stay behind with blue: "
            "Redis at redis.lan:6379 asks for a password.",
        ),
        (other_keys.Count(0, True), None),
        (EngineError("No such container."), None),
    ],
)
def test_what_lies_beside_the_broker_is_warned_of(monkeypatch, result, sentence):
    def count(_redis, _clock):
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(other_keys, "count", count)
    assert look_beside(FakeHost(), Sides(beside=object())) == ([sentence] if sentence else [])
    assert look_beside(FakeHost(), Sides()) == []


@pytest.mark.parametrize(
    "left, found", [({"celery": 3, "unacked": 1}, True), ({}, False), (SILENT, False)], ids=["tasks", "empty", "silent"]
)
def test_a_first_deployment_creates_no_broker_anew_that_holds_tasks(monkeypatch, left, found):
    def count(_broker):
        if isinstance(left, Exception):
            raise left
        return left

    monkeypatch.setattr(queues, "count_messages", count)
    finding = leftover_finding(Sides(broker=object()))
    assert bool(finding) is found
    if found:
        assert finding.startswith(
            "The broker of shop-blue still holds tasks of an earlier deployment (3 in celery, 1 in unacked)"
        )
    assert leftover_finding(Sides()) == ""
