# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The broker of a project: where it is, and a connection to it."""

from __future__ import annotations

from typing import NamedTuple

from .._celery.roles import Roles, roles_of_listed, roles_of_processes
from .._docker.containers import SERVICE_LABEL
from .._errors import BluegreenError
from .._linux.processes import is_alive, processes_of
from .credentials import credentials_of, reader_of
from .redis import DEFAULT_PORT, PLAIN, Credentials, Redis, RedisError, is_redis, parse_url
from .redis_cli import RedisCli

MODES = ("color", "shared", "none")


class BrokerSettings(NamedTuple):
    """Which broker an app uses.

    ``mode`` is ``color`` (each color brings its own), ``shared`` (both use one) or ``none``; ``service`` is the
    Compose service that is the broker; ``url`` is the broker's URL as seen inside the project, empty for all
    databases of the service.
    """

    mode: str
    service: str = "redis"
    url: str = ""


def settle(broker, service, url, support):
    """:class:`BrokerSettings` from the options, as far as they tell it without the Compose files.

    ``auto`` is ``color`` when the host of the URL, or without one the service, is a support service.

    :param support: names of the support services.
    """
    if broker not in MODES + ("auto",):
        raise BluegreenError(f"bluegreen_broker is {broker!r}, which is not possible: write auto, {', '.join(MODES)}.")
    scheme, host = "redis", service
    if url:
        try:
            parsed = parse_url(url)
        except BluegreenError as error:
            raise BluegreenError(error.message.replace("broker url", "bluegreen_broker_url", 1)) from None
        scheme, host = parsed.scheme, parsed.host
    if broker == "auto":
        broker = "color" if host in (support or ()) else "shared"
    if broker == "color" and scheme not in PLAIN:
        raise BluegreenError(
            f"bluegreen_broker_url begins with {scheme}://, but tasks can be moved from one color to the other only over "
            "redis://: give such a URL, or use one broker for both colors, outside of them (bluegreen_broker: shared)."
        )
    return BrokerSettings(broker, service, url)


def of_deployment(store, journal, given):
    """:class:`BrokerSettings` for a module: those given to it, those of the open deployment, or the usual ones.

    :param given: a dict with ``service`` and ``url``, or ``None``.
    """
    if given is not None:
        return settle("color", given["service"], given["url"], ())
    settings = journal.get("settings")
    if settings:
        broker = settings["broker"]
        return BrokerSettings(broker["mode"], broker["service"], store.broker_url())
    return BrokerSettings("color")


class Consumer(NamedTuple):
    """A client of a Redis that behaves as a Celery worker; ``waits`` for messages, or only listens to remote control.

    ``address`` and ``port`` are where Redis sees it come from: behind a router that is the router.
    """

    address: str
    port: int
    waits: bool


