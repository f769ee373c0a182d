# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Messages staged in one Redis, pushed to their queues in the same or another one, and deleted from the stage.

Each phase may be killed and run again without losing or doubling a message:

1. *stage*: in the source a queue is renamed, so that nobody else takes from it;
2. *push*: one script appends a chunk of it to the queue in the destination and adds the delivery tags to a set; a
   message whose tag is in the set already is skipped;
3. *delete*: exactly the messages of the chunk are deleted from the stage.

The name of a stage tells where its messages belong and which set has their tags, so the next run, also one in the other
direction, finishes what an interrupted run left. Each run has a set of its own: with one set for all moves, a message
that moves forward, back and forward would be refused the third time.

Payloads are never decoded and encoded again, which might change them.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Callable, Iterable, NamedTuple, Optional, Sequence, Union

from .._celery import kombu
from .._celery.task_names import Names, is_lost
from .._progress import report
from .queues import (
    FIRST_CHUNK,
    INDEX_OF,
    PARKING,
    Stage,
    count_messages,
    index_of,
    next_chunk,
    released,
    stages,
    task_lists,
    unacked_hashes,
)
from .redis import Command, Commands, RedisError
from .unacked import Routes

if TYPE_CHECKING:
    from .._journal.journal import AnyJournal
    from .connection import Broker

# Names of the tasks that workers know, or a function that asks for them; None when they are not known.
KnownNames = Union[Names, Callable[[], Optional[Names]], None]

SEEN_SECONDS = 7 * 24 * 3600
PROGRESS_SECONDS = 1

# RPUSH before SADD: if Redis refuses the first, the tag must not count as seen.
PUSH = """
local pushed = {}
for i = 1, #ARGV, 2 do
  local new = ARGV[i] == '' or redis.call('SISMEMBER', KEYS[1], ARGV[i]) == 0
  if new then
    redis.call('RPUSH', KEYS[2], ARGV[i + 1])
    if ARGV[i] ~= '' then
      redis.call('SADD', KEYS[1], ARGV[i])
    end
  end
  pushed[#pushed + 1] = new and 1 or 0
end
redis.call('EXPIRE', KEYS[1], %d)
return pushed
""" % SEEN_SECONDS


class Tagged(NamedTuple):
    """A message with its delivery tag, which is empty if it has none."""

    tag: bytes | str
    payload: bytes


class Delivery:
    """Pushes messages to the queues or parking lists where they belong, and counts them.

    :ivar layout: :class:`kombu.Layout` of the workers that read the queues.
    :ivar queues: messages pushed to queues, per queue.
    :ivar parked: messages pushed to parking lists, per name of their task.
    """

    def __init__(
        self, known: KnownNames = None, source: Broker | None = None, layout: kombu.Layout = kombu.Layout()
    ) -> None:
        """``known`` is as for :func:`move.move`; progress is reported if there is a ``source`` to count messages in."""
        self._known = known
        self.layout = layout
        self.queues: dict[str, int] = {}
        self.parked: dict[str, int] = {}
        self._source = source
        self._reported_at = time.monotonic()
        self._all = 0

    @property
    def known(self) -> Names | None:
        """Names of the tasks that workers know; if ``None``, nothing is parked, and parked messages stay parked."""
        if callable(self._known):
            self._known = self._known()
        return self._known

    @property
    def total(self) -> int:
        """How many messages were pushed."""
        return sum(self.queues.values()) + sum(self.parked.values())

    def renew_lease(self, journal: AnyJournal) -> None:
        """Renew the lease, and report the progress every second."""
        journal.renew_lease()
        now = time.monotonic()
        if self._source is None or now - self._reported_at < PROGRESS_SECONDS:
            return
        self._reported_at = now
        if not self._all:
            self._all = self.total + sum(count_messages(self._source).values())
        moved, of = self.total, max(self._all, self.total)
        journal.note(progress={"moved": moved, "of": of})
        report(f"{moved:,} of {of:,} messages moved")

    def end_progress(self, journal: AnyJournal) -> None:
        """Remove the progress from the journal."""
        if self._all:
            journal.note(progress=None)

    def push(self, there: Commands, seen: str, key: str, messages: Iterable[Tagged]) -> None:
        """Append messages to a queue or, if they are to be parked, to its parking list.

        :param seen: name of the set of delivery tags seen.
        :param key: the list that they come from.
        """
        queue = released(key)
        queued: list[Tagged] = []
        parked: list[Tagged] = []
        names = []
        for message in messages:
            name = kombu.task_of(message.payload)
            # A message without the name of a task is never parked.
            if name is not None and self._holds(name, is_held=key != queue):
                parked.append(message)
                names.append(name)
            else:
                queued.append(message)
        if queued:
            _count(self.queues, [kombu.queue_of_key(queue)] * len(queued), _push(there, seen, queue, queued))
        if parked:
            _count(self.parked, names, _push(there, seen, PARKING + queue, parked))

    def _holds(self, name: str, is_held: bool) -> bool:
        known = self.known
        if known is None:
            return is_held
        return name not in known if is_held else is_lost(name, known)


