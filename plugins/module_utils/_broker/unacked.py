# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The queues that messages which a worker took and did not acknowledge came from, and return to.

kombu looks the queue up in the bindings of the exchange, under the prefix of the app. The name of a hash that the app
has chosen does not show where the prefix ends, but the bindings have the same prefix.
"""

from __future__ import annotations

from .._celery import kombu
from .queues import text
from .redis import Commands


class Routes:
    """Finds the queues of the messages of one hash.

    :param database: has the hash and the bindings.
    :param name: the name of the hash.
    :param layout: :class:`kombu.Layout` of the workers that are to read the queues.
    """

    def __init__(self, database: Commands, name: str, layout: kombu.Layout) -> None:
        self._database = database
        self._layout = layout
        self._bindings: dict[tuple[str, str], list[kombu.Binding]] = {}
        self._prefixes = _prefixes(database, name)
        self._known: dict[str, set[str]] = {}

    def keys_for(self, message: kombu.Unacked) -> list[str]:
        """The lists that a message returns to; empty where they are not certain."""
        priority = kombu.priority_of(message.payload)
        exchange, routing_key = message.exchange, message.routing_key
        for prefix in self._prefixes:
            queues = kombu.queues_for(exchange, routing_key, self._bindings_of(prefix, exchange))
            # Without an exchange the routing key is the queue. If the hash may be of two apps, this one must have that
            # queue.
            if queues and (exchange or len(self._prefixes) == 1 or self._has_queue(prefix, routing_key)):
                return [prefix + kombu.key_of_queue(queue, priority, self._layout) for queue in queues]
        return []

    def _bindings_of(self, prefix: str, exchange: str) -> list[kombu.Binding]:
        if exchange and (prefix, exchange) not in self._bindings:
            self._bindings[prefix, exchange] = self._read(f"{prefix}{kombu.BINDING}{exchange}")
        return self._bindings.get((prefix, exchange), [])

    def _has_queue(self, prefix: str, queue: str) -> bool:
        if prefix not in self._known:
            keys = [key for key in _binding_keys(self._database) if key.startswith(prefix + kombu.BINDING)]
            self._known[prefix] = {each.queue for key in keys for each in self._read(key)}
        return queue in self._known[prefix]

    def _read(self, key: str) -> list[kombu.Binding]:
        members = [text(member) for member in self._database.call("SMEMBERS", key)]
        return kombu.bindings_of(members, self._layout.separator)


def _prefixes(database: Commands, name: str) -> list[str]:
    """The prefixes that the app of a hash may have, the longest first."""
    found = {kombu.binding_of_key(key)[0] for key in _binding_keys(database)}
    # The usual name has no prefix.
    found.update([""] if name == kombu.UNACKED else [])
    return sorted((prefix for prefix in found if name.startswith(prefix)), key=len, reverse=True)


def _binding_keys(database: Commands) -> list[str]:
    keys = map(text, database.scan(match=f"*{kombu.BINDING}*", kind="set"))
    return [key for key in keys if kombu.is_task_exchange(kombu.binding_of_key(key)[1])]
