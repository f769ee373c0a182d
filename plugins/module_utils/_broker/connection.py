# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The broker of a project: where it is, and connections to its databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Collection, ContextManager, Mapping, NamedTuple, Protocol, Sequence

from .._celery.roles import Roles, roles_of_listed, roles_of_processes
from .._docker.containers import SERVICE_LABEL, Container
from .._docker.engine import Engine
from .._linux.processes import is_alive, processes_of
from .credentials import credentials_of, reader_of
from .redis import Commands, Redis, RedisError
from .redis_by_name import is_redis
from .redis_cli import RedisCli
from .settings import BrokerSettings, settle
from .url import DEFAULT_PORT, PLAIN, Credentials, parse_url

if TYPE_CHECKING:
    from .._host import Host
    from .._journal.journal import AnyJournal
    from .._journal.store import Store


def of_deployment(store: Store, journal: AnyJournal, given: Mapping[str, Any] | None) -> BrokerSettings:
    """The settings for a module: those given to it, else those of the open deployment, else the defaults.

    :param given: has ``service`` and ``url``.
    """
    if given is not None:
        return settle("color", given["service"], given["url"], ())
    settings = journal.get("settings")
    if settings:
        broker = settings["broker"]
        return BrokerSettings(broker["mode"], broker["service"], store.broker_url())
    return BrokerSettings("color")


# Which of the two it is, is not known where a broker is connected.
_ANY_URL = "The broker's URL (bluegreen_broker_url, or that of the services)"


class Consumer(NamedTuple):
    """A client of a Redis that behaves as a Celery worker.

    ``waits`` says whether it waits for messages, or only listens to remote control. ``address`` and ``port`` are those
    that Redis sees: behind a router, the router's.
    """

    address: str
    port: int
    waits: bool


class Broker:
    """A Redis that carries Celery's messages, with a connection to each of its databases that is used.

    :ivar name: for messages and the journal, such as ``shop-blue/redis``; never holds a password.
    :ivar container: the container that it runs in, ``None`` for one outside of the host's containers.
    """

    def __init__(
        self,
        name: str,
        address: str,
        port: int = DEFAULT_PORT,
        credentials: Credentials = Credentials(),
        database: int | None = None,
        container: Container | None = None,
        clients: Sequence[Container] = (),
        engine: Engine | None = None,
        workers: Collection[str] | None = None,
    ) -> None:
        """Nothing is asked of Redis yet.

        :param address: host name, IP address, or the path of a unix socket.
        :param database: number of the only database with messages; ``None`` for all.
        :param clients: containers that may be connected to it.
        :param engine: runs redis-cli in the container where the host has no route to the address.
        :param workers: as for :func:`connect`.
        """
        self.name = name
        self.container = container
        self._address = address
        self._port = port
        self._credentials = credentials
        self._only = database
        self._clients = clients
        self._connections: dict[int, Commands] = {}
        self._roles: dict[str, Roles] = {}
        self._engine = engine
        self._workers = workers
        # What redis-cli is run with, once the address could not be reached.
        self._cli: tuple[Engine, Container] | None = None
        self._run_id: str | None = None

    def __enter__(self) -> Broker:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        while self._connections:
            self._connections.popitem()[1].close()

    def moved_to(self, container: Container) -> Broker:
        """The same broker in its container, which was started after this object was made and has an address now."""
        return Broker(
            self.name,
            _address_of(container),
            self._port,
            self._credentials,
            self._only,
            container,
            self._clients,
            self._engine,
            self._workers,
        )

    @property
    def port(self) -> int:
        return self._port

    def database(self, number: int) -> Commands:
        """The connection to one database, made at the first call.

        :raises RedisError: Redis cannot be reached, or refused the login.
        """
        if number not in self._connections:
            self._connections[number] = self._connect(number)
        return self._connections[number]

    def _connect(self, number: int) -> Commands:
        if self._cli is None:
            try:
                return Redis(self._address, self._port, number, self._credentials)
            except RedisError as error:
                if not error.no_way or self._engine is None or self.container is None:
                    raise
                # A rootless engine, or a network that the host is not connected to.
                self._cli = self._engine, self.container
        return RedisCli(*self._cli, number, self._credentials)

    def databases(self) -> list[int]:
        """Numbers of the databases that are not empty."""
        first = self.database(self._only or 0)
        text = first.call("INFO", "keyspace").decode("utf-8", "replace")
        return sorted(int(line[2 : line.index(":")]) for line in text.splitlines() if line.startswith("db"))

    def message_databases(self) -> list[int]:
        """Numbers of the databases that may hold messages: the one of the URL, or all that are not empty."""
        return self.databases() if self._only is None else [self._only]

    def run_id(self) -> str:
        """An id that differs between two servers, and is the same for two addresses of one server."""
        if self._run_id is None:
            text = self.database(self._only or 0).call("INFO", "server").decode("utf-8", "replace")
            self._run_id = next((line for line in text.splitlines() if line.startswith("run_id:")), self.name)
        return self._run_id

    def answers(self) -> bool:
        """Whether the Redis is up: also when it asks for a password, but not while it still loads its data."""
        try:
            self.database(self._only or 0).call("PING")
        except RedisError as error:
            self.close()
            return error.code in ("NOAUTH", "NOPERM", "WRONGPASS")
        return True

    def consumers(self, number: int) -> list[Consumer] | None:
        """The clients of a database that wait for messages (BRPOP) or listen to remote control (PSUBSCRIBE).

        ``None`` when Redis refuses to list its clients.
        """
        try:
            text = self.database(number).call("CLIENT", "LIST").decode("utf-8", "replace")
        except RedisError:
            return None
        found = []
        for line in text.splitlines():
            parts = (item.partition("=") for item in line.split(" "))
            client = {name: value for name, dummy, value in parts}
            if client.get("db") != str(number):
                continue
            waits = client.get("cmd") == "brpop"
            if waits or client.get("psub", "0") != "0":
                address, dummy, port = client.get("addr", "").rpartition(":")
                found.append(Consumer(address, int(port) if port.isdigit() else 0, waits))
        return found

    def has_live_worker(self, number: int) -> bool:
        """Whether a worker reads this database, or may still hold messages of it; when in doubt, yes."""
        running = (client for client in self._clients if client.running and is_alive(client.pid))
        workers = {client.id: self._may_be_worker(client) for client in running}
        # A worker that finishes its last tasks listens no more, but still has to acknowledge them.
        if any(workers.values()):
            return True
        consumers = self.consumers(number)
        if consumers is not None:
            # A web that subscribes to a channel of its own is not a worker, and neither is a beat with a health check.
            bystanders = {
                address
                for client in self._clients
                if client.id in workers
                for address in client.addresses.values()
            }
            return any(consumer.address not in bystanders for consumer in consumers)
        try:
            return bool(self.database(number).call("PUBSUB", "NUMPAT") > 0)
        except RedisError:
            return True

    def _may_be_worker(self, client: Container) -> bool:
        """Whether a running container is a worker: by its processes or, if they are not Celery, by the user's list.

        Without a list its name decides: taking the messages of a live worker would run its tasks twice.
        """
        # Looked up once, because reading /proc is slow on a Raspberry Pi, and the roles of a container do not change.
        if client.id not in self._roles:
            roles = roles_of_processes(processes_of(client.pid))
            if roles == Roles() and self._workers is not None and client.service not in self._workers:
                self._roles[client.id] = roles
            else:
                self._roles[client.id] = roles if roles != Roles() else roles_of_listed(client.service, client.command)
        return self._roles[client.id].worker


