# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Questions to live workers through Celery's remote control, without Celery.

``celery inspect`` starts a Python with the whole app: seconds and 38 MiB a call. The same question is one PUBLISH.
"""

from __future__ import annotations

import base64
import json
import os
from typing import NamedTuple

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _kombu
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._clock import Deadline
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._redis import RedisError

ANSWER_SECONDS = 1.0


class Task(NamedTuple):
    """A task that a worker was busy with.

    ``since`` is its start in seconds since the epoch, ``pid`` the process that runs it as its container counts; ``None``
    where the worker does not tell.
    """

    node: str
    id: str
    name: str
    since: object
    pid: object = None


def request(method, reply_to, ticket, database, now, arguments=None):
    """``(channel, message)`` of a question to every worker of a database; pure.

    :param method: ``active``, ``registered`` or ``ping``.
    :param arguments: what the method is given, by name.
    :param now: seconds since the epoch; a worker ignores a question that is older than a minute.
    """
    body = {
        "method": method,
        "arguments": arguments or {},
        "destination": None,
        "pattern": None,
        "matcher": None,
        "ticket": ticket,
        "reply_to": {"exchange": "reply.celery.pidbox", "routing_key": reply_to},
    }
    message = {
        "body": base64.b64encode(json.dumps(body).encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"clock": 1, "expires": now + 60},
        "properties": {
            "delivery_mode": 2,
            "delivery_info": {"exchange": "celery.pidbox", "routing_key": ""},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": ticket,
        },
    }
    return f"/{database}.celery.pidbox", json.dumps(message)


def answer(payload):
    """``(node, answer)`` from a reply's bytes, or ``None``; pure."""
    try:
        message = _kombu.decoded(payload)
        body = message["body"]
        if message["properties"].get("body_encoding") == "base64":
            body = base64.b64decode(body)
        ((node, content),) = _kombu.decoded(body).items()
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return node, content


def ask(host, broker, number, method, most, arguments=None):
    """Answers by node; an empty dict when no worker answers in time.

    :param number: the database that the workers read.
    :param most: how many answers to wait for at most.
    """
    database = broker.database(number)
    name, ticket = os.urandom(16).hex(), os.urandom(16).hex()
    queue = f"{name}.reply.celery.pidbox"
    binding = f"{_kombu.BINDING}reply.celery.pidbox"
    member = _kombu.SEPARATOR.join((name, "", queue))
    answers = {}
    try:
        database.call("SADD", binding, member)
        channel, message = request(method, name, ticket, number, host.clock.wall(), arguments)
        if not database.call("PUBLISH", channel, message):
            return answers
        deadline = Deadline(host.clock, ANSWER_SECONDS)
        while len(answers) < most and not deadline.over:
            payload = database.call("RPOP", queue)
            if payload is None:
                deadline.sleep(0.02)
                continue
            found = answer(payload)
            if found is not None:
                answers[found[0]] = found[1]
    finally:
        database.pipeline([("SREM", binding, member), ("DEL", queue)])
    return answers


def active_tasks(host, broker, most):
    """What workers are busy with, or ``None`` when nobody tells; never a failure."""
    tasks, told = [], False
    try:
        for number in broker.message_databases():
            if not broker.has_live_worker(number):
                continue
            for node, content in ask(host, broker, number, "active", most).items():
                told = True
                for each in content if isinstance(content, list) else ():
                    tasks.append(Task(node, str(each.get("id")), str(each.get("name")), each.get("time_start"), each.get("worker_pid")))
    except RedisError:
        return None
    return tasks if told else None
