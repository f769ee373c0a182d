# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Celery's messages in Redis: found, counted, read. Nothing is changed here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, Mapping, NamedTuple, Sequence, TypeVar

from .._celery import kombu
from .redis import Commands, RedisError

if TYPE_CHECKING:
    from .connection import Broker

# Names of our own: stages, seen tags, parking lists, drafts.
OWN = "_bg."
STAGE = OWN + "handover.stage:"
SEEN = OWN + "handover.seen:"
PARKING = OWN + "hold:"
# Stands between the names of a hash and of its index, where the index's does not follow from the hash's.
INDEX_OF = "\0"
# The name that parked messages are counted under.
PARKED = "held"

# The most that one command carries. Redis serves nobody else meanwhile: a few milliseconds on a Raspberry Pi 4.
CHUNK_MESSAGES = 200
CHUNK_BYTES = 256 * 1024
CHUNK_KEYS = 100
FIRST_CHUNK = 16

Key = TypeVar("Key", str, bytes)


class Stage(NamedTuple):
    """A key in which messages wait while they are moved.

    ``goes`` is ``there`` (to the other broker) or ``here`` (back into queues of the same one); ``scope`` tells one run
    of a move from another; ``kind`` is ``list``, ``unacked`` or ``index``; ``name`` is the previous name of the key.
    """

    goes: str
    scope: str
    kind: str
    name: str

    @property
    def hash_name(self) -> str:
        """The name of a hash of unacknowledged messages, without that of its index."""
        return self.name.partition(INDEX_OF)[0]

    @property
    def index_name(self) -> str:
        """The name of its index; empty where none is known."""
        name, named, index = self.name.partition(INDEX_OF)
        return index if named else kombu.index_of_unacked(name)

    @property
    def key(self) -> str:
        return f"{STAGE}{self.goes}:{self.scope}:{self.kind}:{self.name}"

    @property
    def seen(self) -> str:
        """The name of the set of the delivery tags that were pushed."""
        return f"{SEEN}{self.goes}:{self.scope}:{self.kind}:{self.name}"


class MessageKeys(NamedTuple):
    """All keys of a database that hold messages, staged ones too.

    ``lists`` maps a list to the name of its queue's list, or of its parking list; ``hashes`` are those of
    unacknowledged messages.
    """

    lists: dict[str, str]
    hashes: list[str]


def text(key: bytes) -> str:
    """The name of a key, which may hold any bytes."""
    return key.decode("utf-8", "surrogateescape")


