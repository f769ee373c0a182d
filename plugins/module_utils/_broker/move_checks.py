# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What stands against a move, found before the first message moves."""

from __future__ import annotations

from .._celery import kombu
from .._docker.engine import EngineError
from .._errors import BluegreenError
from .._resources import host as host_resources, memory_use
from . import queues, results as broker_results
from .redis import RedisError

# From here on a script is replicated by what it does, so one that was cut off cannot do something else in a replica.
OLDEST = 5
MIB = 1024 * 1024
# What a message costs beside its own bytes: its delivery tag in the set of tags seen.
TAG_BYTES = 128

QUEUE, UNACKED, INDEX = "list", "hash", "zset"
_AS_CELERY = {QUEUE: "a list", UNACKED: "a hash", INDEX: "a sorted set"}


def fields_of(info):
    """The fields of an answer to INFO as a dict."""
    lines = info.decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def server_finding(name, server):
    """A sentence when a Redis cannot take part in a move, else ``""``.

    :param server: fields of INFO's section of this name.
    """
    # Valkey has another name for it.
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


def room_finding(source, destination, needed, rooms, what="tasks and results"):
    """A sentence when what is to be brought elsewhere does not fit, else ``""``.

    :param needed: bytes.
    :param rooms: pairs of bytes that are free and what limits them, in words.
    """
    room, limit = min(rooms, default=(needed, ""))
    if needed <= room:
        return ""
    return (
        f"The {what} in {source} need {_mib(needed)} MiB, but {destination} has room for {_mib(room)} MiB ({limit}): "
        "nothing was moved. Give it more, or see to it that there is less to move before you deploy."
    )


def type_finding(name, number, key, found, wanted):
    return (
        f"Key {key!r} in database {number} of {name} is a {found}, but under this name Celery keeps "
        f"{_AS_CELERY[wanted]}: nothing was moved. Find out who wrote it, and remove or rename it, or give Celery a "
        "database of its own (bluegreen_broker_url)."
    )


def refuse(host, source, destination):
    """Raise with one sentence when a move between two brokers cannot be done whole; nothing is changed."""
    refuse_servers(source, destination)
    _refuse_types(source, destination)
    refuse_room(host, source, destination, _needed(source, destination))


def refuse_servers(source, destination):
    """Raise when one of two servers is of a kind that nothing can be moved from or to."""
    for broker in (source, destination):
        finding = server_finding(broker.name, _info(broker, "server"))
        if finding:
            raise BluegreenError(finding, failure="unsuitable_server")
    _try_to_write(destination)


def refuse_room(host, source, destination, needed, what="tasks and results"):
    """Raise when ``needed`` bytes more do not fit into the destination."""
    rooms = _rooms(host, destination) if needed else []
    finding = room_finding(source.name, destination.name, needed, rooms, what)
    if finding:
        raise BluegreenError(finding, failure="no_room", needed=needed, room=min(rooms)[0])


def _info(broker, section):
    number = (broker.message_databases() or [0])[0]
    return fields_of(broker.database(number).call("INFO", section))


# Types


def _refuse_types(source, destination):
    for number in source.message_databases():
        here, there = source.database(number), destination.database(number)
        wanted = _wanted_types(here)
        for broker, database in ((source, here), (destination, there)):
            kinds = database.pipeline([("TYPE", key) for key in wanted])
            for (key, kind), found in zip(wanted.items(), map(queues.text, kinds)):
                if found not in (kind, "none"):
                    raise BluegreenError(type_finding(broker.name, number, key, found, kind), failure="wrong_type")


def _wanted_types(database):
    """The types that keys of Celery's have, by name."""
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


def _try_to_write(broker):
    """A user without the right to, a replica, a disk that is full: each refuses this, which changes nothing."""
    number = (broker.message_databases() or [0])[0]
    key = queues.SEEN + "try"
    broker.database(number).call("EVAL", "return redis.call('DEL', KEYS[1])", 1, key)


# Room


def _rooms(host, broker):
    """Bytes that a Redis may still take, each with its reason; the least of them counts."""
    try:
        memory = _info(broker, "memory")
        used, most = int(memory.get("used_memory", 0)), int(memory.get("maxmemory", 0))
    except (RedisError, ValueError):
        # A server that does not tell its limit refuses what it has no room for, and nothing is lost by that.
        used = most = 0
    rooms = []
    if most:
        rooms.append((max(most - used, 0), f"its maxmemory is {_mib(most)} MiB, of which {_mib(used)} MiB are used"))
    if broker.container is not None:
        free = host_resources.available_memory()
        rooms.append((free, f"{_mib(free)} MiB are free on this host"))
        limit = _limit_of(host, broker.container)
        if limit:
            held = memory_use.memory_of(host.engine, [broker.container])
            rooms.append(
                (max(limit - held, 0), f"its container may have {_mib(limit)} MiB, of which {_mib(held)} MiB are used")
            )
    return rooms


def _limit_of(host, container):
    try:
        return host.engine.inspect(container.id)["HostConfig"].get("Memory")
    except EngineError:
        return 0


def _needed(source, destination):
    """Bytes that the messages, results and chords of a broker will need elsewhere, without what was copied there before."""
    messages = sum(_size(source.database(number)) for number in source.message_databases())
    # Results may be in a database of their own.
    results = sum(needed_for_results(source.database(each), destination.database(each)) for each in source.databases())
    return messages + results


def _size(database):
    """Bytes that the messages of a database will need elsewhere."""
    lists, hashes = queues.task_lists(database), queues.unacked_hashes(database)
    for stage in queues.stages(database):
        (lists if stage.kind == "list" else hashes).append(stage.key)
    lengths = [("LLEN", key) for key in lists] + [("HLEN", key) for key in hashes]
    counts = database.pipeline(lengths) if lengths else []
    return size_of(database, lists + hashes) + TAG_BYTES * sum(counts)


def needed_for_results(here, there):
    """Bytes that the results and chords of a database will need in another one."""
    keys = broker_results.keys_of(here)
    copied = set(queues.present(there, keys))
    return size_of(here, [key for key in keys if key not in copied])


def size_of(database, keys):
    """Bytes that some keys will need elsewhere, with a tenth more than here; 0 where Redis does not tell."""
    total = 0
    try:
        for start in range(0, len(keys), 100):
            sizes = database.pipeline([("MEMORY", "USAGE", key) for key in keys[start:start + 100]])
            total += sum(size or 0 for size in sizes)
    except RedisError as error:
        # MEMORY is not for every user; one that is down is another matter.
        if not error.code:
            raise
        return 0
    return total + total // 10


def _mib(count):
    # One digit where a whole one would say "0 MiB are not enough for 0 MiB".
    return f"{count / MIB:.0f}" if count >= 10 * MIB else f"{count / MIB:.1f}"
