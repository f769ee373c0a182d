# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A color of an open deployment: its containers by role, and its broker."""

from __future__ import annotations

import contextlib
from typing import Collection, ContextManager, Iterator, Optional, Sequence

from .. import _settings
from .._broker import connection as broker_connection
from .._broker.connection import Broker
from .._broker.redis_by_name import is_redis
from .._broker.settings import BrokerSettings
from .._docker.containers import Container, of_project, role_of
from .._host import Host
from .._journal.journal import Journal
from .._journal.store import Store
from .._settings import Settings


class Color:
    """One color of an app, as the host shows it when this is made.

    :ivar name: blue or green.
    :ivar project: its Compose project.
    :ivar containers: all containers of that project.
    """

    def __init__(self, host: Host, settings: Settings, name: str, more_workers: Sequence[str] = ()) -> None:
        """Look at the containers now.

        :param more_workers: services of the color that run Celery but are in no list: the next release renamed them.
        """
        self._host = host
        self._more_workers = more_workers
        self._settings = settings
        self.name = name
        self.project = settings.projects[name]
        self.refresh()

    def refresh(self) -> None:
        """See the containers as they are now."""
        self.containers = of_project(self._host.engine, self.project)

    def renewed(self) -> Color:
        """The same color as the host shows it now."""
        return Color(self._host, self._settings, self.name, self._more_workers)

    def of(self, *roles: str) -> list[Container]:
        """The containers of some roles, in the order of the roles."""
        services = {**self._settings.services}
        services["workers"] = [*services["workers"], *self._more_workers]
        return [c for role in roles for c in self.containers if role_of(c.service, services) == role]

    def broker(self) -> ContextManager[Optional[Broker]]:
        """The broker that the color's workers read, for a ``with`` statement.

        It gives ``None`` when the broker is down, or cannot be asked (AMQP, SQS).
        """
        return self._open(self._settings.broker)

    @contextlib.contextmanager
    def _open(self, settings: BrokerSettings) -> Iterator[Optional[Broker]]:
        broker = self._connect(settings)
        if broker is None or (broker.container is not None and not broker.container.running):
            yield None
            return
        with broker:
            yield broker

    def _connect(self, settings: BrokerSettings) -> Optional[Broker]:
        workers = (*self._settings.services["workers"], *self._more_workers)
        broker: Optional[Broker] = broker_connection.connect(self._host, self.containers, settings, workers)
        if broker is not None and broker.container is None and settings.mode == "color":
            # Its container is gone, and a server that has the same name elsewhere is not the color's.
            return None
        return broker

    def server(self) -> Optional[Container]:
        """The container, running or not, of the broker that the color brings for itself; ``None`` without one."""
        broker = self._connect(self._settings.broker) if self._settings.broker.mode == "color" else None
        return broker.container if broker is not None else None

    def own_redis(self) -> ContextManager[Optional[Broker]]:
        """The Redis that the color brings for itself while it runs, also without tasks; for a ``with`` statement."""
        broker = self._settings.broker
        if broker.mode == "none" and broker.service in self._settings.services["support"]:
            return self._open(broker._replace(mode="color"))
        return self.own_broker()

    def other_redis(self, hosts: Optional[Collection[str]] = None) -> list[str]:
        """Names of the services that run a Redis of the color's own beside its broker.

        :param hosts: only those that have one of these names; all of them when ``None``.
        """
        broker = self.server()
        return [
            each.service
            for each in self.of("support")
            if is_redis(each)
            and (broker is None or each.id != broker.id)
            and (hosts is None or not {each.service, each.name, *each.aliases}.isdisjoint(hosts))
        ]

    def redis_of(self, service: str) -> ContextManager[Optional[Broker]]:
        """The Redis of one service of the color while it runs, with all its databases; for a ``with`` statement."""
        return self._open(BrokerSettings("color", service))

    def own_broker(self) -> ContextManager[Optional[Broker]]:
        """The broker that the color brings for itself while it runs, else ``None``; for a ``with`` statement."""
        return self.broker() if self._settings.broker.mode == "color" else contextlib.nullcontext()


def colors_of(host: Host, store: Store, journal: Journal) -> tuple[Settings, Optional[Color], Color]:
    """The settings, the old color (``None`` on the first deployment) and the candidate of an open deployment."""
    settings = _settings.from_journal(journal.data, store.broker_url())
    old = Color(host, settings, journal["from"], journal.get("old_workers") or ()) if journal["from"] else None
    return settings, old, Color(host, settings, journal["to"])
