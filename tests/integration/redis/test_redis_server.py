# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client against a real Redis."""

from __future__ import annotations

import errno
import subprocess
import time
from types import SimpleNamespace

import pytest
from tasks import consume_all, fill, message, take_unacked

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import redis as broker_redis
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.connection import Broker
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.move import move
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import Redis, RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.url import Credentials
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import NullJournal


@pytest.mark.parametrize(
    "value",
    [b"", b"\r\n$-1\r\n", bytes(range(256)), "\u00e4\u20ac".encode(), b"x" * 3_000_000],
    ids=["empty", "an answer", "every byte", "UTF-8", "3 MB"],
)
def test_bytes_come_back_as_they_went_in(old, value):
    with old.connect() as redis:
        redis.call("SET", "key", value)
        assert redis.call("GET", "key") == value


def test_answers_of_every_form(old):
    with old.connect() as redis:
        assert redis.call("PING") == b"PONG"
        assert redis.call("GET", "nothing") is None
        assert redis.call("LPUSH", "list", "a", "b") == 2
        assert redis.call("LRANGE", "list", 0, -1) == [b"b", b"a"]
        assert redis.call("LRANGE", "nothing", 0, -1) == []
        assert redis.call("EVAL", "return {1, {'two', false}}", 0) == [1, [b"two", None]]


def test_a_refusal_is_raised_and_the_connection_still_good(old):
    with old.connect() as redis:
        redis.call("SET", "text", "1")
        with pytest.raises(RedisError, match="WRONGTYPE") as caught:
            redis.pipeline([("PING",), ("LPUSH", "text", "x"), ("SET", "after", "2")])
        assert caught.value.code == "WRONGTYPE"
        assert redis.call("GET", "after") == b"2"


def test_a_pipeline_answers_in_order(old):
    with old.connect() as redis:
        assert redis.pipeline([("ECHO", number) for number in range(500)]) == [b"%d" % n for n in range(500)]


def test_databases_are_apart(old):
    with old.connect() as zero, old.connect(3) as three:
        zero.call("SET", "a", 1)
        three.call("SET", "b", 1)
        assert old.broker("old").databases() == [0, 3]
        assert three.scan() == [b"b"]


def test_scan_finds_each_key_once_and_by_type(old):
    with old.connect() as redis:
        redis.pipeline([("SET", f"text{n}", n) for n in range(3000)] + [("LPUSH", f"list{n}", n) for n in range(50)])
        assert len(redis.scan()) == 3050
        assert redis.scan(kind="list") == sorted(b"list%d" % n for n in range(50))
        assert redis.scan(match="*t7") == [b"list7", b"text7"]


def test_a_password_is_given_and_never_shown(start_server):
    server = start_server("--requirepass", "s3cret/:@")
    with Redis(server.socket, credentials=Credentials(password="s3cret/:@")) as redis:
        assert redis.call("PING") == b"PONG"
        redis.call("ACL", "SETUSER", "shop", "on", ">other", "~*", "+@all")
    with Redis(server.socket, credentials=Credentials("shop", "other")) as redis:
        assert redis.call("ACL", "WHOAMI") == b"shop"
    for credentials in (Credentials(), Credentials(password="wr0ng")):
        with pytest.raises(RedisError, match="bluegreen_broker_url") as caught:
            Redis(server.socket, credentials=credentials).call("GET", "x")
        assert "wr0ng" not in caught.value.message and "s3cret" not in caught.value.message


def test_a_redis_that_asks_for_a_password_is_up(start_server):
    assert Broker("b", start_server("--requirepass", "x").socket).answers()


def test_nobody_there(tmp_path):
    with pytest.raises(RedisError, match=r"does not answer at .*nobody.sock \(No such file or directory\)"):
        Redis(str(tmp_path / "nobody.sock"))
    assert not Broker("b", str(tmp_path / "nobody.sock")).answers()


def test_a_server_that_goes_away_is_a_sentence(start_server):
    server = start_server()
    redis = server.connect()
    server.stop()
    with pytest.raises(RedisError, match="does not answer"):
        redis.call("PING")


