# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of tasks as kombu writes them to Redis, and what a worker does with them there."""

from __future__ import annotations

import base64
import json
import uuid

SEPARATOR = "\x06\x16"


def message(queue="celery", priority=0, exchange="", text="[[], {}, {}]", tag=None, task="shop.work"):
    """Bytes of a message in a queue, in the very form that kombu gives it."""
    return json.dumps(
        {
            "body": base64.b64encode(text.encode()).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {
                "lang": "py",
                "task": task,
                "id": str(uuid.uuid4()),
                "eta": None,
                "argsrepr": "('\u00e4',)",
            },
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
