# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Celery's messages in Redis are moved to another Redis.

How a message is moved without being lost or doubled is in :mod:`staging`. Messages whose task the workers of the
destination do not know are parked there (:mod:`parking`), and lists of parked messages are moved too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from .._celery import kombu
from .._errors import BluegreenError
from .._words import counted
from . import move_checks
from .parking import return_parked
from .queues import Stage, count_messages, released, stages, task_lists, text
from .redbeat import copy_schedule
from .redis import Commands
from .results import copy_results
from .staging import Delivery, KnownNames, drain, drain_here, new_scope, rename, stage_all
from .worker_conf import layout_of

if TYPE_CHECKING:
    from .._host import Host
    from .._journal.journal import AnyJournal
    from .connection import Broker

# A pass that found messages is followed by another one, because a web may publish meanwhile; but not forever.
PASSES = 5


class Moved(NamedTuple):
    """The result of a move.

    ``moved`` counts the messages moved to queues, ``queues`` the same per queue; ``left`` counts those that are still
    in the source per queue (``unacked`` are those of a live worker, or without a known queue); ``results`` counts the
    keys of results and chords copied; ``hop`` is the number of the hop in the journal; ``parked`` counts the messages
    that were moved and are parked in the destination, per name of their task.
    """

    moved: int
    queues: dict[str, int]
    left: dict[str, int]
    results: int
    hop: int
    parked: dict[str, int] = {}


def move(
    host: Host,
    journal: AnyJournal,
    source: Broker,
    destination: Broker,
    hop: int = 0,
    known: KnownNames = None,
    before_messages: Callable[[], object] | None = None,
) -> Moved:
    """Move all messages from one broker to another, and copy the results, chords and bindings that they need.

    Order is kept: moved messages come before those of the destination, and unacknowledged messages, which are the
    oldest, before all others. Those are moved only when no live worker reads the source.

    :param source, destination: both up. If they are the same server, nothing is done.
    :param hop: the number of the hop that the caller expects this to be; 0 for any.
    :param known: names of the tasks that the destination's workers know; others are parked. ``None`` when they are not
        known: nothing is parked. Or a function that returns the names, called before the first message moves, and only
        if one does.
    :param before_messages: called when results, chords and bindings are in place and no message has moved yet: new
        workers may start then.
    :raises BluegreenError: the move cannot be completed, and nothing was moved.
    """
    if source.run_id() == destination.run_id():
        return Moved(0, {}, {}, 0, 0)
    record, is_new = _open_hop(journal, source.name, destination.name, hop)
    move_checks.refuse(host, source, destination)
    delivery = Delivery(known, source, layout_of(journal, destination, source))
    # An unfinished move in the other direction is finished before its messages are moved back.
    for number in destination.message_databases():
        drain(journal, destination, source, number, Delivery(layout=layout_of(journal, source, destination)))
    results = 0
    for number in source.databases() if is_new else ():
        # Before the hop is noted: when this is run again, a beat may use the copy already.
        results += copy_schedule(journal, source.database(number), destination.database(number), replace=True)
    _note_hop(journal, record)
    for number in source.databases():
        untouched = is_new and not destination.has_live_worker(number)
        results += copy_results(host, journal, source.database(number), destination.database(number), replace=untouched)
        _copy_bindings(source.database(number), destination.database(number))
    if before_messages:
        before_messages()
    _move_messages(journal, source, destination, record["n"], delivery)
    if delivery.total:
        host.commands.append(f"move {counted(delivery.total, 'message')} from {source.name} to {destination.name}")
    delivery.end_progress(journal)
    return_parked(host, journal, destination, delivery.known if delivery.total or not callable(known) else None)
    return Moved(
        moved=sum(delivery.queues.values()),
        queues=delivery.queues,
        left=count_messages(source),
        results=results,
        hop=record["n"],
        parked=delivery.parked,
    )