class Color(Protocol):
    """The part of :class:`_deployment.color.Color` that is used here; a connection is ``None`` while Redis is down."""

    name: str
    project: str

    def own_broker(self) -> ContextManager[Broker | None]:
        """The broker that the color has for itself."""

    def own_redis(self) -> ContextManager[Broker | None]:
        """The same service, also if it carries no tasks."""

    def other_redis(self, hosts: set[str] | None = None) -> list[str]:
        """Services with a Redis beside the broker, by any of their names in ``hosts``; all of them with ``None``."""

    def redis_of(self, service: str) -> ContextManager[Broker | None]:
        """The Redis of one of these services."""


def connect(
    host: Host,
    containers: Sequence[Container],
    settings: BrokerSettings,
    workers: Collection[str] | None = None,
) -> Broker | None:
    """The broker of a project, or ``None`` when it has none that can be read (mode ``none``, AMQP, SQS, ...).

    Nothing is asked of Redis yet; its container need not run.

    :param containers: all containers of the project.
    :param workers: names of the services that the user lists as workers, ``None`` where there is no list.
    :raises BluegreenError: the URL in the settings cannot be read.
    """
    # Without a URL a shared broker cannot be found: a Redis of the project is another one.
    if settings.mode == "none" or (settings.mode == "shared" and not settings.url):
        return None
    url = parse_url(settings.url, _ANY_URL) if settings.url else None
    if url is not None and url.scheme not in PLAIN:
        return None
    service = url.host if url is not None and url.host else settings.service
    server = _server(containers, service)
    if server is None and url is None:
        server = _server(containers, "")
    credentials = url.credentials if url is not None else Credentials()
    port = url.port if url is not None else DEFAULT_PORT
    database = url.database if url is not None else None
    if server is not None:
        clients = [container for container in containers if container.id != server.id]
        if not credentials.password:
            credentials = credentials_of(server, clients, reader_of(host.engine))
        address = _address_of(server)
        name = f"{server.project}/{server.service}"
        return Broker(name, address, port, credentials, database, server, clients, host.engine, workers)
    if url is None:
        return None
    address = _address_in_networks(host, containers, service)
    if not address:
        address = "127.0.0.1" if service == "host.docker.internal" else service
    name = f"redis://{service}:{port}"
    return Broker(name, address, port, credentials, database, clients=containers, workers=workers)


def _server(containers: Sequence[Container], service: str) -> Container | None:
    """The container of a service; with an empty name the only Redis of the project."""
    if service:
        found = [each for each in containers if service in (each.service, each.name)]
        found = found or [each for each in containers if service in each.aliases]
    else:
        found = [container for container in containers if is_redis(container)]
    if not service and len({container.service for container in found}) > 1:
        return None
    return next((container for container in found if container.running), found[0] if found else None)


def _address_of(container: Container) -> str:
    addresses = [address for address in container.addresses.values() if address]
    # With the host's network a container has no address of its own. While it is down, another program may listen on its
    # port, so callers ask it only while it runs.
    if "host" in container.addresses:
        return "127.0.0.1"
    return addresses[0] if addresses else ""


def _address_in_networks(host: Host, containers: Sequence[Container], name: str) -> str:
    """The address of a container of this name in another project that shares a network with this one, or ``""``."""
    networks = {network for container in containers for network in container.addresses}
    for summary in host.engine.containers():
        attached = (summary.get("NetworkSettings") or {}).get("Networks") or {}
        names = [each.lstrip("/") for each in summary.get("Names") or ()]
        if name in names or (summary.get("Labels") or {}).get(SERVICE_LABEL) == name:
            for network in networks.intersection(attached):
                if attached[network].get("IPAddress"):
                    return str(attached[network]["IPAddress"])
    return ""