class Broker:
    """A Redis that carries Celery's messages.

    :ivar name: the broker for people and for the journal; never holds a password.
    :ivar container: the container that it runs in, ``None`` for one outside of the host's containers.
    """

    def __init__(
        self,
        name,
        address,
        port=DEFAULT_PORT,
        credentials=Credentials(),
        database=None,
        container=None,
        clients=(),
        engine=None,
        workers=None,
    ):
        self.name = name
        self.container = container
        self._address = address
        self._port = port
        self._credentials = credentials
        self._only = database
        self._clients = clients
        self._connections = {}
        self._roles = {}
        self._engine = engine
        self._workers = workers
        self._by_cli = False
        self._run_id = None

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def close(self):
        while self._connections:
            self._connections.popitem()[1].close()

    def moved_to(self, container):
        """The same broker in a container that has been started, and so has an address, since this was made."""
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
    def port(self):
        return self._port

    def database(self, number):
        """The connection to one database, made when it is first asked for."""
        if number not in self._connections:
            self._connections[number] = self._connect(number)
        return self._connections[number]

    def _connect(self, number):
        if not self._by_cli:
            try:
                return Redis(self._address, self._port, number, self._credentials)
            except RedisError as error:
                if not error.no_way or self._engine is None or self.container is None:
                    raise
        # A rootless engine, or a network that the host has no part in.
        self._by_cli = True
        return RedisCli(self._engine, self.container, number, self._credentials)

    def databases(self):
        """Numbers of the databases that hold anything."""
        first = self.database(self._only or 0)
        text = first.call("INFO", "keyspace").decode("utf-8", "replace")
        return sorted(int(line[2:line.index(":")]) for line in text.splitlines() if line.startswith("db"))

    def message_databases(self):
        """Numbers of the databases that hold messages: the one of the URL, or all."""
        return self.databases() if self._only is None else [self._only]

    def run_id(self):
        """What tells two servers apart, whatever their addresses."""
        if self._run_id is None:
            text = self.database(self._only or 0).call("INFO", "server").decode("utf-8", "replace")
            self._run_id = next((line for line in text.splitlines() if line.startswith("run_id:")), self.name)
        return self._run_id

    def answers(self):
        """Whether the Redis is up: also when it asks for a password, but not while it still loads its data."""
        try:
            self.database(self._only or 0).call("PING")
        except RedisError as error:
            self.close()
            return error.code in ("NOAUTH", "NOPERM", "WRONGPASS")
        return True

    def consumers(self, number):
        """A :class:`Consumer` for each client of a database that waits for messages (BRPOP) or listens to remote control
        (PSUBSCRIBE); ``None`` when Redis does not tell.
        """
        try:
            text = self.database(number).call("CLIENT", "LIST").decode("utf-8", "replace")
        except RedisError:
            return None
        found = []
        for line in text.splitlines():
            client = dict(item.partition("=")[::2] for item in line.split(" "))
            if client.get("db") != str(number):
                continue
            waits = client.get("cmd") == "brpop"
            if waits or client.get("psub", "0") != "0":
                address, dummy, port = client.get("addr", "").rpartition(":")
                found.append(Consumer(address, int(port) if port.isdigit() else 0, waits))
        return found

    def has_live_worker(self, number):
        """Whether a worker reads this database, or may still hold messages of it; when in doubt, yes."""
        workers = {client.id: self._may_be_worker(client) for client in self._clients if client.running and is_alive(client.pid)}
        # A worker that finishes its last tasks has stopped listening, and still has to acknowledge them.
        if any(workers.values()):
            return True
        consumers = self.consumers(number)
        if consumers is not None:
            # A web that listens to something of its own is no worker, and neither is a beat with a health check.
            bystanders = {
                address
                for client in self._clients
                if client.id in workers
                for address in client.addresses.values()
            }
            return any(consumer.address not in bystanders for consumer in consumers)
        try:
            return self.database(number).call("PUBSUB", "NUMPAT") > 0
        except RedisError:
            return True

    def _may_be_worker(self, client):
        """Whether a running container is a worker by what runs in it or, where that is not Celery, by the user's list.

        Without a list its name counts: to take the messages of a live worker would run its tasks twice.
        """
        # Looked up once: on a Raspberry Pi it is worth it, and what a container runs does not change.
        if client.id not in self._roles:
            roles = roles_of_processes(processes_of(client.pid))
            if roles == Roles() and self._workers is not None and client.service not in self._workers:
                self._roles[client.id] = roles
            else:
                self._roles[client.id] = roles if roles != Roles() else roles_of_listed(client.service, client.command)
        return self._roles[client.id].worker


def connect(host, containers, settings, workers=None):
    """The broker of a project, or ``None`` when it has none that can be read (mode ``none``, AMQP, SQS, ...).

    Nothing is asked of Redis yet; its container need not run.

    :param containers: all containers of the project.
    :param settings: :class:`BrokerSettings`
    :param workers: names of the services that the user calls workers, ``None`` where nobody told.
    :raises BluegreenError: the settings name a broker that is not there.
    """
    # A Redis of the project is not the one outside of it.
    if settings.mode == "none" or (settings.mode == "shared" and not settings.url):
        return None
    url = parse_url(settings.url) if settings.url else None
    if url is not None and url.scheme not in PLAIN:
        return None
    service = url.host if url is not None and url.host else settings.service
    server = _server(containers, service) or (url is None and _server(containers, "")) or None
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
    address = _elsewhere(host, containers, service) or {"host.docker.internal": "127.0.0.1"}.get(service, service)
    return Broker(f"redis://{service}:{port}", address, port, credentials, database, clients=containers, workers=workers)


def _server(containers, service):
    """The container of a service; with an empty name the only Redis of the project."""
    if service:
        found = [each for each in containers if service in (each.service, each.name)]
        found = found or [each for each in containers if service in each.aliases]
    else:
        found = [container for container in containers if is_redis(container)]
    if not service and len({container.service for container in found}) > 1:
        return None
    return next((container for container in found if container.running), found[0] if found else None)


def _address_of(container):
    addresses = [address for address in container.addresses.values() if address]
    # With the host's network a container has no address of its own. One that does not run has none either, and
    # gets "Connection refused" or whoever uses the port: so it is asked only while it runs.
    if "host" in container.addresses:
        return "127.0.0.1"
    return addresses[0] if addresses else ""


def _elsewhere(host, containers, name):
    """The address of a container of another project that shares a network with this one and goes by this name."""
    networks = {network for container in containers for network in container.addresses}
    for summary in host.engine.containers():
        attached = (summary.get("NetworkSettings") or {}).get("Networks") or {}
        names = [each.lstrip("/") for each in summary.get("Names") or ()]
        if name in names or (summary.get("Labels") or {}).get(SERVICE_LABEL) == name:
            for network in networks.intersection(attached):
                if attached[network].get("IPAddress"):
                    return attached[network]["IPAddress"]
    return ""