def _count(counts: dict[str, int], names: Sequence[str], pushed: Sequence[int]) -> None:
    for name, is_new in zip(names, pushed):
        if is_new:
            counts[name] = counts.get(name, 0) + 1


def _push(database: Commands, seen: str, key: str, messages: Sequence[Tagged]) -> list[int]:
    """Run the script; for each message 1, or 0 if its tag was seen already."""
    words = [word for message in messages for word in message]
    pushed: list[int] = database.call("EVAL", PUSH, 2, seen, key, *words)
    return pushed


# Staging


def new_scope(journal: AnyJournal, hop: int | str) -> str:
    """A name for one run of a move, which no other run has.

    :param hop: the number of the hop, or a word for what is done within one broker.
    """
    deployment = str(journal.get("id") or "manual").replace(":", "-")
    return f"{deployment}.{hop}.{os.urandom(4).hex()}"


def stage_all(broker: Broker, number: int, goes: str, scope: str) -> None:
    """Stage all queues of a database and, if no live worker reads it, its unacknowledged messages."""
    database = broker.database(number)
    for key in task_lists(database):
        rename(database, key, Stage(goes, scope, "list", key).key)
    if not broker.has_live_worker(number):
        stage_unacked(database, goes, scope)


def stage_unacked(database: Commands, goes: str, scope: str) -> None:
    """Stage the unacknowledged messages of a database, each hash together with its index."""
    for key in unacked_hashes(database):
        index = index_of(database, key)
        name = key if index == kombu.index_of_unacked(key) else f"{key}{INDEX_OF}{index}"
        hash_stage, index_stage = Stage(goes, scope, "unacked", name), Stage(goes, scope, "index", name)
        # Both or none. The index alone may be missing: the transaction continues without it.
        database.pipeline(
            [
                ("MULTI",),
                *([("RENAMENX", index, index_stage.key)] if index else []),
                ("RENAMENX", key, hash_stage.key),
                ("EXEC",),
            ]
        )


def rename(database: Commands, key: str, name: str) -> None:
    """Rename a key unless it has vanished."""
    try:
        database.call("RENAMENX", key, name)
    except RedisError as error:
        # A worker has taken the last message meanwhile.
        if "no such key" not in error.message:
            raise


# Pushing and deleting


def drain(
    journal: AnyJournal, source: Broker, destination: Broker, number: int, delivery: Delivery, scope: str = ""
) -> None:
    """Push everything that is staged in a database of ``source``, and delete it there.

    :param scope: that of the current run, whose stages come first.
    """
    drain_here(journal, source, number, Delivery(layout=delivery.layout))
    here, there = source.database(number), destination.database(number)
    found = [stage for stage in stages(here) if stage.goes == "there"]
    # Workers take from the end that is pushed to, so the messages that waited longest, the parked ones, come last.
    found.sort(key=lambda stage: stage.name.startswith(PARKING))
    for kind in ("list", "unacked"):
        for ours in (True, False):
            for stage in found:
                if stage.kind == kind and (stage.scope == scope) is ours:
                    _drain_stage(journal, here, there, stage, delivery)


