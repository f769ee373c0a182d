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

Payloads are never decoded and encoded again, which might change them.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _kombu
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._results import copy_results

STAGE = "_bg.handover.stage:"
SEEN = "_bg.handover.seen:"
SEEN_SECONDS = 7 * 24 * 3600

# What one command may carry. Redis answers nobody else meanwhile: on a Raspberry Pi 4 this is a few milliseconds.
CHUNK_MESSAGES = 200
CHUNK_BYTES = 256 * 1024
FIRST_CHUNK = 16
# A pass that found something is followed by another one, because a web may publish meanwhile; but not for ever.
PASSES = 5

# RPUSH before SADD: if Redis refuses the first, the tag must not count as seen.
PUSH = """
local pushed = 0
for i = 1, #ARGV, 2 do
  if ARGV[i] == '' then
    redis.call('RPUSH', KEYS[2], ARGV[i + 1])
    pushed = pushed + 1
  elseif redis.call('SISMEMBER', KEYS[1], ARGV[i]) == 0 then
    redis.call('RPUSH', KEYS[2], ARGV[i + 1])
    redis.call('SADD', KEYS[1], ARGV[i])
    pushed = pushed + 1
  end
end
redis.call('EXPIRE', KEYS[1], %d)
return pushed
""" % SEEN_SECONDS


class Stage(NamedTuple):
    """A key that messages wait in while they are on their way.

    ``goes`` is ``there`` (to the other broker) or ``here`` (back into queues of the same one); ``kind`` is ``list``,
    ``unacked`` or ``index``; ``name`` is the key that it was before.
    """

    goes: str
    scope: str
    kind: str
    name: str

    @property
    def key(self):
        return f"{STAGE}{self.goes}:{self.scope}:{self.kind}:{self.name}"

    @property
    def seen(self):
        return f"{SEEN}{self.goes}:{self.scope}:{self.kind}:{self.name}"


class Moved(NamedTuple):
    """What a move did.

    ``moved`` counts the messages moved, ``queues`` the same per queue; ``left`` counts what the source still holds per
    queue (``unacked`` are those that a live worker has, or that no queue is known for); ``results`` counts the keys of
    results and chords copied; ``hop`` is the number of the hop in the journal.
    """

    moved: int
    queues: dict
    left: dict
    results: int
    hop: int


def parse_stage(key):
    """A :class:`Stage` from the name of its key, or ``None``."""
    if not key.startswith(STAGE):
        return None
    parts = key[len(STAGE):].split(":", 3)
    return Stage(*parts) if len(parts) == 4 else None


