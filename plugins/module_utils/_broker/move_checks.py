# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Checks before a move: kind and version of both servers, types of keys, room. Nothing is moved yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Mapping, Sequence

from .._celery import kombu
from .._docker.containers import Container
from .._docker.engine import EngineError
from .._errors import BluegreenError
from .._linux import memory as host_memory
from .._resources import memory_use
from .._resources.disk import MIB
from . import queues, results as broker_results
from .redis import Commands, RedisError

if TYPE_CHECKING:
    from .._host import Host
    from .connection import Broker

# Since this version a replica gets the effects of a script and not the script, so an interrupted one has the same
# effect in both.
OLDEST = 5
# Bytes that a message needs beside its own: its delivery tag in the set of seen tags.
TAG_BYTES = 128

QUEUE, UNACKED, INDEX = "list", "hash", "zset"
_AS_CELERY = {QUEUE: "a list", UNACKED: "a hash", INDEX: "a sorted set"}


def fields_of(info: bytes) -> dict[str, str]:
    """The fields of an answer to INFO, by name."""
    fields = (line.partition(":") for line in info.decode("utf-8", "replace").splitlines())
    return {name: value for name, found, value in fields if found}


def server_finding(name: str, server: Mapping[str, str]) -> str:
    """A sentence when nothing can be moved from or to a Redis, else ``""``.

    :param server: the fields of INFO's section ``server``.
    """
    # The second name is Valkey's.
    mode = server.get("redis_mode") or server.get("server_mode") or "standalone"
    if mode != "standalone":
        return (
            f"{name} is a Redis in {mode} mode, and tasks can only be moved between single servers: nothing was moved. "
            "Use one broker outside both colors (bluegreen_broker: shared)."
        )
    version = server.get("redis_version", "")
    major = version.split(".", 1)[0]
    if major.isdigit() and int(major) < OLDEST:
        return (
            f"{name} is Redis {version}, and a move needs {OLDEST} or later: nothing was moved. Use a newer image for "
            "it, or one broker outside both colors (bluegreen_broker: shared)."
        )
    return ""


def room_finding(
    source: str, destination: str, needed: int, rooms: Iterable[tuple[int, str]], what: str = "tasks and results"
) -> str:
    """A sentence when the destination has too little room, else ``""``.

    :param source, destination: names of the brokers.
    :param needed: bytes.
    :param rooms: free bytes, each with its limit in words; the smallest number decides.
    """
    room, limit = min(rooms, default=(needed, ""))
    if needed <= room:
        return ""
    return (
        f"The {what} from {source} need {_mib(needed)} MiB, but {destination} has room for {_mib(room)} MiB ({limit}): "
        f"nothing was moved. Give {destination} more memory, or deploy when there is less to move."
    )


def type_finding(name: str, number: int, key: str, found: str, wanted: str) -> str:
    """A sentence for a key that has another type than Celery's key of this name.

    :param name: the broker's.
    :param number: the database's.
    :param found, wanted: types as Redis calls them.
    """
    return (
        f"Key {key!r} in database {number} of {name} is a {found}, but under this name Celery keeps "
        f"{_AS_CELERY[wanted]}: nothing was moved. Find out what wrote this key, and remove or rename it, or give "
        "Celery a database of its own (bluegreen_broker_url)."
    )


def refuse(host: Host, source: Broker, destination: Broker) -> None:
    """Raise when a move between two brokers could not be completed; nothing is changed."""
    refuse_servers(source, destination)
    _refuse_types(source, destination)
    refuse_room(host, source, destination, _needed(source, destination))


def refuse_servers(source: Broker, destination: Broker) -> None:
    """Raise when nothing can be moved from or to one of two servers."""
    for broker in (source, destination):
        finding = server_finding(broker.name, _info(broker, "server"))
        if finding:
            raise BluegreenError(finding, failure="unsuitable_server")
    _try_to_write(destination)


def refuse_room(
    host: Host, source: Broker, destination: Broker, needed: int, what: str = "tasks and results"
) -> None:
    """Raise when the destination has no room for ``needed`` bytes more."""
    rooms = _rooms(host, destination) if needed else []
    finding = room_finding(source.name, destination.name, needed, rooms, what)
    if finding:
        raise BluegreenError(finding, failure="no_room", needed=needed, room=min(rooms)[0])


def _info(broker: Broker, section: str) -> dict[str, str]:
    number = (broker.message_databases() or [0])[0]
    return fields_of(broker.database(number).call("INFO", section))


# Types


