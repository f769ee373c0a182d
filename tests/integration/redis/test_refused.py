# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be moved whole is refused by real servers and by us, before the first message moves."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tasks import SEPARATOR, consume_all, fill, message, take_unacked

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import move_checks
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.connection import Broker
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.move import move
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.queues import count_messages
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.url import Credentials
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Host
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import NullJournal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps import bg_move_tasks


@pytest.fixture
def host():
    return SimpleNamespace(commands=[])


def refused(host, here, there, sentence):
    """A move that is refused, and of which nothing shows in the source."""
    with pytest.raises(BluegreenError, match=sentence) as caught:
        move(host, NullJournal(), here, there)
    assert "WRONGTYPE" not in caught.value.message
    assert host.commands == []
    return caught.value


@pytest.fixture
def waiting(old):
    payloads = [message() for _number in range(3)]
    with old.connect() as redis:
        fill(redis, "celery", payloads)
        yield payloads
        assert consume_all(redis) == payloads
        assert [key for key in redis.scan() if key.startswith(b"_bg.")] == []


def test_a_cluster(host, old, waiting, start_server):
    cluster = start_server("--cluster-enabled", "yes")
    refused(host, old.broker("old"), cluster.broker("new"), "new is a Redis in cluster mode.*bluegreen_broker: shared")
    refused(host, cluster.broker("new"), old.broker("old"), "new is a Redis in cluster mode")


def test_a_sentinel(host, old, waiting, start_server):
    sentinel = start_server(sentinel=True)
    refused(host, old.broker("old"), sentinel.broker("new"), "new is a Redis in sentinel mode.*bluegreen_broker")


def test_a_queue_larger_than_maxmemory(host, old, start_server):
    small = start_server("--maxmemory", "6mb")
    payloads = [message(text="x" * 20_000) for _number in range(400)]
    with old.connect() as redis:
        fill(redis, "celery", payloads)
        figures = r"from old need 1\d MiB, but new has room for .*its maxmemory is 6.0 MiB"
        error = refused(host, old.broker("old"), small.broker("new"), figures)
        assert consume_all(redis) == payloads
    assert error.details["needed"] > error.details["room"] > 0
    assert count_messages(small.broker("new")) == {}
    # What fits is moved.
    with old.connect() as redis:
        redis.call("LTRIM", "celery", 0, 49)
    assert move(host, NullJournal(), old.broker("old"), small.broker("new")).moved == 50


@pytest.mark.parametrize("where", ["unacked", "results"])
def test_what_is_not_in_a_queue_needs_room_too(host, old, start_server, where):
    small = start_server("--maxmemory", "4mb")
    with old.connect() as redis:
        if where == "unacked":
            take_unacked(redis, [message(text="x" * 20_000) for _number in range(300)])
        else:
            redis.pipeline([("SET", f"celery-task-meta-{n}", "x" * 30_000) for n in range(200)])
        refused(host, old.broker("old"), small.broker("new"), "its maxmemory is 4.0 MiB")


def test_the_memory_of_the_host_counts_where_the_redis_is_on_it(host, old, new, waiting, monkeypatch):
    monkeypatch.setattr(move_checks.host_memory, "available_memory", lambda: 100)
    container = SimpleNamespace(id="c", name="c", running=True, pid=0)
    host.engine = SimpleNamespace(inspect=lambda _id: {"HostConfig": {"Memory": 0}})
    there = Broker("new", new.socket, container=container)
    refused(host, old.broker("old"), there, "MiB are free on this host")


def test_the_limit_of_its_container_counts(host, old, new, waiting):
    container = SimpleNamespace(id="c", name="c", running=True, pid=0)
    host.engine = SimpleNamespace(
        inspect=lambda _id: {"HostConfig": {"Memory": 9_000_000}},
        stats=lambda _id: {"memory_stats": {"usage": 8_999_000, "stats": {}}},
    )
    there = Broker("new", new.socket, container=container)
    refused(host, old.broker("old"), there, "its container may have 8.6 MiB, of which 8.6 MiB are used")