def next_chunk(payloads):
    """How many messages to take next, judged by the size of these."""
    size = sum(len(payload) for payload in payloads)
    return max(1, min(CHUNK_MESSAGES, len(payloads) * CHUNK_BYTES // max(size, 1)))


def count_messages(broker):
    """Messages per queue that a broker holds, whatever their priority; ``unacked`` counts the unacknowledged ones.

    An empty dict is the proof that the broker may be stopped.
    """
    counts = {}
    for number in broker.message_databases():
        database = broker.database(number)
        lists = {key: _kombu.queue_of_key(key) for key in task_lists(database)}
        hashes = {key: _kombu.UNACKED for key in unacked_hashes(database)}
        for stage in stages(database):
            if stage.kind == "list":
                lists[stage.key] = _kombu.queue_of_key(stage.name)
            elif stage.kind == "unacked":
                hashes[stage.key] = _kombu.UNACKED
        for command, keys in (("LLEN", lists), ("HLEN", hashes)):
            lengths = database.pipeline([(command, key) for key in keys]) if keys else []
            for queue, length in zip(keys.values(), lengths):
                if length:
                    counts[queue] = counts.get(queue, 0) + length
    return counts


def task_lists(database):
    """Names of the lists that hold tasks: queues, each with a list per priority that is in use."""
    keys = [
        key
        for key in map(_text, database.scan(kind="list"))
        if _kombu.is_queue_name(key) and parse_stage(key) is None
    ]
    heads = database.pipeline([("LINDEX", key, 0) for key in keys]) if keys else []
    return [key for key, head in zip(keys, heads) if head is not None and _kombu.is_message(head)]


def unacked_hashes(database):
    """Names of the hashes of messages that workers took and did not acknowledge."""
    found = []
    for key in map(_text, database.scan(match="*" + _kombu.UNACKED, kind="hash")):
        sample = database.call("HSCAN", key, 0, "COUNT", 1)[1]
        if sample and parse_stage(key) is None and _kombu.unpack_unacked(sample[1]) is not None:
            found.append(key)
    return found


def stages(database):
    """What is staged in a database, lists before unacknowledged messages."""
    found = [parse_stage(_text(key)) for key in database.scan(match=STAGE + "*")]
    # An index is read together with its hash.
    return sorted(
        (stage for stage in found if stage is not None and stage.kind != "index"), key=lambda stage: stage.kind
    )


def move(host, journal, source, destination, hop=0, before_messages=None):
    """Move all messages from one broker to another, and copy results, chords and bindings that they need.

    Order is kept: what is moved stands before what the destination has already, and unacknowledged messages, which are
    the oldest, before all. Those are moved only when no live worker reads the source.

    :param source, destination: :class:`_broker.Broker`, both up. The same server twice is nothing to do.
    :param hop: number of the hop that the caller believes this to be; 0 for none.
    :param before_messages: called when results, chords and bindings are in place and the first message has yet to
        move: new workers may start then.
    :returns: :class:`Moved`
    """
    if source.run_id() == destination.run_id():
        return Moved(0, {}, {}, 0, 0)
    record, opened = _open_hop(journal, source.name, destination.name, hop)
    moved = {}
    # What an earlier move in the other direction left unfinished arrives before it can go back.
    for number in destination.message_databases():
        _drain(journal, destination, source, number, {})
    _remember_hop(journal, record)
    results = 0
    for number in source.databases():
        untouched = opened and not destination.has_live_worker(number)
        results += copy_results(journal, source.database(number), destination.database(number), replace=untouched)
        _copy_bindings(source.database(number), destination.database(number))
    if before_messages:
        before_messages()
    for _pass in range(PASSES):
        before = sum(moved.values())
        for number in source.message_databases():
            _copy_bindings(source.database(number), destination.database(number))
            scope = _scope(journal, record["n"])
            _stage_all(source, number, "there", scope)
            _drain(journal, source, destination, number, moved, scope)
        if sum(moved.values()) == before:
            break
    total = sum(moved.values())
    if total:
        host.commands.append(f"move {total} messages from {source.name} to {destination.name}")
    return Moved(total, moved, count_messages(source), results, record["n"])


def restore_orphans(host, journal, broker):
    """Give messages that dead workers took back to their queues; without this they wait for the visibility timeout.

    Nothing is done in a database that a live worker reads, because its messages look the same.

    :returns: how many messages are back in their queues.
    """
    restored = {}
    for number in broker.message_databases():
        if not broker.has_live_worker(number):
            scope = _scope(journal, "orphans")
            _stage_unacked(broker.database(number), "here", scope)
        _drain_here(journal, broker, number, restored)
    total = sum(restored.values())
    if total:
        host.commands.append(f"give {total} unacknowledged messages of {broker.name} back to their queues")
    return total


def take_back(host, journal, broker):
    """Give what an interrupted move staged in a broker back to its queues, because its destination is gone for good.

    :returns: how many messages are back in their queues.
    """
    restored = {}
    for number in broker.message_databases():
        database = broker.database(number)
        for stage in stages(database):
            if stage.goes == "there":
                # From here on it is a move within this broker, whoever is killed and runs it again.
                _rename(database, stage.key, stage._replace(goes="here").key)
                if stage.kind == "unacked":
                    index = stage._replace(kind="index")
                    _rename(database, index.key, index._replace(goes="here").key)
        _drain_here(journal, broker, number, restored)
    total = sum(restored.values())
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
        index = _kombu.prefix_of_unacked(key) + _kombu.UNACKED_INDEX
        # Both or none. The index alone may be missing, which the transaction survives.
        database.pipeline(
            [
                ("MULTI",),
                ("RENAMENX", index, Stage(goes, scope, "index", key).key),
                ("RENAMENX", key, Stage(goes, scope, "unacked", key).key),
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


def _drain(journal, source, destination, number, moved, scope=""):
    """Bring everything that is staged in a database of ``source`` to where it was on its way to."""
    _drain_here(journal, source, number, {})
    here, there = source.database(number), destination.database(number)
    found = [stage for stage in stages(here) if stage.goes == "there"]
    # The destination hands out from the end that is pushed to: what waited longer must come later.
    for kind in ("list", "unacked"):
        for ours in (True, False):
            for stage in found:
                if stage.kind == kind and (stage.scope == scope) is ours:
                    _drain_stage(journal, here, there, stage, moved)


def _drain_here(journal, broker, number, moved):
    database = broker.database(number)
    for stage in stages(database):
        if stage.goes == "here":
            _drain_stage(journal, database, database, stage, moved)


def _drain_stage(journal, here, there, stage, moved):
    if stage.kind == "list":
        _drain_list(journal, here, there, stage, moved)
    else:
        _drain_unacked(journal, here, there, stage, moved)
    there.call("DEL", stage.seen)


def _drain_list(journal, here, there, stage, moved):
    queue, count = _kombu.queue_of_key(stage.name), FIRST_CHUNK
    while True:
        # The newest stand at the head; they go first, so that the oldest end up nearest to the consumers.
        payloads = here.call("LRANGE", stage.key, 0, count - 1)
        if not payloads:
            return
        tagged = [(_kombu.tag_of(payload) or "", payload) for payload in payloads]
        _count(moved, queue, _push(there, stage.seen, stage.name, tagged))
        here.pipeline([("LREM", stage.key, 1, payload) for payload in payloads])
        count = next_chunk(payloads)
        journal.alive()


def _drain_unacked(journal, here, there, stage, moved):
    prefix = _kombu.prefix_of_unacked(stage.name)
    index = stage._replace(kind="index").key
    bindings, homeless, count = {}, [], FIRST_CHUNK
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
            keys, payload = _destinations(here, prefix, value, bindings)
            if not keys:
                homeless.append((tag, value))
            for key in keys:
                pushes.setdefault(key, []).append((key.encode("utf-8", "surrogateescape") + b"|" + tag, payload))
        for key, tagged in pushes.items():
            _count(moved, _kombu.queue_of_key(key), _push(there, stage.seen, key, tagged))
        _put_back(here, stage, homeless)
        here.pipeline([("HDEL", stage.key, *tags), ("ZREM", index, *tags)])
        homeless.clear()
        count = next_chunk(sizes) if sizes else count
        journal.alive()


def _some_fields(database, key, count):
    cursor = b"0"
    while True:
        cursor, items = database.call("HSCAN", key, cursor, "COUNT", count)
        # A page may be empty although others are not.
        if items or cursor == b"0":
            return items[0::2]


def _destinations(database, prefix, value, bindings):
    unpacked = _kombu.unpack_unacked(value)
    if unpacked is None:
        return [], b""
    payload, exchange, routing_key = unpacked
    if exchange not in bindings:
        members = database.call("SMEMBERS", f"{prefix}{_kombu.BINDING}{exchange}") if exchange else []
        bindings[exchange] = [_text(member) for member in members]
    queues = _kombu.queues_for(exchange, routing_key, bindings[exchange])
    return [prefix + _kombu.key_of_queue(queue, _kombu.priority_of(payload)) for queue in queues], payload


def _put_back(database, stage, homeless):
    """Messages that no queue is known for go back to where they were: kombu would drop them, and so would we."""
    prefix = _kombu.prefix_of_unacked(stage.name)
    for tag, value in homeless:
        database.pipeline([("HSETNX", stage.name, tag, value), ("ZADD", prefix + _kombu.UNACKED_INDEX, "NX", 0, tag)])


def _push(database, seen, key, tagged):
    words = [word for pair in tagged for word in pair]
    return database.call("EVAL", PUSH, 2, seen, key, *words)


def _copy_bindings(here, there):
    """What routes messages to queues; a worker that gives a message back drops it where no binding is."""
    for key in here.scan(match="*" + _kombu.BINDING + "*", kind="set"):
        if _kombu.is_task_exchange(_kombu.binding_of_key(_text(key))[1]):
            members = here.call("SMEMBERS", key)
            if members:
                there.call("SADD", key, *members)


def _count(moved, queue, number):
    if number:
        moved[queue] = moved.get(queue, 0) + number


def _text(key):
    return key.decode("utf-8", "surrogateescape")