def test_consumers_are_those_who_wait_for_messages_or_listen_to_control(old):
    broker = old.broker("old")
    with old.connect() as bystander, old.connect(1) as elsewhere, old.connect() as worker:
        bystander.call("PING")
        bystander.call("SUBSCRIBE", "results")
        elsewhere.call("PSUBSCRIBE", "/1.celery.pidbox")
        assert not broker.has_live_worker(0)
        assert broker.has_live_worker(1)
        worker.call("BRPOP", "celery", 0.01)
        assert broker.has_live_worker(0)
    # Redis sees a closed connection when it comes to it.
    for _attempt in range(100):
        if not broker.has_live_worker(0):
            return
        time.sleep(0.05)
    raise AssertionError("a worker that is gone still counts")


def test_a_redis_that_does_not_tell_its_clients_counts_as_read(start_server):
    server = start_server("--rename-command", "CLIENT", "")
    broker = server.broker("b")
    assert not broker.has_live_worker(0)
    with server.connect() as worker:
        worker.call("PSUBSCRIBE", "/0.celery.pidbox")
        assert broker.has_live_worker(0)
    blind = start_server("--rename-command", "CLIENT", "", "--rename-command", "PUBSUB", "")
    assert blind.broker("b").has_live_worker(0)


class ExecEngine:
    """An engine that runs the redis-cli of this machine where a container's is asked for."""

    def __init__(self, server):
        self._server = server

    def execute(self, _container, argv, stdin=b"", timeout=60):
        done = subprocess.run(
            [argv[0], "-s", self._server.socket, *argv[1:]],
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr


def through_cli(server, name):
    """A broker whose address leads nowhere."""
    container = SimpleNamespace(id=name, name=name)
    broker = Broker(name, "10.0.0.2", container=container, engine=ExecEngine(server))
    return broker


@pytest.fixture
def no_way(monkeypatch):
    def refuse(*_args):
        raise OSError(errno.EHOSTUNREACH, "No route to host")

    monkeypatch.setattr(broker_redis.socket, "create_connection", refuse)


def test_redis_cli_gives_what_the_socket_gives(old, no_way):
    value = bytes(range(256)) + b"x" * 300_000
    with old.connect() as direct, through_cli(old, "old") as broker:
        redis = broker.database(2)
        commands = [
            ("PING",),
            ("SET", "key", value),
            ("GET", "key"),
            ("GET", "nothing"),
            ("RPUSH", "list", '1) "', "b\nc", ""),
            ("LRANGE", "list", 0, -1),
            ("LRANGE", "nothing", 0, -1),
            ("HSET", "hash", "f", "1"),
            ("HSCAN", "hash", 0),
            ("EVAL", "return {1, {'two', {'three'}}, 'four'}", 0),
        ]
        direct.call("SELECT", 2)
        answers = redis.pipeline(commands)
        direct.call("FLUSHDB")
        assert answers == direct.pipeline(commands)
        assert broker.databases() == [2]


def test_a_move_where_the_host_has_no_way(old, new, no_way):
    waiting, taken = [message() for _number in range(30)], [message() for _number in range(3)]
    with old.connect() as redis:
        fill(redis, "celery", waiting)
        take_unacked(redis, taken)
        redis.call("SET", "celery-task-meta-1", b"\x00\xff", "EX", 100)
    with through_cli(old, "old") as here, through_cli(new, "new") as there:
        engine = SimpleNamespace(inspect=lambda _container: {"HostConfig": {"Memory": 0}})
        moved = move(SimpleNamespace(commands=[], engine=engine), NullJournal(), here, there)
    assert (moved.moved, moved.left, moved.results) == (33, {}, 1)
    with new.connect() as redis:
        assert consume_all(redis) == taken + waiting
        assert redis.call("GET", "celery-task-meta-1") == b"\x00\xff"


def test_refused_is_no_reason_to_try_another_way(old, tmp_path):
    broker = Broker(
        "b", str(tmp_path / "nobody.sock"), container=SimpleNamespace(id="c", name="c"), engine=ExecEngine(old)
    )
    with pytest.raises(RedisError, match="nobody.sock"):
        broker.database(0)
