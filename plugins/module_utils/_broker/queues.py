# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Celery's messages where they lie in Redis: found, counted, read. Nothing is changed here."""

from __future__ import annotations

from typing import NamedTuple

from .._celery import kombu
from .redis import RedisError

# Names of our own: stages, tags seen, hold lists, drafts.
OWN = "_bg."
STAGE = OWN + "handover.stage:"
SEEN = OWN + "handover.seen:"
HOLD = OWN + "hold:"
# Between the names of a hash and its index, where the index's does not follow from the hash's.
INDEX_OF = "\0"
# What is held, where messages are counted by queue.
HELD = "held"

# What one command may carry. Redis answers nobody else meanwhile: on a Raspberry Pi 4 this is a few milliseconds.
CHUNK_MESSAGES = 200
CHUNK_BYTES = 256 * 1024
CHUNK_KEYS = 100
FIRST_CHUNK = 16


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
    def hash(self):
        """The name that a hash of unacknowledged messages has; where it is not the usual one, its index follows it."""
        return self.name.partition(INDEX_OF)[0]

    @property
    def index(self):
        """The name of its index; empty where it has none that is known."""
        name, named, index = self.name.partition(INDEX_OF)
        return index if named else kombu.index_of_unacked(name)

    @property
    def key(self):
        return f"{STAGE}{self.goes}:{self.scope}:{self.kind}:{self.name}"

    @property
    def seen(self):
        return f"{SEEN}{self.goes}:{self.scope}:{self.kind}:{self.name}"


def is_bookkeeping(key):
    """Whether a key of this name is Celery's or our own. A queue may have any name, so its list is not known by it."""
    return key.startswith(OWN) or kombu.is_own_name(key)


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
    """Messages per queue that a broker has, whatever their priority; ``unacked`` counts the unacknowledged ones.

    ``held`` counts those that are held back, whichever queue they are for.
    An empty dict is the proof that the broker may be stopped.
    """
    counts = {}
    for number in broker.message_databases():
        database = broker.database(number)
        lists = {key: _counted_as(key) for key in task_lists(database)}
        hashes = {key: kombu.UNACKED for key in unacked_hashes(database)}
        for stage in stages(database):
            if stage.kind == "list":
                lists[stage.key] = _counted_as(stage.name)
            elif stage.kind == "unacked":
                hashes[stage.key] = kombu.UNACKED
        lists = _under_their_queues(database, lists)
        for command, keys in (("LLEN", lists), ("HLEN", hashes)):
            lengths = database.pipeline([(command, key) for key in keys]) if keys else []
            for queue, length in zip(keys.values(), lengths):
                if length:
                    counts[queue] = counts.get(queue, 0) + length
    return counts


def waiting_tasks(broker):
    """Messages per name of their task that wait in a broker or were taken from it, without those that are held."""
    return _count_names(broker, held=False)


def held_tasks(broker):
    """Messages per name of their task that are held in a broker."""
    return _count_names(broker, held=True)


def _count_names(broker, held):
    names = {}
    for number in broker.message_databases():
        database = broker.database(number)
        waiting = {key: key for key in task_lists(database)}
        hashes = [] if held else unacked_hashes(database)
        for stage in stages(database):
            if stage.kind == "list":
                waiting[stage.key] = stage.name
            elif stage.kind == "unacked" and not held:
                hashes.append(stage.key)
        for key in (key for key, name in waiting.items() if name.startswith(HOLD) is held):
            for payloads in pages(database, key):
                _add_names(names, payloads)
        for key in hashes:
            for values in hash_pages(database, key):
                unpacked = [kombu.unpack_unacked(value) for value in values]
                _add_names(names, [each[0] for each in unpacked if each is not None])
    return names


def _add_names(names, payloads):
    for payload in payloads:
        name = kombu.task_of(payload)
        if name is not None:
            names[name] = names.get(name, 0) + 1


def pages(database, key):
    """All elements of a list, a page at a time."""
    start, count = 0, FIRST_CHUNK
    while True:
        payloads = database.call("LRANGE", key, start, start + count - 1)
        if not payloads:
            return
        yield payloads
        start, count = start + len(payloads), next_chunk(payloads)


def hash_pages(database, key):
    """All values of a hash, a page at a time."""
    cursor = None
    while cursor != b"0":
        cursor, items = database.call("HSCAN", key, cursor or 0, "COUNT", FIRST_CHUNK)
        yield items[1::2]


def task_lists(database):
    """Names of the lists that hold tasks: queues, each with a list per priority that is in use, and hold lists."""
    keys = [
        key
        for key in map(text, database.scan(kind="list"))
        if kombu.is_queue_name(key) and parse_stage(key) is None
    ]
    heads = database.pipeline([("LINDEX", key, 0) for key in keys]) if keys else []
    return [key for key, head in zip(keys, heads) if head is not None and kombu.is_message(head)]


