# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What the live color's broker shows before a deployment: whether it answers, and what it holds."""

from __future__ import annotations

from typing import NamedTuple

from .._docker.engine import EngineError
from . import connection as broker_connection, other_keys, queues
from .redis import RedisError

_REFUSED = ("NOAUTH", "WRONGPASS")


class Look(NamedTuple):
    """``url`` is the broker's as far as it can be used from the host; ``finding`` stops the deployment."""

    url: str
    finding: str = ""
    warning: str = ""


def look(host, settings, live, workers, given_url, kept=()):
    """Ask the broker.

    :param settings: :class:`connection.BrokerSettings`
    :param live: containers of the live color.
    :param workers: those that are workers.
    :param given_url: whether the user gave the URL; else it was found in the environment of a service.
    :param kept: patterns of keys that go along to the new color.
    :returns: :class:`Look`
    """
    if not live:
        return Look(settings.url if given_url else "")
    broker = broker_connection.connect(host, live, settings)
    if broker is None or (broker.container is not None and not broker.container.running):
        return Look(settings.url)
    with broker:
        if settings.mode == "color":
            return _look_at_own(host, settings, broker, kept)
        return _look_at_shared(settings, broker, workers, given_url)


def _look_at_own(host, settings, broker, kept):
    try:
        found = other_keys.count(broker, host.clock, kept)
    except RedisError as error:
        # What cannot be counted is no obstacle, but whoever is not let in cannot move a task either.
        return Look(settings.url, finding=error.message if error.code in _REFUSED else "")
    except EngineError:
        return Look(settings.url)
    return Look(settings.url, warning=other_keys.warning(found, f"of {broker.name.partition('/')[0]}"))


def _look_at_shared(settings, broker, workers, given_url):
    try:
        seen = {each.address for number in broker.message_databases() for each in broker.consumers(number) or ()}
    except RedisError as error:
        if error.code in _REFUSED and given_url:
            return Look("", finding=error.message)
        # A broker that answers and refuses is none that is out of reach.
        return Look("", warning="" if error.code else _out_of_reach(error))
    own = {address for worker in workers for address in worker.addresses.values() if address}
    # Behind a router all workers have one address there, and the new ones could not be told from the old.
    return Look(settings.url if given_url or not own.isdisjoint(seen) else "")


def _out_of_reach(error):
    return (
        f"The broker for both colors cannot be asked from this host: {error.message} If only the containers know its name, "
        "nothing is wrong; its tasks are not counted then, and a new worker is believed when it says that it is ready."
    )


def look_beside(host, color):
    """Sentences about what stays behind in the Redis that a color has beside its broker.

    :param color: the live :class:`color.Color`
    """
    sentences = []
    for service in color.other_redis():
        with color.redis_of(service) as redis:
            if redis is None:
                continue
            try:
                found = other_keys.count(redis, host.clock)
            except RedisError as error:
                sentences.append(
                    f"Whether service {service} holds results of tasks cannot be told, so they would stay behind with "
                    f"{color.name}: {error.message}"
                )
                continue
            except EngineError:
                continue
            sentences.append(other_keys.warning(found, f"{service} of {color.project}", can_be_kept=False))
    return [sentence for sentence in sentences if sentence]


def leftover_finding(color):
    """A sentence when a color that is created anew, where no other is live, still holds tasks in its broker; else ``""``.

    :param color: the idle :class:`color.Color`
    """
    try:
        with color.own_broker() as broker:
            left = queues.count_messages(broker) if broker is not None else {}
    except (RedisError, EngineError):
        return ""
    if not left:
        return ""
    counts = ", ".join(f"{count} in {queue}" for queue, count in sorted(left.items()))
    return (
        f"The broker of {color.project} still holds tasks of an earlier deployment ({counts}), no color is live that they could "
        f"move to, and a deployment creates it anew: start the workers of {color.project} until they are done, or remove its "
        "broker's container and volume if they may be lost."
    )
