# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Names and forms that kombu, Celery's messaging, uses in Redis."""

from __future__ import annotations

import base64
import bisect
import json
import re
from typing import Any, Collection, NamedTuple

SEPARATOR = "\x06\x16"
# kombu has one list for each step; a message waits in the list of the highest step that is not above its priority.
PRIORITY_STEPS = (0, 3, 6, 9)
PIDBOX = ".pidbox"
BINDING = "_kombu.binding."
UNACKED = "unacked"
UNACKED_INDEX = "unacked_index"
RESULTS = ("celery-task-meta-", "celery-taskset-meta-")

_PRIORITY_SUFFIX = re.compile(SEPARATOR + r"(\d+)$")
_OWN = re.compile(
    r"unacked(_index|_mutex)?$|_kombu\.binding|celery-task(set)?-meta-|chord-unlock-|\.pidbox$|(^|[.:_])celeryev(\.|$)"
)
# Exchanges that serve remote control and events: they belong to live workers, not to tasks.
_CONTROL = re.compile(r"\.pidbox$|(^|\.)celeryev(\..*)?$")


class Layout(NamedTuple):
    """How the workers of an app name the lists of a queue; a field is empty while it is not known.

    ``separator`` and ``steps`` are kombu's transport options ``sep`` and ``priority_steps``.
    """

    separator: str = ""
    steps: tuple[int, ...] = ()


class Unacked(NamedTuple):
    """A message that a worker has taken and not acknowledged, with the exchange and key that it was sent to."""

    payload: bytes
    exchange: str
    routing_key: str


class Binding(NamedTuple):
    """A rule of an exchange: messages with this routing key, or one that matches the pattern, go to a queue.

    ``pattern`` is a regular expression for a topic exchange, else empty.
    """

    routing_key: str
    pattern: str
    queue: str