def unacked_hashes(database):
    """Names of the hashes of messages that workers took and did not acknowledge, whatever the app calls them."""
    keys = [key for key in map(text, database.scan(kind="hash")) if parse_stage(key) is None]
    return [key for key, value in first_values(database, keys).items() if kombu.unpack_unacked(value) is not None]


def first_values(database, keys):
    """One value of each of some hashes, by key; those that are gone or have none are left out."""
    found = {}
    for start in range(0, len(keys), CHUNK_KEYS):
        chunk = keys[start:start + CHUNK_KEYS]
        for key, (dummy, items) in zip(chunk, database.pipeline([("HSCAN", key, 0, "COUNT", 1) for key in chunk])):
            if items:
                found[key] = items[1]
    return found


def index_of(database, key):
    """The name of the index of a hash of unacknowledged messages; empty when there is none that can be found."""
    usual = kombu.index_of_unacked(key)
    if usual and database.call("EXISTS", usual):
        return usual
    found = _scoring(database, map(text, database.scan(kind="zset")), _tags(database, [key]))
    return next((name for name in sorted(found) if parse_stage(name) is None), usual)


def celerys_by_content(database, keys):
    """Those of some keys that are Celery's by what is in them: queues, unacknowledged messages and their indexes."""
    keys = list(keys)
    kinds = dict(zip(keys, database.pipeline([("TYPE", key) for key in keys]))) if keys else {}
    lists = [key for key in keys if kinds[key] == b"list"]
    heads = database.pipeline([("LRANGE", key, 0, 0) for key in lists]) if lists else []
    found = {key for key, values in zip(lists, heads) if values and kombu.is_message(values[0])}
    values = first_values(database, [key for key in keys if kinds[key] == b"hash"])
    hashes = [key for key, value in values.items() if kombu.unpack_unacked(value) is not None]
    found.update(hashes)
    if hashes:
        found |= _scoring(database, [key for key in keys if kinds[key] == b"zset"], _tags(database, hashes))
    return found


def present(database, keys):
    """Those of some keys that are in a database."""
    found = []
    for start in range(0, len(keys), CHUNK_KEYS):
        chunk = keys[start:start + CHUNK_KEYS]
        answers = database.pipeline([("EXISTS", key) for key in chunk])
        found += [key for key, there in zip(chunk, answers) if there]
    return found


def _tags(database, hashes):
    """Some delivery tags of hashes of unacknowledged messages."""
    return [tag for key in hashes for tag in database.call("HSCAN", key, 0, "COUNT", FIRST_CHUNK)[1][0:CHUNK_KEYS:2]]


def _scoring(database, sets, tags):
    """Those of some sorted sets that hold one of some members."""
    return {
        key
        for key in (sets if tags else ())
        if any(score is not None for score in database.pipeline([("ZSCORE", key, tag) for tag in tags]))
    }


def stages(database):
    """What is staged in a database, lists before unacknowledged messages."""
    found = [parse_stage(text(key)) for key in database.scan(match=STAGE + "*")]
    # An index is read together with its hash.
    return sorted(
        (stage for stage in found if stage is not None and stage.kind != "index"), key=lambda stage: stage.kind
    )


def waiting_ids(broker, ids: set) -> set:
    """Those of some ids of tasks that wait in a broker, were taken from it and not acknowledged, or are held there."""
    found = set()
    for number in broker.message_databases():
        database = broker.database(number)
        lists, hashes = task_lists(database), unacked_hashes(database)
        for stage in stages(database):
            (lists if stage.kind == "list" else hashes).append(stage.key)
        for key in lists:
            for payloads in pages(database, key):
                found.update(map(kombu.id_of, payloads))
        for key in hashes:
            for values in hash_pages(database, key):
                unpacked = [kombu.unpack_unacked(value) for value in values]
                found.update(kombu.id_of(each[0]) for each in unpacked if each is not None)
    return ids & found


def has_task(database, key, wanted):
    names = {}
    for payloads in pages(database, key):
        _add_names(names, payloads)
        if any(map(wanted, names)):
            return True
    return False


def released(key):
    """The queue's own key, from the key of a hold list too."""
    return key[len(HOLD):] if key.startswith(HOLD) else key


def _under_their_queues(database, lists):
    """The same lists, where the names of some may end in a separator of the app's own and a priority."""
    if not any(name[-1:].isdigit() for name in lists.values()):
        return lists
    try:
        keys = [text(key) for key in database.scan(match=f"*{kombu.BINDING}*", kind="set")]
        asked = [("SMEMBERS", key) for key in keys if not key.endswith(kombu.PIDBOX)]
        members = [text(member) for answer in (database.pipeline(asked) if asked else ()) for member in answer]
    except RedisError:
        # Only their names are not as people expect them.
        return lists
    return {key: kombu.queue_by_bindings(name, members) for key, name in lists.items()}


def _counted_as(key):
    return HELD if key.startswith(HOLD) else kombu.queue_of_key(key)


def text(key):
    """The name of a key, whatever bytes it has."""
    return key.decode("utf-8", "surrogateescape")