def chunks(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    """Keys in parts that one exchange with Redis may carry."""
    for start in range(0, len(keys), CHUNK_KEYS):
        yield keys[start : start + CHUNK_KEYS]


# Names


def is_bookkeeping(key: str) -> bool:
    """Whether a key of this name is Celery's or ours. Not for queues: they may have any name (:func:`queues_among`)."""
    return key.startswith(OWN) or kombu.is_own_name(key)


def parse_stage(key: str) -> Stage | None:
    """The stage that the name of a key describes, or ``None``."""
    if not key.startswith(STAGE):
        return None
    parts = key[len(STAGE) :].split(":", 3)
    return Stage(*parts) if len(parts) == 4 else None


def released(key: str) -> str:
    """The name of a queue's list, from that of its parking list too."""
    return key[len(PARKING) :] if key.startswith(PARKING) else key


# What is where


def queues_among(database: Commands, lists: Sequence[Key]) -> list[Key]:
    """Those of some lists that hold messages of Celery, by their first element: a queue may have any name.

    :param lists: names of keys of the type list.
    """
    heads = database.pipeline([("LINDEX", key, 0) for key in lists]) if lists else []
    return [key for key, head in zip(lists, heads) if head is not None and kombu.is_message(head)]


def unacked_among(database: Commands, hashes: Sequence[Key]) -> list[Key]:
    """Those of some hashes that hold unacknowledged messages, under any name.

    :param hashes: names of keys of the type hash.
    """
    found = []
    for chunk in chunks(hashes):
        answers = database.pipeline([("HSCAN", key, 0, "COUNT", 1) for key in chunk])
        for key, (dummy, items) in zip(chunk, answers):
            if items and kombu.unpack_unacked(items[1]) is not None:
                found.append(key)
    return found


def task_lists(database: Commands) -> list[str]:
    """Names of the lists of tasks: queues, each with a list per priority in use, and parking lists, without stages."""
    names = map(text, database.scan(kind="list"))
    return queues_among(database, [key for key in names if kombu.is_queue_name(key) and parse_stage(key) is None])


def unacked_hashes(database: Commands) -> list[str]:
    """Names of the hashes of messages that workers took and did not acknowledge, without stages (staging.py)."""
    names = map(text, database.scan(kind="hash"))
    return unacked_among(database, [key for key in names if parse_stage(key) is None])


def stages(database: Commands) -> list[Stage]:
    """All stages of a database but indexes, lists before unacknowledged messages."""
    found = [parse_stage(text(key)) for key in database.scan(match=STAGE + "*")]
    # An index is read together with its hash.
    return sorted(
        (stage for stage in found if stage is not None and stage.kind != "index"), key=lambda stage: stage.kind
    )


def message_keys(database: Commands, unacked: bool = True) -> MessageKeys:
    """Where a database holds messages.

    :param unacked: whether hashes of unacknowledged messages are looked for.
    """
    lists = {key: key for key in task_lists(database)}
    hashes = unacked_hashes(database) if unacked else []
    for stage in stages(database):
        if stage.kind == "list":
            lists[stage.key] = stage.name
        elif unacked:
            hashes.append(stage.key)
    return MessageKeys(lists, hashes)


def celerys_by_content(database: Commands, keys: Iterable[bytes]) -> set[bytes]:
    """Those of some keys that are Celery's by their content: queues, unacknowledged messages and their indexes."""
    keys = list(keys)
    kinds = dict(zip(keys, database.pipeline([("TYPE", key) for key in keys]))) if keys else {}
    found = set(queues_among(database, [key for key in keys if kinds[key] == b"list"]))
    hashes = unacked_among(database, [key for key in keys if kinds[key] == b"hash"])
    found.update(hashes)
    if hashes:
        found |= _scoring(database, [key for key in keys if kinds[key] == b"zset"], _tags(database, hashes))
    return found


def index_of(database: Commands, key: str) -> str:
    """The name of the index of a hash of unacknowledged messages; empty when none is found."""
    usual = kombu.index_of_unacked(key)
    if usual and database.call("EXISTS", usual):
        return usual
    found = _scoring(database, map(text, database.scan(kind="zset")), _tags(database, [key]))
    return next((name for name in sorted(found) if parse_stage(name) is None), usual)


def _tags(database: Commands, hashes: Sequence[str | bytes]) -> list[bytes]:
    """Some delivery tags of hashes of unacknowledged messages."""
    return [tag for key in hashes for tag in database.call("HSCAN", key, 0, "COUNT", FIRST_CHUNK)[1][0:CHUNK_KEYS:2]]


def _scoring(database: Commands, sets: Iterable[Key], tags: list[bytes]) -> set[Key]:
    """Those of some sorted sets that contain one of some members."""
    return {
        key
        for key in (sets if tags else ())
        if any(score is not None for score in database.pipeline([("ZSCORE", key, tag) for tag in tags]))
    }


def present(database: Commands, keys: Sequence[bytes]) -> list[bytes]:
    """Those of some keys that a database has."""
    found: list[bytes] = []
    for chunk in chunks(keys):
        answers = database.pipeline([("EXISTS", key) for key in chunk])
        found += [key for key, exists in zip(chunk, answers) if exists]
    return found


# Counting


def count_messages(broker: Broker) -> dict[str, int]:
    """Messages per queue, of all priorities; ``unacked`` counts the unacknowledged ones, ``held`` the parked ones.

    An empty dict is the proof that the broker may be stopped.
    """
    counts: dict[str, int] = {}
    for number in broker.message_databases():
        database = broker.database(number)
        found = message_keys(database)
        lists = _by_queue(database, {key: _counted_as(name) for key, name in found.lists.items()})
        for command, keys in (("LLEN", lists), ("HLEN", dict.fromkeys(found.hashes, kombu.UNACKED))):
            lengths = database.pipeline([(command, key) for key in keys]) if keys else []
            for queue, length in zip(keys.values(), lengths):
                if length:
                    counts[queue] = counts.get(queue, 0) + length
    return counts


def in_words(counts: Mapping[str, int]) -> str:
    """Messages per queue as text, such as ``3 in celery, 1 in unacked``."""
    return ", ".join(f"{count} in {queue}" for queue, count in sorted(counts.items()))


def _counted_as(key: str) -> str:
    return PARKED if key.startswith(PARKING) else kombu.queue_of_key(key)


def _by_queue(database: Commands, lists: dict[str, str]) -> dict[str, str]:
    """Lists with their queues, where some names may end in a separator of the app's own and a priority."""
    if not any(name[-1:].isdigit() for name in lists.values()):
        return lists
    try:
        keys = [text(key) for key in database.scan(match=f"*{kombu.BINDING}*", kind="set")]
        asked = [("SMEMBERS", key) for key in keys if not key.endswith(kombu.PIDBOX)]
        members = [text(member) for answer in (database.pipeline(asked) if asked else ()) for member in answer]
    except RedisError:
        # Only the names of queues are less readable then.
        return lists
    return {key: kombu.queue_by_bindings(name, members) for key, name in lists.items()}


def waiting_tasks(broker: Broker) -> dict[str, int]:
    """Messages per name of their task that wait in a broker or were taken from it; parked ones do not count."""
    return _count_names(broker, parked=False)


def parked_tasks(broker: Broker) -> dict[str, int]:
    """Messages per name of their task that are parked in a broker."""
    return _count_names(broker, parked=True)


def _count_names(broker: Broker, parked: bool) -> dict[str, int]:
    names: dict[str, int] = {}
    for number in broker.message_databases():
        database = broker.database(number)
        lists, hashes = message_keys(database, unacked=not parked)
        counted = [key for key, name in lists.items() if name.startswith(PARKING) is parked]
        for payloads in _payloads(database, counted, hashes):
            _add_names(names, payloads)
    return names


def _add_names(names: dict[str, int], payloads: Iterable[bytes]) -> None:
    for payload in payloads:
        name = kombu.task_of(payload)
        if name is not None:
            names[name] = names.get(name, 0) + 1


def waiting_ids(broker: Broker, ids: set[str]) -> set[str]:
    """Those of some ids of tasks that wait in a broker, parked or not, or were taken from it and not acknowledged."""
    found: set[Any] = set()
    for number in broker.message_databases():
        database = broker.database(number)
        lists, hashes = message_keys(database)
        for payloads in _payloads(database, lists, hashes):
            found.update(map(kombu.id_of, payloads))
    return ids & found


def has_task(database: Commands, key: str, wanted: Callable[[str], bool]) -> bool:
    """Whether a list holds a task with a name that is wanted."""
    names: dict[str, int] = {}
    for payloads in pages(database, key):
        _add_names(names, payloads)
        if any(map(wanted, names)):
            return True
    return False


# Reading


def next_chunk(payloads: Sequence[bytes]) -> int:
    """How many messages to take next, by the size of the last ones."""
    size = sum(len(payload) for payload in payloads)
    return max(1, min(CHUNK_MESSAGES, len(payloads) * CHUNK_BYTES // max(size, 1)))


def pages(database: Commands, key: str) -> Iterator[list[bytes]]:
    """All elements of a list, a page at a time."""
    start, count = 0, FIRST_CHUNK
    while True:
        payloads = database.call("LRANGE", key, start, start + count - 1)
        if not payloads:
            return
        yield payloads
        start, count = start + len(payloads), next_chunk(payloads)


def _payloads(database: Commands, lists: Iterable[str], hashes: Iterable[str]) -> Iterator[list[bytes]]:
    """The messages of lists and of hashes of unacknowledged ones, a page at a time."""
    for key in lists:
        yield from pages(database, key)
    for key in hashes:
        cursor = None
        while cursor != b"0":
            cursor, items = database.call("HSCAN", key, cursor or 0, "COUNT", FIRST_CHUNK)
            unpacked = [kombu.unpack_unacked(value) for value in items[1::2]]
            yield [each.payload for each in unpacked if each is not None]
