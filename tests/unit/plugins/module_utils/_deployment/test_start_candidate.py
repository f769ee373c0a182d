# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import start_candidate
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.start_candidate import (
    by_role,
    start,
    would_start,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import (
    Notes,
    WorkerBroker,
    WorkerHost,
)


@pytest.fixture
def host():
    fake = WorkerHost()
    fake.engine.add("redis", status="created", Path="redis-server")
    fake.engine.add("migrate", status="created")
    fake.engine.add("web", status="created")
    fake.engine.crashes_after["blue-migrate"] = 4
    finish(fake, "blue-migrate", 0)
    return fake


def finish(host, container, code):
    inspect = host.engine.inspect

    def with_code(name):
        data = inspect(name)
        if name == container and data["State"]["Status"] == "exited":
            data["State"]["ExitCode"] = code
        return data

    host.engine.inspect = with_code


@pytest.fixture
def journal(host):
    return Notes(host)


def roles(host, *wanted):
    services = {"support": ["redis"], "init": ["migrate"], "web": ["web"]}
    return {role: of_project(host.engine, "shop-blue", services[role]) for role in wanted or services}


class OwnRedis(WorkerBroker):
    """The Redis of the color itself, which has an address only after its start."""

    def __init__(self, host, up_after=0, **options):
        super().__init__(**options)
        self.container = of_project(host.engine, "shop-blue", ["redis"])[0]
        self._clock, self._up_at = host.clock, host.clock.now + up_after

    def moved_to(self, container):
        assert container.running
        return copy.copy(self)

    def answers(self):
        return self._clock.now >= self._up_at


@pytest.fixture(autouse=True)
def waiting(monkeypatch):
    counts = {}
    monkeypatch.setattr(start_candidate, "count_messages", lambda _broker: counts)
    return counts


def test_the_order_and_the_policies(host, journal):
    started = start(host, journal, roles(host), broker=OwnRedis(host))
    assert started.started == [f"shop-blue-{service}-1" for service in ("redis", "migrate", "web")]
    assert [name for verb, name in host.calls if verb == "start"] == ["blue-redis", "blue-migrate", "blue-web"]
    # They get theirs back with the cutover.
    assert {host.engine.policy(name) for name in ("blue-redis", "blue-migrate", "blue-web")} == {"no"}
    assert journal.policies["blue-web"]["Name"] == "unless-stopped"
    calls = host.calls
    assert calls.index(("policy no", "blue-web")) < calls.index(("start", "blue-web"))


def test_only_the_roles_given(host, journal):
    assert start(host, journal, roles(host, "web")).started == ["shop-blue-web-1"]


def test_a_service_without_a_container_is_named(host):
    with pytest.raises(BluegreenError) as refusal:
        by_role(of_project(host.engine, "shop-blue"), {"web": ["webb"]}, "shop-blue")
    assert refusal.value.message == (
        "services.web names 'webb', but project shop-blue has no container of that service. Either it was never "
        "created (docker compose up --no-start), or it was removed before its start, as docker system prune in a cron "
        "job does: create it, or deploy again."
    )


def test_a_second_time_starts_nothing_not_even_init(host, journal):
    start(host, journal, roles(host, "support", "init", "web"))
    assert would_start(journal, roles(host, "support", "init", "web")) == []
    assert start(host, journal, roles(host, "support", "init", "web")).started == []


def test_what_had_done_its_work_before_somebody_removed_it_does_it_no_second_time(host, journal):
    journal.data["ran"] = ["blue-migrate"]
    assert "shop-blue-migrate-1" not in [each.name for each in would_start(journal, roles(host, "init", "web"))]
    assert start(host, journal, roles(host, "init", "web")).started == ["shop-blue-web-1"]


def test_redis_is_asked_itself_whatever_the_engine_knows(host, journal):
    host.engine.inspect("blue-redis")["State"]["Health"] = {"Status": "starting"}
    began = host.clock.now
    start(host, journal, roles(host, "support"), broker=OwnRedis(host, up_after=7))
    assert 7 <= host.clock.now - began < 8
    assert journal.signs_of_life > 10


@pytest.mark.parametrize(
    "test, argv", [(["CMD", "ask", "it"], ["ask", "it"]), (["CMD-SHELL", "ask | it"], ["/bin/sh", "-c", "ask | it"])]
)
def test_other_support_is_asked_with_its_own_health_check(host, journal, test, argv):
    began = host.clock.now
    asked = []

    def execute(container, words, stdin=b"", timeout=60):
        asked.append((container, words))
        return (0 if host.clock.now > began + 3 else 1), b"", b""

    host.engine.execute = execute
    redis = host.engine.inspect("blue-redis")
    redis["State"]["Health"] = {"Status": "starting"}
    redis["Config"]["Healthcheck"] = {"Test": test}
    start(host, journal, roles(host, "support"))
    assert 3 < host.clock.now - began < 4
    assert asked[0] == ("blue-redis", argv)


@pytest.mark.parametrize(
    "health, up_after, sentence, failure",
    [
        ("unhealthy", 0, "shop-blue-redis-1 is unhealthy", "unhealthy"),
        ("starting", 99, r"redis-1 was not ready within 20 s \(bluegreen_health_deadline\): its last", "timeout"),
        ("healthy", 99, r"redis-1 was not ready within 20 s \(bluegreen_health_deadline\): its last", "timeout"),
    ],
)
def test_support_that_does_not_come_up(host, journal, health, up_after, sentence, failure, reported):
    host.engine.inspect("blue-redis")["State"]["Health"] = {"Status": health}
    with pytest.raises(BluegreenError, match=sentence) as caught:
        start(host, journal, roles(host), timeout=20, broker=OwnRedis(host, up_after=up_after))
    assert caught.value.details["failure"] == failure
    assert caught.value.details["logs"] == {"shop-blue-redis-1": ["last line of blue-redis"]}
    assert ("start", "blue-web") not in host.calls
    waited = failure == "timeout"
    assert list(reported) == ["0 of 1 containers are ready, not yet shop-blue-redis-1"] * waited


def test_an_old_volume_stops_it_before_anything_could_take_the_tasks(host, journal, waiting):
    waiting["celery"] = 5
    with pytest.raises(
        BluegreenError, match=r"shop-blue/redis holds tasks right after its start \(celery: 5\)"
    ) as caught:
        start(host, journal, roles(host), broker=OwnRedis(host))
    assert caught.value.details["queues"] == {"celery": 5}
    assert [name for verb, name in host.calls if verb == "start"] == ["blue-redis"]


def test_a_redis_that_runs_already_may_hold_tasks(host, journal, waiting):
    start(host, journal, roles(host, "support"), broker=OwnRedis(host))
    waiting["celery"] = 5
    assert start(host, journal, roles(host, "support", "web"), broker=OwnRedis(host)).started == ["shop-blue-web-1"]


@pytest.mark.parametrize(
    "seconds, code, sentence",
    [
        (2, 3, "migrate-1 ended with exit code 3, but the new color starts only if it ends with 0: correct the cause"),
        (500, 0, "migrate-1 has not ended within 20 s .bluegreen_health_deadline.: give it more time, or, "),
    ],
)
def test_init_has_to_end_well(host, journal, seconds, code, sentence, reported):
    host.engine.crashes_after["blue-migrate"] = seconds
    finish(host, "blue-migrate", code)
    with pytest.raises(BluegreenError, match=sentence) as caught:
        start(host, journal, roles(host), timeout=20)
    assert "shop-blue-migrate-1" in caught.value.details["logs"]
    assert "init container shop-blue-migrate-1 runs for 1 s" in reported
    assert ("start", "blue-web") not in host.calls


def test_one_that_a_run_before_has_started_is_waited_for(host, journal):
    host.engine.start("blue-migrate")
    host.calls.clear()
    assert start(host, journal, roles(host, "init", "web")).started == ["shop-blue-web-1"]
    assert [name for verb, name in host.calls if verb == "start"] == ["blue-web"]
    assert host.engine.state("blue-migrate") == "exited"


@pytest.mark.parametrize("seconds, ends", [(39, True), (41, False)])
def test_one_that_may_hurry_gets_its_time_again_and_only_once(host, journal, seconds, ends):
    host.engine.crashes_after["blue-migrate"], hurried = seconds, []
    containers = roles(host, "init")
    if ends:
        start(host, journal, containers, timeout=20, hurry=lambda: hurried.append(host.clock.now))
    else:
        with pytest.raises(BluegreenError, match="migrate-1 has not ended within 20 s"):
            start(host, journal, containers, timeout=20, hurry=lambda: hurried.append(host.clock.now))
    assert len(hurried) == 1


def test_what_the_engine_refuses_is_a_sentence(host, journal):
    def refuse(_container):
        raise EngineError("driver failed: port is already allocated", 500)

    host.engine.start = refuse
    with pytest.raises(
        BluegreenError, match="shop-blue-web-1 could not be started: driver failed: port is already"
    ) as caught:
        start(host, journal, roles(host, "web"))
    assert caught.value.details["failure"] == "start"


def test_a_start_that_changed_nothing_is_none(host, journal):
    host.engine.start = lambda _container: None
    with pytest.raises(BluegreenError, match="shop-blue-web-1 was told to start, but"):
        start(host, journal, roles(host, "web"))