def decoded(text: str | bytes) -> Any:
    """The data of a JSON text. Any client of the app's Redis may have written it, with any depth of brackets.

    :raises ValueError: it is not JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("too deep") from error


def queue_of_key(key: str) -> str:
    """The queue that a list belongs to: its name without the suffix of a priority."""
    return _PRIORITY_SUFFIX.sub("", key)


def queue_by_bindings(name: str, members: Collection[str]) -> str:
    """The queue that a list belongs to, where the workers use another separator (``sep``) before a priority.

    :param name: the list's name after :func:`queue_of_key`.
    :param members: members of the database's bindings, which show the separator and the names of the queues.
    """
    shown = [(member, separator_in(member)) for member in members]
    queues = {binding.queue for binding in bindings_of(members)}
    queues |= {member[: len(member) // 2 - len(separator)] for member, separator in shown if separator}
    for separator in sorted({separator for dummy, separator in shown if separator}, key=len, reverse=True):
        queue, found, step = name.rpartition(separator)
        if found and step.isdigit() and queue in queues and name not in queues:
            return queue
    return name


def key_of_queue(queue: str, priority: int, layout: Layout) -> str:
    """The list in which a message of this priority waits.

    While the layout is not known it is the queue's own list, because every worker reads that one: the message may run
    earlier or later than its priority asks, but it runs.
    """
    if not layout.separator or not layout.steps:
        return queue
    # As kombu does it, which takes the last step when none is below the priority.
    step = layout.steps[bisect.bisect(layout.steps, priority) - 1]
    return f"{queue}{layout.separator}{step}" if step else queue


def key_elsewhere(key: str, layout: Layout, other: Layout) -> str:
    """The list that holds the same messages for workers with another layout.

    :param key: a list as ``layout`` names it.
    :returns: the same name if workers with the ``other`` layout read that list too.
    """
    for step in layout.steps:
        suffix = f"{layout.separator}{step}"
        if step and key.endswith(suffix):
            queue = key[: -len(suffix)]
            read = [f"{other.separator}{each}" for each in other.steps]
            return key if suffix in read else key_of_queue(queue, step, other)
    return key


def is_message(payload: bytes) -> bool:
    """Whether an element of a list is a message of kombu."""
    if b'"delivery_tag"' not in payload:
        return False
    return tag_of(payload) is not None


def tag_of(payload: bytes) -> str | None:
    """The delivery tag of a message, which stays the same wherever it is moved; ``None`` if it is not a message."""
    try:
        message = decoded(payload)
        tag = message["properties"]["delivery_tag"]
    except (ValueError, KeyError, TypeError):
        return None
    return str(tag) if "body" in message else None


def task_of(payload: bytes) -> str | None:
    """The name of the task that a message is for, or ``None`` if the message does not name one."""
    try:
        message = decoded(payload)
        name = (message.get("headers") or {}).get("task")
        if name is None:
            # Protocol 1: Celery before version 4, and still some publishers in other languages.
            body = message["body"]
            if (message.get("properties") or {}).get("body_encoding") == "base64":
                body = base64.b64decode(body)
            name = decoded(body)["task"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return name if isinstance(name, str) else None


def id_of(payload: bytes) -> str | None:
    """The id of the task that a message is for, or ``None`` if the message does not name one."""
    try:
        message = decoded(payload)
        task_id = (message.get("headers") or {}).get("id") or (message.get("properties") or {}).get("correlation_id")
    except (ValueError, TypeError, AttributeError):
        return None
    return task_id if isinstance(task_id, str) else None


def is_queue_name(key: str) -> bool:
    """Whether a list of this name can hold tasks; those for replies and events of remote control cannot."""
    return not key.endswith(".pidbox") and not re.search(r"(^|[.:_])celeryev(\.|$)", key)


def is_own_name(key: str) -> bool:
    """Whether Celery uses a key of this name for itself, with any ``global_keyprefix``; queues are not meant."""
    return bool(_OWN.search(key))


def binding_of_key(key: str) -> tuple[str, str]:
    """``(prefix, exchange)`` of the key of an exchange's bindings; the prefix is the app's ``global_keyprefix``."""
    prefix, dummy, exchange = key.partition(BINDING)
    return prefix, exchange


def is_task_exchange(exchange: str) -> bool:
    """Whether an exchange carries tasks, and not remote control or events."""
    return not _CONTROL.search(exchange)


def index_of_unacked(key: str) -> str:
    """The usual name of the index of a hash of unacknowledged messages; empty if the app has renamed the hash."""
    return key[: -len(UNACKED)] + UNACKED_INDEX if key.endswith(UNACKED) else ""


def unpack_unacked(value: bytes) -> Unacked | None:
    """The unacknowledged message in a value of a hash, or ``None`` if the value is not one.

    kombu writes ``[payload, exchange, routing key]``. The payload is cut out as text, because decoding and encoding it
    again might change it.
    """
    try:
        text = value.decode("utf-8")
        message, exchange, routing_key = decoded(text)
        start = text.index("[") + 1
        start += len(text[start:]) - len(text[start:].lstrip())
        end = json.JSONDecoder().raw_decode(text, start)[1]
    except (ValueError, TypeError):
        return None
    if not isinstance(message, dict) or "properties" not in message:
        return None
    return Unacked(text[start:end].encode("utf-8"), exchange or "", routing_key or "")


def priority_of(payload: bytes) -> int:
    """The priority of a message, 0 to 9; 0 if it does not tell one."""
    try:
        return min(max(int(decoded(payload)["properties"]["priority"]), 0), 9)
    except (ValueError, KeyError, TypeError, OverflowError):
        return 0


def queues_for(exchange: str, routing_key: str, bindings: Collection[Binding]) -> list[str]:
    """The queues to which an exchange sends messages with a routing key, sorted.

    :param bindings: those of the exchange, from :func:`bindings_of`.
    """
    if not exchange:
        return [routing_key] if routing_key else []
    return sorted(
        {
            each.queue
            for each in bindings
            if (_matches(each.pattern, routing_key) if each.pattern else each.routing_key == routing_key)
        }
    )


def bindings_of(members: Collection[str], separator: str = "") -> list[Binding]:
    """The bindings of an exchange, from the members of their key; a member that cannot be read is left out.

    :param separator: the app's own, if it is known; otherwise the members themselves show it.
    """
    separators = [each for each in (separator, SEPARATOR) if each]
    separators += sorted({found for found in map(separator_in, members) if found and found not in separators})
    read = []
    for member in members:
        for each in separators:
            parts = member.split(each)
            if len(parts) == 3 and parts[2]:
                read.append(Binding(*parts))
                break
    return read


def separator_in(member: str) -> str:
    """The separator that a member of a binding shows, or an empty string.

    Celery binds a queue under its own name: ``queue, separator, separator, queue``.
    """
    for length in range((len(member) - 1) // 2, 0, -1):
        middle = member[length:-length]
        half = len(middle) // 2
        if half and member[:length] == member[-length:] and middle == middle[:half] * 2:
            return middle[:half]
    return ""


def leading_separator(member: str) -> str:
    """The separator at the start of a member of a mailbox's bindings, or an empty string.

    A node has neither a routing key nor a pattern there, so its member begins with the separator twice.
    """
    for length in range(len(member) // 2, 0, -1):
        if member[:length] == member[length : 2 * length]:
            return member[:length]
    return ""


def _matches(pattern: str, routing_key: str) -> bool:
    try:
        return re.match(pattern, routing_key) is not None
    except re.error:
        return False