def _refuse_types(source: Broker, destination: Broker) -> None:
    for number in source.message_databases():
        here, there = source.database(number), destination.database(number)
        wanted = _wanted_types(here)
        for broker, database in ((source, here), (destination, there)):
            kinds = database.pipeline([("TYPE", key) for key in wanted])
            for (key, kind), found in zip(wanted.items(), map(queues.text, kinds)):
                if found not in (kind, "none"):
                    raise BluegreenError(type_finding(broker.name, number, key, found, kind), failure="wrong_type")


def _wanted_types(database: Commands) -> dict[str, str]:
    """The types of Celery's keys, by name."""
    keys = [queues.released(key) for key in queues.task_lists(database)]
    keys += [queues.released(stage.name) for stage in queues.stages(database) if stage.kind == "list"]
    prefixes = {""}
    for key in map(queues.text, database.scan(match=f"*{kombu.BINDING}*", kind="set")):
        prefixes.add(kombu.binding_of_key(key)[0])
    wanted = dict.fromkeys(keys, QUEUE)
    for prefix in prefixes:
        wanted[f"{prefix}celery"] = QUEUE
        wanted[f"{prefix}{kombu.UNACKED}"] = UNACKED
        wanted[f"{prefix}{kombu.UNACKED_INDEX}"] = INDEX
    return wanted


def _try_to_write(broker: Broker) -> None:
    """Run a script that changes nothing: a replica, a full disk and a user without write access refuse it."""
    number = (broker.message_databases() or [0])[0]
    key = queues.SEEN + "try"
    broker.database(number).call("EVAL", "return redis.call('DEL', KEYS[1])", 1, key)


# Room


def _rooms(host: Host, broker: Broker) -> list[tuple[int, str]]:
    """Bytes that a Redis may still use, each with its limit in words."""
    try:
        memory = _info(broker, "memory")
        used, most = int(memory.get("used_memory", 0)), int(memory.get("maxmemory", 0))
    except (RedisError, ValueError):
        # A server that does not tell its limit refuses messages that do not fit, and no message is lost.
        used = most = 0
    rooms = []
    if most:
        rooms.append((max(most - used, 0), f"its maxmemory is {_mib(most)} MiB, of which {_mib(used)} MiB are used"))
    if broker.container is not None:
        free = host_memory.available_memory()
        rooms.append((free, f"{_mib(free)} MiB are free on this host"))
        limit = _limit_of(host, broker.container)
        if limit:
            held = memory_use.memory_of(host.engine, [broker.container])
            rooms.append(
                (max(limit - held, 0), f"its container may have {_mib(limit)} MiB, of which {_mib(held)} MiB are used")
            )
    return rooms


def _limit_of(host: Host, container: Container) -> int:
    """The memory limit of a container in bytes, 0 without one."""
    try:
        return int(host.engine.inspect(container.id)["HostConfig"].get("Memory") or 0)
    except EngineError:
        return 0


def _needed(source: Broker, destination: Broker) -> int:
    """Bytes that a broker's messages, results and chords need in the destination, without those that it has already."""
    messages = sum(_size(source.database(number)) for number in source.message_databases())
    # Results may be in a database of their own.
    results = sum(needed_for_results(source.database(each), destination.database(each)) for each in source.databases())
    return messages + results


def _size(database: Commands) -> int:
    """Bytes that the messages of a database need in another one."""
    lists, hashes = queues.message_keys(database)
    lengths = [("LLEN", key) for key in lists] + [("HLEN", key) for key in hashes]
    counts: list[int] = database.pipeline(lengths) if lengths else []
    return size_of(database, [*lists, *hashes]) + TAG_BYTES * sum(counts)


def needed_for_results(here: Commands, there: Commands) -> int:
    """Bytes that the results and chords of a database need in another one, without those that it has already."""
    keys = broker_results.keys_of(here)
    copied = set(queues.present(there, keys))
    return size_of(here, [key for key in keys if key not in copied])


def size_of(database: Commands, keys: Sequence[queues.Key]) -> int:
    """Bytes that some keys need elsewhere: a tenth more than here; 0 if Redis refuses to tell."""
    total = 0
    try:
        for chunk in queues.chunks(keys):
            sizes = database.pipeline([("MEMORY", "USAGE", key) for key in chunk])
            total += sum(size or 0 for size in sizes)
    except RedisError as error:
        # Not every user may call MEMORY. Without a code Redis cannot be reached.
        if not error.code:
            raise
        return 0
    return total + total // 10


def _mib(count: int) -> str:
    # One decimal for small numbers, or the sentence could say that 0 MiB do not fit into 0 MiB.
    return f"{count / MIB:.0f}" if count >= 10 * MIB else f"{count / MIB:.1f}"