def _move_messages(journal: AnyJournal, source: Broker, destination: Broker, hop: int, delivery: Delivery) -> None:
    """Move messages until none is left, or the last pass is done."""
    for _pass in range(PASSES):
        before = delivery.total
        for number in source.message_databases():
            _copy_bindings(source.database(number), destination.database(number))
            scope = new_scope(journal, hop)
            stage_all(source, number, "there", scope)
            drain(journal, source, destination, number, delivery, scope)
        if delivery.total == before:
            break


def rename_lists(journal: AnyJournal, broker: Broker, layout: kombu.Layout) -> int:
    """Move messages from lists as another color's workers name them to the lists that this broker's workers read.

    :param layout: :class:`kombu.Layout` of the other color.
    :returns: how many messages were moved.
    """
    own = layout_of(journal, broker)
    delivery = Delivery(layout=own)
    if not (own.steps and layout.steps) or own == layout:
        return 0
    for number in broker.message_databases():
        database = broker.database(number)
        for key in task_lists(database):
            queue = released(key)
            there = key[: -len(queue)] + kombu.key_elsewhere(queue, layout, own)
            if there != key:
                # A stage is pushed to the list in its name.
                rename(database, key, Stage("here", new_scope(journal, "renamed"), "list", there).key)
        drain_here(journal, broker, number, delivery)
    return delivery.total


def take_back(host: Host, journal: AnyJournal, broker: Broker) -> int:
    """Give messages that an interrupted move staged back to their queues, because the destination is gone for good.

    :returns: how many messages were given back.
    """
    delivery = Delivery(layout=layout_of(journal, broker))
    for number in broker.message_databases():
        database = broker.database(number)
        for stage in stages(database):
            if stage.goes == "there":
                # From here on this is a move within one broker, also if it is killed and run again.
                rename(database, stage.key, stage._replace(goes="here").key)
                if stage.kind == "unacked":
                    index = stage._replace(kind="index")
                    rename(database, index.key, index._replace(goes="here").key)
        drain_here(journal, broker, number, delivery)
    total = delivery.total
    if total:
        host.commands.append(f"give {counted(total, 'staged message')} of {broker.name} back to the queues")
    return total


def _copy_bindings(here: Commands, there: Commands) -> None:
    """Copy what routes messages to queues: kombu drops a message that a worker gives back if its binding is missing."""
    for key in here.scan(match="*" + kombu.BINDING + "*", kind="set"):
        if kombu.is_task_exchange(kombu.binding_of_key(text(key))[1]):
            members = here.call("SMEMBERS", key)
            if members:
                there.call("SADD", key, *members)


# Hops: the moves of a deployment, numbered. Each is complete before the next one begins.


def finish_hop(journal: AnyJournal) -> None:
    """Note that the last hop is done: the next move is a new one, also in the same direction."""
    hops = [dict(record) for record in journal.get("hops") or ()]
    if hops and not hops[-1]["done"]:
        hops[-1]["done"] = True
        journal.note(hops=hops)


def _open_hop(journal: AnyJournal, source: str, destination: str, expected: int) -> tuple[dict[str, Any], bool]:
    """The record of the hop that a move is, and whether it is a new one."""
    hops = journal.get("hops") or []
    last = hops[-1] if hops else None
    same = last is not None and not last["done"] and (last["source"], last["destination"]) == (source, destination)
    number = (last["n"] if last else 0) + (0 if same else 1)
    if expected and expected != number:
        raise BluegreenError(
            f"hop is {expected}, but a move from {source} to {destination} is hop {number} of this deployment: nothing "
            "was moved. Leave hop out."
        )
    return {"n": number, "source": source, "destination": destination, "done": False}, not same


def _note_hop(journal: AnyJournal, record: dict[str, Any]) -> None:
    hops = [dict(each) for each in journal.get("hops") or ()]
    for each in hops:
        each["done"] = each["done"] or each["n"] < record["n"]
    if not hops or hops[-1]["n"] != record["n"]:
        hops.append(record)
        journal.note(hops=hops)