@pytest.mark.parametrize("key, found", [("celery", "string"), ("unacked", "string"), ("unacked_index", "list")])
@pytest.mark.parametrize("side", ["destination", "source"])
def test_a_key_of_celerys_name_with_another_type(host, old, new, key, found, side):
    with old.connect() as redis, new.connect() as other:
        fill(redis, "reports", [message("reports")])
        there = other if side == "destination" else redis
        there.call("SET" if found == "string" else "LPUSH", key, "theirs")
        name = {"destination": "new", "source": "old"}[side]
        refused(host, old.broker("old"), new.broker("new"), f"Key '{key}' in database 0 of {name} is a {found}, but .*")
        assert redis.call("LLEN", "reports") == 1
        assert there.call("TYPE", key) == found.encode()


def test_a_queue_of_a_name_that_the_destination_has_for_something_else(host, old, new, waiting):
    with old.connect() as redis, new.connect() as other:
        fill(redis, f"shop:mail{SEPARATOR}3", [message("mail", 3)])
        other.call("HSET", f"shop:mail{SEPARATOR}3", "a", "b")
        refused(host, old.broker("old"), new.broker("new"), "is a hash, but under this name Celery keeps a list")
        redis.call("DEL", f"shop:mail{SEPARATOR}3")


def test_a_user_who_may_not_write_there(host, old, waiting, start_server):
    server = start_server()
    with server.connect() as redis:
        redis.call("ACL", "SETUSER", "shop", "on", ">s3cret", "~*", "+@all", "-eval")
    there = Broker("new", server.socket, credentials=Credentials("shop", "s3cret"))
    error = refused(host, old.broker("old"), there, "lacks a permission.*bluegreen_broker_url")
    assert "s3cret" not in error.message


def test_a_replica(host, old, waiting, start_server):
    replica = start_server("--replicaof", "127.0.0.1", "1")
    refused(host, old.broker("old"), replica.broker("new"), "READONLY")


# The module


@pytest.fixture
def run(tmp_path, monkeypatch):
    def make(app, host):
        return Store(app, host, str(tmp_path / "lib"), str(tmp_path / "run"))

    monkeypatch.setattr(bg_move_tasks, "Store", make)

    def call(source, destination):
        params = {
            "app": "shop",
            "deployment_id": "",
            "epoch": 0,
            "source": {"project": "", "service": "redis", "url": source},
            "destination": {"project": "", "service": "redis", "url": destination},
            "hop": 0,
            "empty": False,
        }
        return bg_move_tasks.move_tasks(params, Host(), False)

    return call


def test_a_url_that_nobody_answers_at(run):
    sentence = r"source \(redis://127.0.0.1:1\): Redis does not answer at .*refused\). Start it, .* Nothing"
    with pytest.raises(BluegreenError, match=sentence):
        run("redis://:s3cret@127.0.0.1:1/0", "redis://127.0.0.1:2/0")


def test_a_wrong_password_is_a_sentence_without_it(run, start_server, address_of):
    address = address_of(start_server("--requirepass", "s3cret"))
    sentence = r"source .*does not accept .*bluegreen_broker_url.* Nothing was moved"
    with pytest.raises(BluegreenError, match=sentence) as caught:
        run(f"redis://:wr0ng@{address}/0", "redis://127.0.0.1:1/0")
    assert "wr0ng" not in caught.value.message
    with pytest.raises(BluegreenError, match=r"source .*asks for a password") as caught:
        run(f"redis://{address}/0", "redis://127.0.0.1:1/0")
    with pytest.raises(BluegreenError, match=r"destination .*refused\). Start it, .* Nothing was moved"):
        run(f"redis://:s3cret@{address}/0", "redis://127.0.0.1:1/0")
