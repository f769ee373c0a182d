# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Which broker an app uses, found in what its services are given. Pure.

To take a color's own Redis for a shared broker loses tasks: they would go with the old color. So whatever does not
say clearly that the broker is outside of the colors is either theirs, or a question to the user.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from .._celery.roles import broker_of_command
from .._docker.containers import ROLES
from .._errors import BluegreenError
from .redis import PLAIN, is_redis

DEFAULT_SERVICE = "redis"

# How sure it is that a URL is the broker's: Celery's own names, a URL in parts whose names say that it is the broker's,
# names of servers, any URL of a kind that carries tasks.
_CELERY, _PARTS, _SERVER, _ANY = range(4)
_NAMES = (
    (re.compile(r"(^|_)(CELERY_?)?BROKER(_?UR[IL])?$", re.IGNORECASE), _CELERY),
    (re.compile(r"(^|_)(REDIS|VALKEY|RABBITMQ|(CLOUD)?AMQP)_?UR[IL]$", re.IGNORECASE), _SERVER),
)
_HOST = re.compile(r"(BROKER|CELERY).*_?HOST(NAME)?$", re.IGNORECASE)
_RABBIT = re.compile(r"RABBIT|AMQP", re.IGNORECASE)
_HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(:\d+)?$")
_RESULTS = re.compile(r"RESULT|(^|_)CELERY_BACKEND", re.IGNORECASE)
_NOT_THE_BROKER = re.compile(r"RESULT|BACKEND|CACHE|SESSION|CHANNEL|LOCK|LIMIT", re.IGNORECASE)

_QUEUES = ("redis", "rediss", "valkey", "valkeys", "sentinel", "amqp", "amqps", "pyamqp", "librabbitmq", "sqs")
# kombu's other ways to carry messages. What begins so is a broker only under a name of Celery's.
_OTHERS = (
    *("azureservicebus", "azurestoragequeues", "confluentkafka", "consul", "etcd", "filesystem", "gcpubsub", "kafka"),
    *("memory", "mongodb", "pyro", "qpid", "slmq", "sqla", "sqlalchemy", "zookeeper"),
)

_PORTS = {"redis": 6379, "rediss": 6379, "valkey": 6379, "valkeys": 6379, "sentinel": 26379, "amqps": 5671}
_PORTS.update(dict.fromkeys(("amqp", "pyamqp", "librabbitmq"), 5672))
_REFERENCE = re.compile(r"\$(\w+|\{(\w+)\})$")


class Service(NamedTuple):
    """What a service of a color is given: ``command`` with its entry point, ``names`` that it goes by in its network."""

    environment: dict
    command: list
    names: tuple
    image_name: str = ""
    network_mode: str = ""


class Choice(NamedTuple):
    """``mode`` and ``service`` as in :class:`connection.BrokerSettings`.

    ``url`` is the URL of a shared broker where all services agree on one, else empty. ``reason`` is for people.
    """

    mode: str
    service: str
    url: str
    reason: str
    warnings: tuple = ()


