# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Celery's messages in Redis: counted, moved to another Redis, and given back to their queues.

A move has three phases, and may be killed in any of them and run again without losing or doubling a message:

1. *stage*: in the source a queue is renamed, so that nobody else takes from it;
2. *push*: a chunk of it is appended to the queue in the destination, together with its delivery tags in a set of tags
   seen, in one script: a tag that is there already is passed over;
3. *delete*: exactly the messages of the chunk are deleted from the stage.

The name of a stage says where it was on its way to and under which set of tags, so whatever an interrupted run left is
finished first, also when the next move goes the other way. Each run has tags of its own: with one set for all moves a
message that goes forward, back and forward would be refused the third time.

A message whose task the workers of the destination do not know is *held*: in place of the queue it goes to a list that
no worker reads, named after the queue. Such lists travel with each move, and what they hold goes to its queue where the
workers know it.

Payloads are never decoded and encoded again, which might change them.
"""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from .._celery import kombu
from .._celery.task_names import is_lost
from .._errors import BluegreenError
from .._progress import report
from . import move_checks
from .queues import (
    FIRST_CHUNK,
    HOLD,
    INDEX_OF,
    Stage,
    count_messages,
    has_task,
    index_of,
    next_chunk,
    released,
    stages,
    task_lists,
    text,
    unacked_hashes,
)
from .redbeat import copy_schedule
from .redis import RedisError
from .results import copy_results
from .unacked import Routes
from .worker_conf import layout_of

SEEN_SECONDS = 7 * 24 * 3600
# A pass that found something is followed by another one, because a web may publish meanwhile; but not for ever.
PASSES = 5
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


class Moved(NamedTuple):
    """What a move did.

    ``moved`` counts the messages moved to queues, ``queues`` the same per queue; ``left`` counts what the source still
    has per queue (``unacked`` are those that a live worker has, or that no queue is known for); ``results`` counts the
    keys of results and chords copied; ``hop`` is the number of the hop in the journal; ``held`` counts the messages, by
    the name of their task, that were moved and are held in the destination.
    """

    moved: int
    queues: dict
    left: dict
    results: int
    hop: int
    held: dict = {}


class _Delivery:
    """Where messages go, and the count of them.

    :ivar layout: :class:`kombu.Layout` of the workers that read the queues.
    :ivar queues: messages that came to their queues, per queue.
    :ivar held: messages that were held, per name of their task.
    """

    def __init__(self, known=None, source=None, layout=kombu.Layout()):
        self._known = known
        self.layout = layout
        self.queues = {}
        self.held = {}
        self._source = source
        self._noted_at = time.monotonic()
        self._all = 0

    @property
    def known(self):
        """Names of tasks that workers know; ``None`` when nobody told: nothing is held then, and what is held stays so."""
        if callable(self._known):
            self._known = self._known()
        return self._known

    def renew_lease(self, journal):
        """A sign of life, and every second how far it has come."""
        journal.renew_lease()
        now = time.monotonic()
        if self._source is None or now - self._noted_at < PROGRESS_SECONDS:
            return
        self._noted_at = now
        if not self._all:
            self._all = self.total + sum(count_messages(self._source).values())
        moved, of = self.total, max(self._all, self.total)
        journal.note(progress={"moved": moved, "of": of})
        report(f"{moved:,} of {of:,} messages moved")

    def over(self, journal):
        if self._all:
            journal.note(progress=None)

    @property
    def total(self):
        return sum(self.queues.values()) + sum(self.held.values())

    def push(self, there, seen, key, tagged):
        """Append messages, as pairs of tag and payload, to a queue or, those that are held, to its hold list."""
        queue = released(key)
        ways = {queue: [], HOLD + queue: []}
        for tag, payload in tagged:
            name = kombu.task_of(payload)
            ways[HOLD + queue if self._holds(name, key != queue) else queue].append((tag, payload, name))
        for target, messages in ways.items():
            if messages:
                pushed = _push(there, seen, target, [message[:2] for message in messages])
                for new, (dummy, dummy, name) in zip(pushed, messages):
                    counts, what = (self.queues, kombu.queue_of_key(queue)) if target == queue else (self.held, name)
                    if new:
                        counts[what] = counts.get(what, 0) + 1

    def _holds(self, name, is_held):
        # A message that does not tell its task cannot be judged.
        if name is None or self.known is None:
            return name is not None and is_held
        return name not in self.known if is_held else is_lost(name, self.known)


def move(host, journal, source, destination, hop=0, known=None, before_messages=None):
    """Move all messages from one broker to another, and copy results, chords and bindings that they need.

    Order is kept: what is moved stands before what the destination has already, and unacknowledged messages, which are
    the oldest, before all. Those are moved only when no live worker reads the source.

    :param source, destination: :class:`connection.Broker`, both up. The same server twice is nothing to do.
    :param hop: number of the hop that the caller believes this to be; 0 for none.
    :param known: names of the tasks that the destination's workers know: others are held there. ``None`` when nobody
        told. Or a function that gives them, called before the first message moves, and only if one does.
    :param before_messages: called when results, chords and bindings are in place and the first message has yet to
        move: new workers may start then.
    :returns: :class:`Moved`
    :raises BluegreenError: it cannot be done whole, and nothing was moved.
    """
    if source.run_id() == destination.run_id():
        return Moved(0, {}, {}, 0, 0)
    record, opened = _open_hop(journal, source.name, destination.name, hop)
    move_checks.refuse(host, source, destination)
    delivery = _Delivery(known, source, layout_of(journal, destination, source))
    # What an earlier move in the other direction left unfinished arrives before it can go back.
    for number in destination.message_databases():
        _drain(journal, destination, source, number, _Delivery(layout=layout_of(journal, source, destination)))
    results = 0
    for number in source.databases() if opened else ():
        # Before the hop is noted: when this is run again, a beat may go by it.
        results += copy_schedule(journal, source.database(number), destination.database(number), replace=True)
    _remember_hop(journal, record)
    for number in source.databases():
        untouched = opened and not destination.has_live_worker(number)
        results += copy_results(host, journal, source.database(number), destination.database(number), replace=untouched)
        _copy_bindings(source.database(number), destination.database(number))
    if before_messages:
        before_messages()
    for _pass in range(PASSES):
        before = delivery.total
        for number in source.message_databases():
            _copy_bindings(source.database(number), destination.database(number))
            scope = _scope(journal, record["n"])
            _stage_all(source, number, "there", scope)
            _drain(journal, source, destination, number, delivery, scope)
        if delivery.total == before:
            break
    if delivery.total:
        host.commands.append(f"move {delivery.total} messages from {source.name} to {destination.name}")
    delivery.over(journal)
    give_back(host, journal, destination, delivery.known if delivery.total or not callable(known) else None)
    return Moved(
        sum(delivery.queues.values()),
        delivery.queues,
        count_messages(source),
        results,
        record["n"],
        delivery.held,
    )


def hold_unknown(host, journal, broker, known):
    """Take tasks that the workers of a broker do not know out of its queues, before these workers discard them.

    Only sound while nobody consumes.

    :param known: names of the tasks that they know; ``None``, when nobody told, holds nothing.
    :returns: messages held, per name of their task.
    """
    delivery = _sort_again(journal, broker, known, held=False)
    if delivery.held:
        host.commands.append(f"hold {sum(delivery.held.values())} messages of {broker.name}")
    return delivery.held


def give_back(host, journal, broker, known):
    """Give held tasks that the workers of a broker know to their queues.

    :param known: as for :func:`hold_unknown`.
    :returns: messages given back, per queue.
    """
    delivery = _sort_again(journal, broker, known, held=True)
    if delivery.queues:
        host.commands.append(f"give {sum(delivery.queues.values())} held messages of {broker.name} to their queues")
    return delivery.queues


def _sort_again(journal, broker, known, held):
    """Bring messages of hold lists, or of queues, to where they belong now; lists that are right are left alone."""
    delivery = _Delivery(known, layout=layout_of(journal, broker))
    if known is None:
        return delivery

    def misplaced(name):
        return name in known if held else is_lost(name, known)

    for number in broker.message_databases():
        database = broker.database(number)
        scope = _scope(journal, "sorted")
        for key in task_lists(database):
            if key.startswith(HOLD) is held and has_task(database, key, misplaced):
                _rename(database, key, Stage("here", scope, "list", key).key)
        _drain_here(journal, broker, number, delivery)
    return delivery


def rename_lists(journal, broker, layout):
    """Bring what came by the names of another color's lists to the lists that the workers of a broker read.

    :param layout: :class:`kombu.Layout` by which it came.
    :returns: how many messages it was.
    """
    own = layout_of(journal, broker)
    delivery = _Delivery(layout=own)
    if not (own.steps and layout.steps) or own == layout:
        return 0
    for number in broker.message_databases():
        database = broker.database(number)
        for key in task_lists(database):
            queue = released(key)
            there = key[: -len(queue)] + kombu.key_elsewhere(queue, layout, own)
            if there != key:
                # Where a stage goes is its name.
                _rename(database, key, Stage("here", _scope(journal, "renamed"), "list", there).key)
        _drain_here(journal, broker, number, delivery)
    return delivery.total


def restore_orphans(host, journal, broker):
    """Give messages that dead workers took back to their queues; without this they wait for the visibility timeout.

    Nothing is done in a database that a live worker reads, because its messages look the same.

    :returns: how many messages are back in their queues.
    """
    delivery = _Delivery(layout=layout_of(journal, broker))
    for number in broker.message_databases():
        if not broker.has_live_worker(number):
            scope = _scope(journal, "orphans")
            _stage_unacked(broker.database(number), "here", scope)
        _drain_here(journal, broker, number, delivery)
    total = delivery.total
    if total:
        host.commands.append(f"give {total} unacknowledged messages of {broker.name} back to their queues")
    return total


def take_back(host, journal, broker):
    """Give what an interrupted move staged in a broker back to its queues, because its destination is gone for good.

    :returns: how many messages are back in their queues.
    """
    delivery = _Delivery(layout=layout_of(journal, broker))
    for number in broker.message_databases():
        database = broker.database(number)
        for stage in stages(database):
            if stage.goes == "there":
                # From here on it is a move within this broker, whoever is killed and runs it again.
                _rename(database, stage.key, stage._replace(goes="here").key)
                if stage.kind == "unacked":
                    index = stage._replace(kind="index")
                    _rename(database, index.key, index._replace(goes="here").key)
        _drain_here(journal, broker, number, delivery)
    total = delivery.total
    if total:
        host.commands.append(f"give {total} staged messages of {broker.name} back to their queues")
    return total


def finish_hop(journal):
    """Record that the last hop is over: the next move is a new one, also in the same direction."""
    hops = [dict(record) for record in journal.get("hops") or ()]
    if hops and not hops[-1]["done"]:
        hops[-1]["done"] = True
        journal.note(hops=hops)


# Hops


def _open_hop(journal, source, destination, wanted):
    hops = journal.get("hops") or []
    last = hops[-1] if hops else None
    same = last is not None and not last["done"] and (last["source"], last["destination"]) == (source, destination)
    number = last["n"] if same else (last["n"] + 1 if last else 1)
    if wanted and wanted != number:
        raise BluegreenError(
            f"hop is {wanted}, but a move from {source} to {destination} is hop {number} of this deployment: nothing "
            "was moved. Leave hop out."
        )
    return {"n": number, "source": source, "destination": destination, "done": False}, not same


def _remember_hop(journal, record):
    hops = [dict(each) for each in journal.get("hops") or ()]
    for each in hops:
        each["done"] = each["done"] or each["n"] < record["n"]
    if not hops or hops[-1]["n"] != record["n"]:
        hops.append(record)
        journal.note(hops=hops)


def _scope(journal, hop):
    deployment = str(journal.get("id") or "manual").replace(":", "-")
    return f"{deployment}.{hop}.{os.urandom(4).hex()}"


# Staging


def _stage_all(broker, number, goes, scope):
    database = broker.database(number)
    for key in task_lists(database):
        _rename(database, key, Stage(goes, scope, "list", key).key)
    if not broker.has_live_worker(number):
        _stage_unacked(database, goes, scope)


def _stage_unacked(database, goes, scope):
    for key in unacked_hashes(database):
        index = index_of(database, key)
        name = key if index == kombu.index_of_unacked(key) else f"{key}{INDEX_OF}{index}"
        hash_stage, index_stage = Stage(goes, scope, "unacked", name), Stage(goes, scope, "index", name)
        # Both or none. The index alone may be missing, which the transaction survives.
        database.pipeline(
            [
                ("MULTI",),
                *([("RENAMENX", index, index_stage.key)] if index else []),
                ("RENAMENX", key, hash_stage.key),
                ("EXEC",),
            ]
        )


def _rename(database, key, name):
    try:
        database.call("RENAMENX", key, name)
    except RedisError as error:
        # Somebody took the last message meanwhile.
        if "no such key" not in error.message:
            raise


# Pushing and deleting


def _drain(journal, source, destination, number, delivery, scope=""):
    """Bring everything that is staged in a database of ``source`` to where it was on its way to."""
    _drain_here(journal, source, number, _Delivery(layout=delivery.layout))
    here, there = source.database(number), destination.database(number)
    found = [stage for stage in stages(here) if stage.goes == "there"]
    # The destination hands out from the end that is pushed to: what waited longer must come later. Of the lists those
    # that are held waited longest.
    found.sort(key=lambda stage: stage.name.startswith(HOLD))
    for kind in ("list", "unacked"):
        for ours in (True, False):
            for stage in found:
                if stage.kind == kind and (stage.scope == scope) is ours:
                    _drain_stage(journal, here, there, stage, delivery)


def _drain_here(journal, broker, number, delivery):
    database = broker.database(number)
    for stage in stages(database):
        if stage.goes == "here":
            _drain_stage(journal, database, database, stage, delivery)


def _drain_stage(journal, here, there, stage, delivery):
    if stage.kind == "list":
        _drain_list(journal, here, there, stage, delivery)
    else:
        _drain_unacked(journal, here, there, stage, delivery)
    # Not DEL, which would keep others waiting while it frees as many tags as there were messages.
    there.call("UNLINK", stage.seen)


def _drain_list(journal, here, there, stage, delivery):
    count = FIRST_CHUNK
    while True:
        # The newest stand at the head; they go first, so that the oldest end up nearest to the consumers.
        payloads = here.call("LRANGE", stage.key, 0, count - 1)
        if not payloads:
            return
        tagged = [(kombu.tag_of(payload) or "", payload) for payload in payloads]
        delivery.push(there, stage.seen, stage.name, tagged)
        here.pipeline([("LREM", stage.key, 1, payload) for payload in payloads])
        count = next_chunk(payloads)
        delivery.renew_lease(journal)


def _drain_unacked(journal, here, there, stage, delivery):
    index = stage._replace(kind="index").key
    routes, homeless, count = Routes(here, stage.hash, delivery.layout), [], FIRST_CHUNK
    while True:
        tags = here.call("ZREVRANGE", index, 0, count - 1)
        if not tags:
            # Without an index there is no order to keep.
            tags = _some_fields(here, stage.key, count)
        if not tags:
            break
        values = here.call("HMGET", stage.key, *tags)
        pushes, sizes = {}, []
        for tag, value in zip(tags, values):
            if value is None:
                continue
            sizes.append(value)
            payload, exchange, routing_key = kombu.unpack_unacked(value) or (b"", "", "")
            keys = routes.keys_for(payload, exchange, routing_key) if payload else []
            if not keys:
                homeless.append((tag, value))
            for key in keys:
                pushes.setdefault(key, []).append((key.encode("utf-8", "surrogateescape") + b"|" + tag, payload))
        for key, tagged in pushes.items():
            delivery.push(there, stage.seen, key, tagged)
        _put_back(here, stage, homeless)
        here.pipeline([("HDEL", stage.key, *tags), ("ZREM", index, *tags)])
        homeless.clear()
        count = next_chunk(sizes) if sizes else count
        delivery.renew_lease(journal)


def _some_fields(database, key, count):
    cursor = b"0"
    while True:
        cursor, items = database.call("HSCAN", key, cursor, "COUNT", count)
        # A page may be empty although others are not.
        if items or cursor == b"0":
            return items[0::2]


def _put_back(database, stage, homeless):
    """Messages that no queue is known for go back to where they were: kombu would drop them, and so would we."""
    for tag, value in homeless:
        commands = [("HSETNX", stage.hash, tag, value)]
        if stage.index:
            commands.append(("ZADD", stage.index, "NX", 0, tag))
        database.pipeline(commands)


def _push(database, seen, key, tagged):
    words = [word for pair in tagged for word in pair]
    return database.call("EVAL", PUSH, 2, seen, key, *words)


def _copy_bindings(here, there):
    """What routes messages to queues; a worker that gives a message back drops it where no binding is."""
    for key in here.scan(match="*" + kombu.BINDING + "*", kind="set"):
        if kombu.is_task_exchange(kombu.binding_of_key(text(key))[1]):
            members = here.call("SMEMBERS", key)
            if members:
                there.call("SADD", key, *members)
