# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis_cli import RedisCli, parse, quote
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.url import Credentials


@pytest.mark.parametrize(
    "out, replies",
    [
        (b"", []),
        (b"OK\n", [b"OK"]),
        (b"(integer) -2\n(nil)\n", [-2, None]),
        (b'"a\\"b\\\\c\\n\\x06\\x16\\a"\n', [b'a"b\\c\n\x06\x16\a']),
        (b"(empty array)\n(empty list or set)\n", [[], []]),
        (b'1) "a"\n2) (nil)\n1) "b"\n', [[b"a", None], [b"b"]]),
        (b'1) "0"\n2) 1) "k"\n   2) "v"\n(integer) 1\n', [[b"0", [b"k", b"v"]], 1]),
        (b'1) "0"\n2) (empty array)\n', [[b"0", []]]),
        (b'1) 1) 1) "x"\n2) (integer) 2\n', [[[[b"x"]], 2]]),
        (b"".join(b'%2d) "%d"\n' % (n, n) for n in range(1, 12)), [[b"%d" % n for n in range(1, 12)]]),
        (b'"a"\n(1.25s)\n"b"\n', [b"a", b"b"]),
    ],
)
def test_parse(out, replies):
    assert parse(out) == replies


def test_quote():
    assert quote(("SET", "a b", b'"\\\r\n\xff', 1)) == b'"SET" "a b" "\\x22\\x5c\\x0d\\x0a\\xff" "1"'


def client(out=b"", code=0, error=b"", login=None, **options):
    """A client; ``login`` is what redis-cli prints for the login alone, which comes first."""
    sent = []

    def execute(container, argv, stdin):
        sent.append((container, argv, stdin))
        return code, (login if login is not None and len(sent) == 1 else out), error

    container = SimpleNamespace(id="c1", name="shop-blue-redis-1")
    options = {"database": 0, "credentials": Credentials(), **options}
    return RedisCli(SimpleNamespace(execute=execute), container, **options), sent


def test_a_password_goes_through_standard_input_alone():
    redis, sent = client(b"OK\nOK\n", database=3, credentials=Credentials("u", "s3cret"))
    assert redis.pipeline([]) == []
    assert sent[0] == ("c1", ["redis-cli", "--no-raw"], b'"AUTH" "u" "s3cret"\n"SELECT" "3"\n')


def test_what_it_prints_raw_is_taken_whole():
    redis, _sent = client(
        b"OK\n# Server\r\nrun_id:1\r\n", database=0, credentials=Credentials("", "p"), login=b"OK\n"
    )
    assert redis.call("INFO", "server") == b"# Server\r\nrun_id:1\r\n"


@pytest.mark.parametrize(
    "out, code, error, sentence",
    [
        (
            b"(error) WRONGTYPE Operation\n",
            0,
            b"",
            "Redis at container shop-blue-redis-1 refused a command .WRONGTYPE",
        ),
        (b"(error) NOAUTH Authentication required.\n", 0, b"", "asks for a password"),
        (
            b"",
            1,
            b"Could not connect to Redis at 127.0.0.1:6379\n",
            "gave an unexpected answer .exit code 1: Could not",
        ),
        (b"", 137, b"", r"gave an unexpected answer \(exit code 137\)"),
    ],
)
def test_refusals(out, code, error, sentence):
    with pytest.raises(RedisError, match=sentence):
        client(out, code, error)[0].call("PING")