class _Address(NamedTuple):
    scheme: str
    host: str
    port: int
    path: str

    def __str__(self):
        """Without user, password and query string, any of which may be secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{host}{port}{self.path}"


class _Evidence(NamedTuple):
    what: str
    address: _Address
    url: str
    rank: int
    # The color's service that the address leads to; empty when it leads out of the color.
    service: str

    def __str__(self):
        return f"{self.what} is {self.address}"


def of_rendering(rendered):
    """``{service: Service}`` from the configuration of a color that Compose rendered."""
    found = {}
    for name, service in (rendered.get("services") or {}).items():
        environment = service.get("environment") or {}
        words = [*(service.get("entrypoint") or ()), *(service.get("command") or ())]
        networks = (service.get("networks") or {}).values()
        found[name] = Service(
            # Compose writes $ as $$, so that its output can be read again.
            {key: str(value).replace("$$", "$") for key, value in environment.items() if value is not None},
            [str(word).replace("$$", "$") for word in words],
            (
                *(name, service.get("hostname"), service.get("container_name")),
                *(f"{rendered['name']}-{name}-1", f"{rendered['name']}_{name}_1"),
                *(alias for network in networks for alias in (network or {}).get("aliases") or ()),
            ),
            service.get("image") or "",
            service.get("network_mode") or "",
        )
    return found


def of_containers(containers):
    """``{service: Service}`` from the containers of a color."""
    return {
        each.service: Service(each.environment, each.command, (each.service, each.name, *each.aliases), each.image_name)
        for each in containers
    }


def choose(given, roles, colors):
    """Find out which broker the app uses.

    :param given: the option ``broker``: ``mode``, ``service`` and ``url`` as the user set them.
    :param roles: for each role, the services.
    :param colors: for each color that is known, ``{service: Service}``.
    :returns: :class:`Choice`
    :raises BluegreenError: what was set and what was found contradict each other, or no way leads to a safe answer.
    """
    if not roles["workers"]:
        return Choice("none", given["service"], "", "bluegreen_worker_services is empty")
    warnings, by_color = [], []
    for services in colors.values():
        found = _evidence(services, roles, warnings)
        best = min((each.rank for each in found), default=_ANY)
        by_color.append([each for each in found if each.rank == best])
    choice = _Chooser(given, roles, colors, by_color).choose()
    for services in colors.values():
        warnings += _result_warnings(services, roles)
    return choice._replace(warnings=tuple(dict.fromkeys(warnings)))


def _evidence(services, roles, warnings):
    found = []
    for name in (*roles["workers"], *roles["web"]):
        if name not in services:
            continue
        for what, rank, url in _urls(name, services[name]):
            address = _parse(url)
            if address is None:
                if rank == _CELERY:
                    warnings.append(
                        f"{what} is a URL that cannot be read (its text is not shown, it may hold a password), so it does not "
                        "count for where the broker is: write special characters of its password as %40, %2F and so on."
                    )
                continue
            service, inside = _service_at(address, services, services[name])
            if inside is not None:
                # Of parts user, password and database are missing.
                found.append(_Evidence(what, address, "" if rank == _PARTS else url, rank, service))
    return found


def _result_warnings(services, roles):
    """A sentence for results that a color keeps where they cannot be copied from."""
    sentences = []
    for name in (*roles["workers"], *roles["web"]):
        for key, value in sorted(services[name].environment.items()) if name in services else ():
            scheme, found, dummy = value.partition("://")
            address = _parse(value) if found and _RESULTS.search(key) else None
            service = _service_at(address, services, services[name])[0] if address is not None else ""
            if service in roles["support"] and scheme.lower() not in PLAIN:
                sentences.append(
                    f"{key} of service {name} is {address}, and {service} is a support service: results and chords in it stay "
                    "behind with the old color, because they can be copied only over redis://. Keep them in a Redis, or outside "
                    "of both colors."
                )
    return sentences


def _urls(name, service):
    """``(what it is, how sure, URL)`` of all that may be the URL of the broker."""
    option = broker_of_command(service.command)
    reference = _REFERENCE.match(option)
    if reference:
        option = service.environment.get(reference.group(2) or reference.group(1), "")
    option = _only(option, _QUEUES + _OTHERS)
    if option:
        # What Celery is told so overrules what its configuration says.
        return [(f"--broker of service {name}", _CELERY, option)]
    urls = []
    for key, value in sorted(service.environment.items()):
        rank = next((rank for names, rank in _NAMES if names.search(key)), _ANY)
        url = _only(value, _QUEUES + _OTHERS if rank == _CELERY else _QUEUES)
        if url and not _NOT_THE_BROKER.search(key):
            urls.append((f"{key} of service {name}", rank, url))
        elif _HOST.search(key) and not _NOT_THE_BROKER.search(key) and _HOST_NAME.match(value):
            port = service.environment.get(re.sub(r"HOST(NAME)?$", "PORT", key, flags=re.IGNORECASE), "")
            scheme = "amqp" if _RABBIT.search(key) else "redis"
            urls.append((f"{key} of service {name}", _PARTS, f"{scheme}://{value}" + (f":{port}" if port.isdigit() and ":" not in value else "")))
    return urls


def _only(text, schemes):
    """The first URL of a text that is one URL, or several with ``;`` between, of one of these schemes; else empty."""
    scheme, found, dummy = text.partition("://")
    kind = scheme.lower()
    if found and (kind.partition("+")[0] in schemes or ("redis" in kind and "cluster" in kind)):
        return text.partition(";")[0].strip()
    return ""


def _parse(url):
    """An :class:`_Address`, or ``None`` when where the password ends is not certain."""
    try:
        parts = urlsplit(url)
        port = parts.port or 0
    except ValueError:
        return None
    if "@" in parts.path + parts.query + parts.fragment:
        return None
    return _Address(parts.scheme, parts.hostname or "", port, parts.path)


def _service_at(address, services, asking):
    """``(service of the color or "", whether it is one)``; ``None`` when the address says nothing at all."""
    by_name = {alias: name for name, service in services.items() for alias in service.names if alias}
    if address.host in by_name:
        return by_name[address.host], True
    if address.host == "localhost" or address.host == "::1" or address.host.startswith("127."):
        neighbor = asking.network_mode.partition("service:")[2]
        if neighbor:
            return neighbor, True
        # In a network of its own that is the container itself, and nobody runs a broker in a worker.
        return "", False if asking.network_mode == "host" else None
    return "", False


class _Chooser:
    """One decision, with all it goes by at hand."""

    def __init__(self, given, roles, colors, by_color):
        self.mode, self.service, self.url = given["mode"], given["service"], given["url"]
        self.roles = roles
        self.colors = colors
        self.by_color = by_color
        self.found = [each for color in by_color for each in color]
        self.own = [each for each in self.found if each.service and self._role(each.service)]
        self.outside = [each for each in self.found if each not in self.own]
        self.sure = bool(self.found) and self.found[0].rank == _CELERY

    def _role(self, service):
        return next((role for role in ROLES if service in self.roles[role]), "")

    def choose(self):
        for each in self.own:
            if self._role(each.service) != "support" and (self.sure or self.mode == "auto"):
                raise BluegreenError(
                    f"{each}, so {each.service} is the broker, but it is not one of bluegreen_support_services: name it there, "
                    "because a broker has to start before everything else and to go last."
                )
        if self.url:
            choice = self._by_option()
        elif self.mode == "auto":
            choice = self._by_evidence()
        else:
            choice = Choice(self.mode, self.service, "", f"bluegreen_broker is {self.mode}")
        if self.sure:
            choice = self._checked(choice)
        if choice.mode == "color":
            self._require_redis(choice.service)
        if choice.mode == "shared" and not choice.url:
            urls = {each.url for each in self.outside}
            choice = choice._replace(url=urls.pop() if len(urls) == 1 else "")
        return choice

    def _by_option(self):
        """The user has named the URL: its host decides."""
        # Its text is not part of a sentence: Ansible would blank it.
        address = _parse(self.url)
        host = address.host if address else ""
        services = next(iter(self.colors.values()), {})
        service = next((name for name, each in services.items() if host in each.names), "")
        inside = self._role(service) == "support"
        where = f"{service}, which is a support service" if inside else f"{host or 'no host'}, outside of the colors"
        if self.mode == "auto":
            mode, reason = "color" if inside else "shared", f"bluegreen_broker_url leads to {where}"
        else:
            mode, reason = self.mode, f"bluegreen_broker is {self.mode}"
        if mode != "color" and inside:
            raise BluegreenError(
                f"bluegreen_broker is {mode}, but bluegreen_broker_url leads to {where}, of which each color has its own: set "
                "bluegreen_broker to color (or auto)."
            )
        return Choice(mode, service if inside else self.service, self.url, reason)

    def _by_evidence(self):
        if not self.found:
            return self._by_lists()
        self._require_one()
        if self.own:
            each = self.own[0]
            return Choice("color", each.service, "", f"{each}, and {each.service} is a support service")
        each = self.outside[0]
        self._require_certainty(each)
        self._require_same()
        return Choice("shared", self.service, "", f"{each}, which is outside of the colors")

    def _by_lists(self):
        """No service is given a URL, so it is written in the app itself."""
        services = next(iter(self.colors.values()), {})
        servers = [name for name in self.roles["support"] if name in services and is_redis(services[name])]
        named = self.service in self.roles["support"]
        # The default is no word of the user's.
        if len(servers) > 1 and (self.service == DEFAULT_SERVICE or not named):
            raise BluegreenError(
                f"{', '.join(servers[:-1])} and {servers[-1]} are support services that run a Redis, and no service is given a "
                "URL, so in which of them tasks wait cannot be told: name it in bluegreen_broker_service, and set bluegreen_broker "
                "to color."
            )
        if named:
            return Choice("color", self.service, "", f"bluegreen_broker_service {self.service} is a support service")
        if servers:
            return Choice("color", servers[0], "", f"{servers[0]} is a support service that runs a Redis")
        return Choice("shared", self.service, "", f"bluegreen_broker_service {self.service} is no support service")

    def _require_one(self):
        """Raise when several services or hosts could be the broker."""
        for found in self.by_color:
            places = list(_first_of(found, lambda each: each.service or _place(each)).values())
            if len(places) > 1:
                raise BluegreenError(
                    f"{places[0]}, but {places[1]}, so which of them is the broker cannot be told: give all services the same "
                    "one, or set bluegreen_broker (and bluegreen_broker_service) to the one that Celery reads."
                )

    def _require_certainty(self, each):
        """Raise when the color brings what looks like its broker, and only a weak sign says that it is not."""
        if self.service in self.roles["support"] and not (self.sure and each.address.host):
            raise BluegreenError(
                f"{each}, which is outside of the colors, but {self.service} is a support service, so which of them is the "
                "broker cannot be told: set bluegreen_broker to shared or to color."
            )

    def _require_same(self):
        """Raise when the colors' brokers differ, and neither is one that a color brings."""
        first, *others = [_first_of(found, lambda each: (_place(each), each.address.path)) for found in self.by_color]
        for other in others:
            if set(first) != set(other):
                one = first[min(set(first) - set(other) or first)]
                another = other[min(set(other) - set(first) or other)]
                raise BluegreenError(
                    f"{one} in one color and {another.address} in the other, so tasks would stay behind in the old one: give "
                    "both colors the same URL, or let each color bring its Redis as a support service."
                )

    def _checked(self, choice):
        """The choice, unless it contradicts what the services are given under a name of Celery's."""
        says = "bluegreen_broker_url is set" if self.mode == "auto" else f"bluegreen_broker is {self.mode}"
        if choice.mode != "color" and self.own:
            each = self.own[0]
            raise BluegreenError(
                f"{says}, but {each}, and {each.service} is a support service, of which each color has its own: tasks in it "
                f"would go with the old color. {self._way('color')}."
            )
        if choice.mode != "color" or not self.found:
            return choice
        if not self.own:
            # URLs that differ between the colors may lead to what each of them publishes.
            if len({str(each.address) for each in self.outside}) == 1 and self.outside[0].address.host:
                raise BluegreenError(
                    f"{says}, but {self.outside[0]}, which is outside of the colors. {self._way('shared')}, or let each color "
                    "bring its Redis as a support service."
                )
            return choice
        services = sorted({each.service for each in self.own})
        if choice.service in services:
            return choice
        # The default is no word of the user's.
        if choice.service == DEFAULT_SERVICE and not choice.url:
            return choice._replace(service=services[0])
        option = "bluegreen_broker_url leads to" if choice.url else "bluegreen_broker_service is"
        raise BluegreenError(
            f"{option} {choice.service}, but {self.own[0]}: name {services[0]} there, or take it out."
        )

    def _way(self, mode):
        if self.mode == "auto":
            return "Take bluegreen_broker_url out"
        return f"Set bluegreen_broker to {mode} (or auto)"

    def _require_redis(self, service):
        for each in self.own:
            plain = each.address.scheme in PLAIN
            if each.service == service and not plain and (self.sure or self.mode == "auto"):
                raise BluegreenError(
                    f"{each}, and {service} is a support service, but tasks can be moved from one color to the other only over "
                    "redis://. Use one broker for both colors, outside of them, or in each color a Redis without TLS, "
                    "Sentinel and cluster."
                )


def _first_of(found, kind):
    """The first of each kind: workers come before web, and read what it only writes."""
    firsts = {}
    for each in found:
        firsts.setdefault(kind(each), each)
    return firsts


def _place(each):
    """Host and port, or the whole address where there is no host."""
    address = each.address
    if not address.host:
        return str(address), 0
    return address.host, address.port or _PORTS.get(address.scheme.lower(), 0)
