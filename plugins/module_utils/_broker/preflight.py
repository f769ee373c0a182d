# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Checks of the live color's broker before a deployment: whether it answers, and which keys stay behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Sequence

from .._docker.containers import Container
from .._docker.engine import EngineError
from . import connection as broker_connection, other_keys, queues
from .redis import RedisError

if TYPE_CHECKING:
    from .._host import Host
    from .connection import Broker, Color
    from .settings import BrokerSettings

_REFUSED = ("NOAUTH", "WRONGPASS")


class BrokerFindings(NamedTuple):
    """``url`` is the broker's if the host can use it, else empty; ``finding`` stops the deployment."""

    url: str
    finding: str = ""
    warning: str = ""


def look(
    host: Host,
    settings: BrokerSettings,
    live: Sequence[Container],
    workers: Sequence[Container],
    given_url: bool,
    kept: Sequence[str] = (),
) -> BrokerFindings:
    """Check the live color's broker.

    :param live: containers of the live color.
    :param workers: those of its workers.
    :param given_url: whether the user gave the URL; else it was found in the environment of a service.
    :param kept: patterns of the keys that are copied to the new color.
    """
    if not live:
        return BrokerFindings(settings.url if given_url else "")
    broker = broker_connection.connect(host, live, settings)
    if broker is None or (broker.container is not None and not broker.container.running):
        return BrokerFindings(settings.url)
    with broker:
        if settings.mode == "color":
            return _check_own(host, settings, broker, kept)
        return _check_shared(settings, broker, workers, given_url)


def _check_own(host: Host, settings: BrokerSettings, broker: Broker, kept: Sequence[str]) -> BrokerFindings:
    try:
        found = other_keys.count(broker, host.clock, kept)
    except RedisError as error:
        # The count is only for a warning, but without a login no task can be moved either.
        return BrokerFindings(settings.url, finding=error.message if error.code in _REFUSED else "")
    except EngineError:
        return BrokerFindings(settings.url)
    return BrokerFindings(settings.url, warning=other_keys.warning(found, f"of {broker.name.partition('/')[0]}"))


def _check_shared(
    settings: BrokerSettings, broker: Broker, workers: Sequence[Container], given_url: bool
) -> BrokerFindings:
    try:
        seen = {each.address for number in broker.message_databases() for each in broker.consumers(number) or ()}
    except RedisError as error:
        if error.code in _REFUSED and given_url:
            return BrokerFindings("", finding=error.message)
        # A broker that refuses the login is not out of reach.
        return BrokerFindings("", warning="" if error.code else _out_of_reach(error))
    own = {address for worker in workers for address in worker.addresses.values() if address}
    # Behind a router all workers have the router's address, so new and old workers could not be distinguished.
    return BrokerFindings(settings.url if given_url or not own.isdisjoint(seen) else "")


def _out_of_reach(error: RedisError) -> str:
    return (
        f"The broker for both colors cannot be reached from this host: {error.message} If only containers can resolve "
        "its name, nothing is wrong: tasks are then not counted, and a new worker counts as ready when its own log "
        "says so."
    )


def look_beside(host: Host, color: Color) -> list[str]:
    """Warnings about the keys that stay behind in each Redis that the live color has beside its broker."""
    sentences = []
    for service in color.other_redis():
        with color.redis_of(service) as redis:
            if redis is None:
                continue
            try:
                found = other_keys.count(redis, host.clock)
            except RedisError as error:
                sentences.append(
                    f"Cannot tell whether service {service} holds results of tasks, which would stay behind with "
                    f"{color.name}: {error.message}"
                )
                continue
            except EngineError:
                continue
            sentences.append(other_keys.warning(found, f"{service} of {color.project}", can_be_kept=False))
    return [sentence for sentence in sentences if sentence]


def leftover_finding(color: Color) -> str:
    """A sentence when no color is live, and the broker of the color to deploy still holds tasks; else ``""``."""
    try:
        with color.own_broker() as broker:
            left = queues.count_messages(broker) if broker is not None else {}
    except (RedisError, EngineError):
        return ""
    if not left:
        return ""
    return (
        f"The broker of {color.project} still holds tasks of an earlier deployment ({queues.in_words(left)}), which "
        "this deployment would lose: it creates that broker again, and no color is live that could take them. Start "
        f"the workers of {color.project} until the tasks are done, or remove the broker's container and volume if you "
        "do not need those tasks."
    )