def drain_here(journal: AnyJournal, broker: Broker, number: int, delivery: Delivery) -> None:
    """Push everything in a database that is staged for queues of the same database, and delete it from its stage."""
    database = broker.database(number)
    for stage in stages(database):
        if stage.goes == "here":
            _drain_stage(journal, database, database, stage, delivery)


def _drain_stage(journal: AnyJournal, here: Commands, there: Commands, stage: Stage, delivery: Delivery) -> None:
    if stage.kind == "list":
        _drain_list(journal, here, there, stage, delivery)
    else:
        _drain_unacked(journal, here, there, stage, delivery)
    # Not DEL, which blocks Redis while it frees as many tags as there were messages.
    there.call("UNLINK", stage.seen)


def _drain_list(journal: AnyJournal, here: Commands, there: Commands, stage: Stage, delivery: Delivery) -> None:
    count = FIRST_CHUNK
    while True:
        # The head of a list has its newest messages. They are pushed first, so that workers take the oldest first.
        payloads = here.call("LRANGE", stage.key, 0, count - 1)
        if not payloads:
            return
        tagged = [Tagged(kombu.tag_of(payload) or "", payload) for payload in payloads]
        delivery.push(there, stage.seen, stage.name, tagged)
        here.pipeline([("LREM", stage.key, 1, payload) for payload in payloads])
        count = next_chunk(payloads)
        delivery.renew_lease(journal)


def _drain_unacked(journal: AnyJournal, here: Commands, there: Commands, stage: Stage, delivery: Delivery) -> None:
    index = stage._replace(kind="index").key
    routes, count = Routes(here, stage.hash_name, delivery.layout), FIRST_CHUNK
    while True:
        tags = here.call("ZREVRANGE", index, 0, count - 1)
        if not tags:
            # Without an index there is no order to keep.
            tags = _some_fields(here, stage.key, count)
        if not tags:
            break
        values = here.call("HMGET", stage.key, *tags)
        homeless: list[tuple[bytes, bytes]] = []
        pushes: dict[str, list[Tagged]] = {}
        sizes: list[bytes] = []
        for tag, value in zip(tags, values):
            if value is None:
                continue
            sizes.append(value)
            message = kombu.unpack_unacked(value)
            keys = routes.keys_for(message) if message is not None else []
            if message is None or not keys:
                homeless.append((tag, value))
                continue
            for key in keys:
                tagged = Tagged(key.encode("utf-8", "surrogateescape") + b"|" + tag, message.payload)
                pushes.setdefault(key, []).append(tagged)
        for key, messages in pushes.items():
            delivery.push(there, stage.seen, key, messages)
        _put_back(here, stage, homeless)
        here.pipeline([("HDEL", stage.key, *tags), ("ZREM", index, *tags)])
        count = next_chunk(sizes) if sizes else count
        delivery.renew_lease(journal)


def _some_fields(database: Commands, key: str, count: int) -> list[bytes]:
    cursor = b"0"
    while True:
        cursor, items = database.call("HSCAN", key, cursor, "COUNT", count)
        # A page may be empty although others are not.
        if items or cursor == b"0":
            fields: list[bytes] = items[0::2]
            return fields


def _put_back(database: Commands, stage: Stage, homeless: list[tuple[bytes, bytes]]) -> None:
    """Put messages without a known queue back into the hash that they come from: elsewhere kombu discards them."""
    for tag, value in homeless:
        commands: list[Command] = [("HSETNX", stage.hash_name, tag, value)]
        if stage.index_name:
            commands.append(("ZADD", stage.index_name, "NX", 0, tag))
        database.pipeline(commands)
