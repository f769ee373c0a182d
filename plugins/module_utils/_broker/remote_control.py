# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Requests to live workers through Celery's remote control, without Celery.

``celery inspect`` starts a Python with the whole app: seconds and 38 MiB a call. The same request is one PUBLISH.
"""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any, Iterable, Mapping, NamedTuple, Sequence

from .._celery import kombu
from .._docker.containers import Container
from .._linux.clock import Deadline
from .node_names import Nodes, nodes_of
from .queues import text
from .redis import Commands, RedisError

if TYPE_CHECKING:
    from .._host import Host
    from .connection import Broker

ANSWER_SECONDS = 1.0


class Task(NamedTuple):
    """A task that a worker was busy with.

    ``since`` is its start in seconds since the epoch, ``worker_pid`` the process that runs it, in the container's own
    numbers; either may be ``None``.
    """

    node: str
    id: str
    name: str
    since: float | None
    worker_pid: int | None = None


class Mailbox(NamedTuple):
    """Where an app's workers listen: its ``global_keyprefix``, its exchange, and the separator of its bindings."""

    prefix: str = ""
    exchange: str = "celery" + kombu.PIDBOX
    separator: str = kombu.SEPARATOR

    def channels(self, database: int) -> tuple[str, str]:
        """The channels that they may listen to, the usual one first (see kombu's option ``fanout_prefix``)."""
        return f"{self.prefix}/{database}.{self.exchange}", f"{self.prefix}{self.exchange}"


def request(
    method: str,
    reply_to: str,
    ticket: str,
    now: float,
    arguments: Mapping[str, Any] | None = None,
    exchange: str = Mailbox().exchange,
    destination: Sequence[str] | None = None,
) -> str:
    """The message of a request to the workers of a mailbox, as JSON; pure.

    :param method: ``active``, ``registered``, ``conf`` or another one of Celery's remote control.
    :param reply_to: the routing key of the answers.
    :param ticket: the id of the request.
    :param now: seconds since the epoch; a worker ignores a request that is older than a minute.
    :param arguments: of the method, by name.
    :param destination: names of the nodes that shall answer; ``None`` for all.
    """
    body = {
        "method": method,
        "arguments": arguments or {},
        "destination": destination,
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
            "delivery_info": {"exchange": exchange, "routing_key": ""},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": ticket,
        },
    }
    return json.dumps(message)


def answer(payload: bytes) -> tuple[Any, Any] | None:
    """``(node, answer)`` from a reply's bytes, or ``None``; pure."""
    try:
        message = kombu.decoded(payload)
        body = message["body"]
        if message["properties"].get("body_encoding") == "base64":
            body = base64.b64decode(body)
        ((node, content),) = kombu.decoded(body).items()
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return node, content


def _mailboxes(database: Commands, keys: Iterable[str]) -> dict[Mailbox, set[str]]:
    """A :class:`Mailbox` for each app whose workers listen in a database, with the names of its nodes.

    :param keys: names of the bindings of their exchanges.
    """
    found: dict[Mailbox, set[str]] = {}
    for key in keys:
        prefix, exchange = kombu.binding_of_key(key)
        for member in () if exchange.startswith("reply.") else map(text, database.call("SMEMBERS", key)):
            separator = kombu.leading_separator(member)
            if separator:
                node = member[2 * len(separator) :]
                box = Mailbox(prefix, exchange, separator)
                found.setdefault(box, set()).add(node[: -len(exchange) - 1] if node.endswith(exchange) else node)
    return found


def ask(
    host: Host,
    broker: Broker,
    number: int,
    method: str,
    nodes: Nodes,
    arguments: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Send a request to some nodes, and return the answers by node; without those of nodes that do not answer in time.

    :param number: the database that the workers read.
    :param method, arguments: as for :func:`request`.
    """
    answers: dict[str, Any] = {}
    asked: set[Mailbox] = set()
    database = broker.database(number)
    usual = [kombu.BINDING + Mailbox().exchange]
    # Others are searched for only if a node is not at the usual one, because that takes a SCAN of all keys.
    for keys in (lambda: usual, lambda: map(text, database.scan(match=f"*{kombu.BINDING}*{kombu.PIDBOX}", kind="set"))):
        if nodes.all_in(answers):
            break
        for box, names in _mailboxes(database, keys()).items():
            if box not in asked and any(map(nodes.owns, names)):
                asked.add(box)
                # Workers of another app may listen there too, and must not follow the request.
                own = sorted(filter(nodes.owns, names))
                _ask_mailbox(host, database, number, box, _Request(method, arguments, own), nodes, answers)
    return answers


class _Request(NamedTuple):
    method: str
    arguments: Mapping[str, Any] | None
    destination: Sequence[str]


def _ask_mailbox(
    host: Host,
    database: Commands,
    number: int,
    box: Mailbox,
    asked: _Request,
    nodes: Nodes,
    answers: dict[str, Any],
) -> None:
    """Send a request to one mailbox, and add the answers of some nodes to ``answers``."""
    name, ticket = os.urandom(16).hex(), os.urandom(16).hex()
    queue = f"{name}.reply.celery.pidbox"
    key, binding = f"{box.prefix}{queue}", f"{box.prefix}{kombu.BINDING}reply.celery.pidbox"
    member = box.separator.join((name, "", queue))
    try:
        database.call("SADD", binding, member)
        now = host.clock.wall()
        message = request(asked.method, name, ticket, now, asked.arguments, box.exchange, asked.destination)
        if not any(database.call("PUBLISH", channel, message) for channel in box.channels(number)):
            return
        deadline = Deadline(host.clock, ANSWER_SECONDS)
        while not nodes.all_in(answers) and not deadline.over:
            payload = database.call("RPOP", key)
            if payload is None:
                deadline.sleep(0.02)
                continue
            found = answer(payload)
            if found is not None and nodes.owns(found[0]):
                answers[found[0]] = found[1]
    finally:
        database.pipeline([("SREM", binding, member), ("DEL", key)])


def ask_all(
    host: Host, broker: Broker, method: str, nodes: Nodes, arguments: Mapping[str, Any] | None = None
) -> dict[str, Any] | None:
    """The same in all databases with messages that a worker reads; ``None`` when Redis refuses or cannot be reached."""
    answers: dict[str, Any] = {}
    try:
        for number in broker.message_databases():
            if not nodes.all_in(answers) and broker.has_live_worker(number):
                answers.update(ask(host, broker, number, method, nodes, arguments))
    except RedisError:
        return None
    return answers


def active_tasks(host: Host, broker: Broker, containers: Sequence[Container]) -> list[Task] | None:
    """The tasks that workers are busy with, or ``None`` when no worker answers; never raises.

    :param containers: the workers' containers. Other workers of the same broker are not asked.
    """
    nodes = nodes_of(host, containers)
    answers = ask_all(host, broker, "active", nodes) if nodes else None
    if not answers:
        return None
    return [
        Task(node, str(each.get("id")), str(each.get("name")), each.get("time_start"), each.get("worker_pid"))
        for node, content in answers.items()
        for each in (content if isinstance(content, list) else ())
    ]
