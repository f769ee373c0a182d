# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import connection as broker_connection
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.connection import Broker, connect
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.settings import BrokerSettings, settle
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.url import Credentials
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._process import Process
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost


@pytest.mark.parametrize(
    "broker, service, support, mode",
    [
        ("auto", "redis", ["redis"], "color"),
        ("auto", "redis", ["cache"], "shared"),
        ("auto", "redis", None, "shared"),
        ("color", "redis", [], "color"),
        ("none", "redis", ["redis"], "none"),
    ],
)
def test_settle(broker, service, support, mode):
    assert settle(broker, service, "", support).mode == mode


@pytest.mark.parametrize(
    "url, mode",
    [("redis://redis:6379/0", "color"), ("redis://queue.lan/0", "shared"), ("amqp://queue.lan//", "shared")],
)
def test_the_host_of_the_url_settles_it(url, mode):
    assert settle("auto", "redis", url, ["redis"]).mode == mode


def test_settle_names_what_is_wrong():
    with pytest.raises(BluegreenError, match="bluegreen_broker is 'colour'.*auto, color, shared, none"):
        settle("colour", "redis", "", [])
    with pytest.raises(BluegreenError, match="bluegreen_broker_url is not a URL"):
        settle("auto", "redis", "redis", [])
    with pytest.raises(BluegreenError, match="bluegreen_broker_url begins with rediss://"):
        settle("auto", "redis", "rediss://redis/0", ["redis"])


@pytest.fixture
def host():
    fake = FakeHost()
    fake.engine.add(
        "redis", Path="redis-server", NetworkSettings__Networks={"shop-blue_default": {"IPAddress": "10.0.0.5"}}
    )
    fake.engine.add("web", Config__Env=["URL=redis://u:p@redis/0"])
    return fake


@pytest.fixture
def connected(monkeypatch):
    made = []

    def redis(address, port, database, credentials):
        made.append((address, port, database, credentials))
        return SimpleNamespace(call=lambda *_words: b"PONG", close=lambda: None)

    monkeypatch.setattr(broker_connection, "Redis", redis)
    return made


@pytest.mark.parametrize(
    "settings, name, target",
    [
        (
            BrokerSettings("color"),
            "shop-blue/redis",
            ("10.0.0.5", 6379, 0, Credentials("u", "p", "URL of service web")),
        ),
        # The service has another name, but there is only one Redis.
        (
            BrokerSettings("color", "broker"),
            "shop-blue/redis",
            ("10.0.0.5", 6379, 0, Credentials("u", "p", "URL of service web")),
        ),
        (
            BrokerSettings("shared", "redis", "redis://redis:7000/3"),
            "shop-blue/redis",
            ("10.0.0.5", 7000, 3, Credentials("u", "p", "URL of service web")),
        ),
        (
            BrokerSettings("color", "redis", "redis://:own@redis"),
            "shop-blue/redis",
            ("10.0.0.5", 6379, 0, Credentials("", "own")),
        ),
        (
            BrokerSettings("shared", "redis", "redis://:x@queue.lan:6379/1"),
            "redis://queue.lan:6379",
            ("queue.lan", 6379, 1, Credentials("", "x")),
        ),
        # A name of this host that only containers know.
        (
            BrokerSettings("shared", "redis", "redis://host.docker.internal/0"),
            "redis://host.docker.internal:6379",
            ("127.0.0.1", 6379, 0, Credentials()),
        ),
    ],
)
def test_where_the_broker_is(host, connected, settings, name, target):
    broker = connect(host, of_project(host.engine, "shop-blue"), settings)
    assert broker.name == name
    assert broker.answers()
    assert connected == [target]


@pytest.mark.parametrize(
    "settings",
    [
        BrokerSettings("none"),
        BrokerSettings("shared", "redis", "amqp://rabbit//"),
        BrokerSettings("shared", "redis", "sqs://"),
        # A Redis of the project is not the one outside of it.
        BrokerSettings("shared", "redis"),
    ],
)
def test_a_broker_that_cannot_be_read_is_none(host, settings):
    assert connect(host, of_project(host.engine, "shop-blue"), settings) is None


def test_no_redis_in_the_project(host):
    assert connect(host, of_project(host.engine, "shop-blue", ["web"]), BrokerSettings("color")) is None


def test_two_redis_and_none_of_the_name_is_no_guess(host):
    host.engine.add("cache", Path="redis-server")
    assert connect(host, of_project(host.engine, "shop-blue"), BrokerSettings("color", "broker")) is None


