# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import redis
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import (
    Redis,
    RedisError,
    encode,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.url import Credentials, Url, parse_url
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError


@pytest.mark.parametrize(
    "url, parsed",
    [
        ("redis://redis", Url("redis", "redis", 6379, None, Credentials())),
        ("redis://redis:6380/2", Url("redis", "redis", 6380, 2, Credentials())),
        ("redis://:p%40ss@redis/", Url("redis", "redis", 6379, None, Credentials("", "p@ss"))),
        ("redis://user:pw@[::1]:1/0", Url("redis", "::1", 1, 0, Credentials("user", "pw"))),
        ("amqp://guest@rabbit:5672//", Url("amqp", "rabbit", 5672, None, Credentials("guest", ""))),
        ("sqs://key:secret@", Url("sqs", "", 6379, None, Credentials("key", "secret"))),
        ("sqs://", Url("sqs", "", 6379, None, Credentials())),
    ],
)
def test_parse_url(url, parsed):
    assert parse_url(url) == parsed


@pytest.mark.parametrize(
    "url, sentence",
    [
        ("secret", "bluegreen_broker_url is not a URL"),
        ("redis://:secret@redis:port/0", "bluegreen_broker_url is not a URL"),
        ("redis://[secret/0", "bluegreen_broker_url is not a URL"),
        ("redis:///0", "bluegreen_broker_url is not a URL"),
        ("valkey:///0", "bluegreen_broker_url is not a URL"),
        ("valkey://redis/zero", "names the database 'zero', but Redis numbers its databases"),
        ("redis://:secret@redis/zero", "names the database 'zero', but Redis numbers its databases"),
    ],
)
def test_a_bad_url_is_one_sentence_without_its_password(url, sentence):
    with pytest.raises(BluegreenError, match=sentence) as caught:
        parse_url(url)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "said, credentials, sentence",
    [
        (
            b"-WRONGPASS bad",
            Credentials("", "p"),
            "does not accept the user and password that it was given (WRONGPASS): give",
        ),
        (
            b"-WRONGPASS bad",
            Credentials("", "p", "PW of service web"),
            "does not accept the password found in PW of service web (WRONGPASS): give",
        ),
        (b"-NOAUTH x", Credentials(), "asks for a password, and none was found in the project (NOAUTH): give"),
        (
            b"-NOAUTH x",
            Credentials(unread="--requirepass of service redis"),
            "asks for a password, and --requirepass of service redis could not be read (NOAUTH): give",
        ),
    ],
)
def test_a_refusal_says_where_the_password_came_from(monkeypatch, said, credentials, sentence):
    with pytest.raises(RedisError) as caught:
        talk(monkeypatch, said + b"\r\n", credentials=credentials)[0].call("PING")
    assert caught.value.message.startswith(f"Redis at 10.0.0.2:6379 {sentence}")


NEEDLESS = b"-ERR AUTH <password> called without any password configured for the default user. Are you sure?\r\n"


def test_a_redis_without_a_password_needs_none_that_was_found(monkeypatch):
    client, _wire = talk(monkeypatch, NEEDLESS + b"+PONG\r\n", credentials=Credentials("", "p", "PW of service web"))
    assert client.call("PING") == b"PONG"
    # The user's own is another matter.
    with pytest.raises(RedisError, match="called without any password"):
        talk(monkeypatch, NEEDLESS, credentials=Credentials("", "p"))


def test_encode():
    assert encode(("SET", "\u00e4", b"\r\n", 1)) == b"*4\r\n$3\r\nSET\r\n$2\r\n\xc3\xa4\r\n$2\r\n\r\n\r\n$1\r\n1\r\n"


class Wire:
    """A socket whose other end has said everything already."""

    def __init__(self, said):
        self.said, self.sent = said, b""

    def setsockopt(self, *_args):
        pass

    settimeout = setsockopt

    def makefile(self, _mode):
        return io.BytesIO(self.said)

    def sendall(self, data):
        self.sent += data

    def close(self):
        pass


def talk(monkeypatch, said, **options):
    wire = Wire(said)
    monkeypatch.setattr(redis.socket, "create_connection", lambda *_args: wire)
    return Redis("10.0.0.2", **options), wire


@pytest.mark.parametrize(
    "said, reply",
    [
        (b"+OK\r\n", b"OK"),
        (b":-3\r\n", -3),
        (b"$5\r\na\r\nbc\r\n", b"a\r\nbc"),
        (b"$-1\r\n", None),
        (b"*-1\r\n", None),
        (b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", [b"a", [1]]),
    ],
)
def test_answers(monkeypatch, said, reply):
    assert talk(monkeypatch, said)[0].call("X") == reply


@pytest.mark.parametrize("said", [b"", b"$5\r\nab", b"*2\r\n:1\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"$x\r\n"])
def test_what_is_no_answer_is_a_sentence(monkeypatch, said):
    with pytest.raises(RedisError, match="Redis does not answer at 10.0.0.2:6379"):
        talk(monkeypatch, said)[0].call("X")


def test_it_logs_in_before_it_selects(monkeypatch):
    _client, wire = talk(monkeypatch, b"+OK\r\n+OK\r\n", database=2, credentials=Credentials("u", "p"))
    assert wire.sent == encode(("AUTH", "u", "p")) + encode(("SELECT", 2))


def test_scan_does_without_type_before_redis_6(monkeypatch):
    said = b"-ERR syntax error\r\n" + b"*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n" + b"+list\r\n+string\r\n"
    assert talk(monkeypatch, said)[0].scan(kind="list") == [b"a"]
