# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Names and forms that kombu, Celery's messaging, uses in Redis."""

from __future__ import annotations

import base64
import bisect
import json
import re
from typing import NamedTuple

SEPARATOR = "\x06\x16"
# kombu keeps a list per step; a priority goes to the highest step that is not above it.
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
    """How the workers of an app name the lists of a queue; an empty field is one that nobody told.

    ``separator`` and ``steps`` are kombu's transport options ``sep`` and ``priority_steps``.
    """

    separator: str = ""
    steps: tuple = ()


def decoded(text):
    """What JSON says. Whoever can write to an app's Redis can put anything there, also brackets without end.

    :raises ValueError: it says nothing.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("too deep") from error


def queue_of_key(key):
    """The queue that a list belongs to: its name without the suffix of a priority."""
    return _PRIORITY_SUFFIX.sub("", key)


def queue_by_bindings(name, members):
    """The queue that a list belongs to whose workers have another separator (``sep``) before a priority.

    :param name: what :func:`queue_of_key` makes of the list's name.
    :param members: those of the bindings of the database, which show the separator and the names of the queues.
    """
    shown = [(member, separator_in(member)) for member in members]
    queues = {queue for dummy, dummy, queue in bindings_of(members)}
    queues |= {member[: len(member) // 2 - len(separator)] for member, separator in shown if separator}
    for separator in sorted({separator for dummy, separator in shown if separator}, key=len, reverse=True):
        queue, found, step = name.rpartition(separator)
        if found and step.isdigit() and queue in queues and name not in queues:
            return queue
    return name


def key_of_queue(queue, priority, layout):
    """The list in which a message of this priority waits.

    Where the layout is not known it is the queue's own list, which every worker reads: sooner or later than its
    priority says is better than never.
    """
    if not layout.separator or not layout.steps:
        return queue
    # As kombu does it, also where no step is below.
    step = layout.steps[bisect.bisect(layout.steps, priority) - 1]
    return f"{queue}{layout.separator}{step}" if step else queue


def key_elsewhere(key, layout, other):
    """The list that the messages of a list belong to where workers name their lists in another way.

    :param key: a list as ``layout`` names it; its own name comes back where ``other`` reads it too.
    """
    for step in layout.steps:
        suffix = f"{layout.separator}{step}"
        if step and key.endswith(suffix):
            queue = key[: -len(suffix)]
            return key if suffix in [f"{other.separator}{each}" for each in other.steps] else key_of_queue(queue, step, other)
    return key


def is_message(payload):
    """Whether an element of a list is a message of kombu's."""
    if b'"delivery_tag"' not in payload:
        return False
    return tag_of(payload) is not None


def tag_of(payload):
    """The delivery tag of a message, which stays the same on all its ways; ``None`` when it is no message."""
    try:
        message = decoded(payload)
        tag = message["properties"]["delivery_tag"]
    except (ValueError, KeyError, TypeError):
        return None
    return str(tag) if "body" in message else None


def task_of(payload):
    """The name of the task that a message is for, or ``None`` when it does not tell."""
    try:
        message = decoded(payload)
        name = (message.get("headers") or {}).get("task")
        if name is None:
            # Protocol 1, Celery's before version 4 and still that of some publishers in other languages.
            body = message["body"]
            if (message.get("properties") or {}).get("body_encoding") == "base64":
                body = base64.b64decode(body)
            name = decoded(body)["task"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return name if isinstance(name, str) else None


def id_of(payload):
    """The id of the task that a message is for, or ``None`` when it does not tell."""
    try:
        message = decoded(payload)
        return (message.get("headers") or {}).get("id") or (message.get("properties") or {}).get("correlation_id")
    except (ValueError, TypeError, AttributeError):
        return None


def is_queue_name(key):
    """Whether a list of this name can hold tasks: replies and events of remote control cannot."""
    return not key.endswith(".pidbox") and not re.search(r"(^|[.:_])celeryev(\.|$)", key)


def is_own_name(key):
    """Whether a key of this name is Celery's, with any ``global_keyprefix``; a queue has no such name."""
    return bool(_OWN.search(key))


def binding_of_key(key):
    """``(prefix, exchange)`` of a binding's key, or ``None``; the prefix is the app's ``global_keyprefix``."""
    prefix, found, exchange = key.partition(BINDING)
    return (prefix, exchange) if found else None


def is_task_exchange(exchange):
    return not _CONTROL.search(exchange)


def index_of_unacked(key):
    """The usual name of the index of a hash of unacknowledged messages; empty where the hash has a name of its own."""
    return key[: -len(UNACKED)] + UNACKED_INDEX if key.endswith(UNACKED) else ""


def unpack_unacked(value):
    """``(payload, exchange, routing key)`` of an unacknowledged message, or ``None`` when it is none.

    kombu keeps ``[payload, exchange, routing key]``. The payload is cut out as text, because decoding and encoding it
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
    return text[start:end].encode("utf-8"), exchange or "", routing_key or ""


def priority_of(payload):
    try:
        return min(max(int(decoded(payload)["properties"]["priority"]), 0), 9)
    except (ValueError, KeyError, TypeError, OverflowError):
        return 0


def queues_for(exchange, routing_key, bindings):
    """The queues that an exchange hands a routing key to.

    :param bindings: those of the exchange, from :func:`bindings_of`. A topic exchange has a regular expression as
        pattern, a direct one has none.
    """
    if not exchange:
        return [routing_key] if routing_key else []
    return sorted(
        {
            queue
            for key, pattern, queue in bindings
            if (_matches(pattern, routing_key) if pattern else key == routing_key)
        }
    )


def bindings_of(members, separator=""):
    """``(routing key, pattern, queue)`` of each member of a binding's key that can be read.

    :param separator: that of the app, where it is known; else the members themselves show it.
    """
    separators = [each for each in (separator, SEPARATOR) if each]
    separators += sorted({found for found in map(separator_in, members) if found and found not in separators})
    read = []
    for member in members:
        for each in separators:
            parts = member.split(each)
            if len(parts) == 3 and parts[2]:
                read.append(tuple(parts))
                break
    return read


def separator_in(member):
    """The separator that a member of a binding shows, or an empty string.

    Celery binds a queue under its own name: ``queue, separator, separator, queue``.
    """
    for length in range((len(member) - 1) // 2, 0, -1):
        middle = member[length:-length]
        half = len(middle) // 2
        if half and member[:length] == member[-length:] and middle == middle[:half] * 2:
            return middle[:half]
    return ""


def leading_separator(member):
    """The separator that the member of a node's own mailbox begins with twice, because it has no routing key."""
    for length in range(len(member) // 2, 0, -1):
        if member[:length] == member[length : 2 * length]:
            return member[:length]
    return ""


def _matches(pattern, routing_key):
    try:
        return re.match(pattern, routing_key) is not None
    except re.error:
        return False
