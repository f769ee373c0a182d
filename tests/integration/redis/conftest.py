# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Redis servers on unix sockets, and messages as kombu writes them."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import uuid

import pytest
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import Broker
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._redis import Redis, RedisError

SEPARATOR = "\x06\x16"


def pytest_collection_modifyitems(items):
    if shutil.which("redis-server") is None:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="redis-server is not installed (apt install redis-server)"))


class Server:
    """A redis-server process of its own; everything in it is gone with it."""

    def __init__(self, folder, *options):
        folder.mkdir()
        self.socket = str(folder / "redis.sock")
        self._process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "", "--appendonly", "no"]
            + ["--dir", str(folder), *options],
            stdout=subprocess.DEVNULL,
        )
        for _attempt in range(200):
            try:
                self.connect().close()
                return
            except RedisError as error:
                if error.code:
                    return
            time.sleep(0.02)
        raise RuntimeError("redis-server did not start")

    def connect(self, database=0):
        return Redis(self.socket, database=database)

    def broker(self, name, database=None, cls=Broker):
        return cls(name, self.socket, database=database)

    def stop(self):
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    root = tmp_path_factory.mktemp("redis")
    both = Server(root / "old"), Server(root / "new")
    yield both
    for server in both:
        server.stop()


@pytest.fixture
def old(servers):
    return _emptied(servers[0])


@pytest.fixture
def new(servers):
    return _emptied(servers[1])


@pytest.fixture
def start_server(tmp_path):
    started = []

    def start(*options):
        started.append(Server(tmp_path / f"redis{len(started)}", *options))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def _emptied(server):
    with server.connect() as redis:
        redis.call("FLUSHALL")
    return server


def message(queue="celery", priority=0, exchange="", text="[[], {}, {}]", tag=None):
    """Bytes of a message in a queue, in the very form that kombu gives it."""
    return json.dumps(
        {
            "body": base64.b64encode(text.encode()).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {"lang": "py", "task": "shop.work", "id": str(uuid.uuid4()), "eta": None, "argsrepr": "('\u00e4',)"},
            "properties": {
                "correlation_id": str(uuid.uuid4()),
                "delivery_mode": 2,
                "delivery_info": {"exchange": exchange, "routing_key": queue},
                "priority": priority,
                "body_encoding": "base64",
                "delivery_tag": tag or str(uuid.uuid4()),
            },
        }
    ).encode()


def tag_of(payload):
    return json.loads(payload)["properties"]["delivery_tag"]


def fill(redis, key, payloads):
    """Publish messages, the first of them first."""
    for payload in payloads:
        redis.call("LPUSH", key, payload)


def take_unacked(redis, payloads, exchange="", routing_key="celery", since=1000.0, prefix=""):
    """Let a worker, which then dies, take messages without acknowledging them, the first of them first."""
    for offset, payload in enumerate(payloads):
        value = f"[{payload.decode()}, {json.dumps(exchange)}, {json.dumps(routing_key)}]"
        redis.call("HSET", f"{prefix}unacked", tag_of(payload), value)
        redis.call("ZADD", f"{prefix}unacked_index", since + offset, tag_of(payload))


def consume_all(redis, key="celery"):
    """Messages in the order in which a worker would take them."""
    return list(reversed(redis.call("LRANGE", key, 0, -1)))