def test_a_shared_broker_in_another_project_on_the_same_network(host, connected):
    host.engine.add("queue", color="infra")
    networks = {"shop-blue_default": {"IPAddress": "10.0.0.9"}}
    summaries = host.engine.containers

    def with_networks(labels=()):
        return [
            {**each, "NetworkSettings": {"Networks": networks if each["Id"] == "infra-queue" else {}}}
            for each in summaries(labels)
        ]

    host.engine.containers = with_networks
    broker = connect(host, of_project(host.engine, "shop-blue"), BrokerSettings("shared", "redis", "redis://queue/0"))
    assert broker.answers()
    assert connected[0][0] == "10.0.0.9"


def client(container_id, address, running=True):
    return SimpleNamespace(
        id=container_id, service=container_id, command=["run"], running=running, pid=5, addresses={"net": address}
    )


@pytest.mark.parametrize(
    "clients, listed, numpat, live",
    [
        # Who waits for messages from an address of nobody's is a worker.
        ([], "addr=10.0.0.7:1 db=0 psub=0 cmd=brpop", 0, True),
        ([], "addr=10.0.0.7:1 db=0 psub=1 cmd=psubscribe", 0, True),
        ([], "addr=10.0.0.7:1 db=1 psub=1 cmd=psubscribe", 0, False),
        ([], "addr=10.0.0.7:1 db=0 psub=0 cmd=get", 0, False),
        # A web that listens to something of its own.
        ([("web", "10.0.0.7", True)], "addr=10.0.0.7:1 db=0 psub=1 cmd=psubscribe", 0, False),
        # A worker that listens no more, but still finishes.
        ([("worker", "10.0.0.7", True)], "", 0, True),
        ([("worker", "10.0.0.7", False)], "", 0, False),
        # Redis does not tell its clients.
        ([], RedisError("no", "NOPERM"), 0, False),
        ([], RedisError("no", "NOPERM"), 2, True),
        ([], RedisError("no", "NOPERM"), RedisError("no", "NOPERM"), True),
    ],
)
def test_has_live_worker(monkeypatch, clients, listed, numpat, live):
    assert live_worker(monkeypatch, clients, listed, numpat) is live


CELERY = {
    "worker": "celery -A shop worker",
    "beat": "celery -A shop beat",
    "web": "gunicorn shop --workers 4",
    "custom": "run",
}
LIVE = {
    # What runs decides, not a word in a name or a command; where it tells nothing, the user's list does.
    "a web called coworker": (["web"], "coworker", ("worker",), "", False),
    "a web called coworker that nobody listed": (["web"], "coworker", None, "", True),
    "a worker of another name": (["worker"], "jobs", ("worker",), "", True),
    "a program of its own that is listed": (["custom"], "worker", ("worker",), "", True),
    "a program of its own that is not listed": (
        ["custom"],
        "jobs",
        ("worker",),
        "addr=10.0.0.7:1 db=0 psub=1 cmd=x",
        False,
    ),
    # celery status, as a health check, waits for its answers as a worker waits for tasks.
    "a beat with a health check": (["beat"], "beat", ("beat",), "addr=10.0.0.7:1 db=0 psub=0 cmd=brpop", False),
    "somebody else": (["web"], "web", ("worker",), "addr=10.0.0.8:1 db=0 psub=1 cmd=brpop", True),
}


@pytest.mark.parametrize("case", LIVE)
def test_what_runs_decides_whether_a_worker_lives(monkeypatch, case):
    runs, service, listed_services, listed, live = LIVE[case]
    argv = CELERY[runs[0]].split()
    given = [(service, "10.0.0.7", True)]
    assert live_worker(monkeypatch, given, listed, 0, argv, listed_services) is live


def live_worker(monkeypatch, clients, listed, numpat, argv=("run",), workers=None):
    def call(*words):
        answer = numpat if words[0] == "PUBSUB" else listed
        if isinstance(answer, RedisError):
            raise answer
        return answer if isinstance(answer, int) else answer.encode()

    monkeypatch.setattr(broker_connection, "Redis", lambda *_args: SimpleNamespace(call=call, close=lambda: None))
    monkeypatch.setattr(broker_connection, "is_alive", lambda _pid: True)
    monkeypatch.setattr(broker_connection, "processes_of", lambda pid: [Process(pid, 1, argv[0], list(argv))])
    return Broker("b", "10.0.0.5", clients=[client(*each) for each in clients], workers=workers).has_live_worker(0)
