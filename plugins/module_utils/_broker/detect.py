# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which broker an app uses, found in the environments and commands of its services. Pure.

If a color's own Redis were taken for a shared broker, its tasks would be removed with the old color. So unless a URL
clearly leads outside both colors, the broker is a color's own, or the user has to decide.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Iterable, Mapping, NamedTuple, Sequence

from .._celery.roles import broker_of_command
from .._docker.containers import Container, role_of
from .._errors import BluegreenError
from .._words import joined
from .address import OTHER_SCHEMES, TASK_SCHEMES, Address, address_of, first_url
from .redis_by_name import is_redis
from .url import PLAIN

DEFAULT_SERVICE = "redis"

# How certain it is that a URL is the broker's, by its variable: a name of Celery's, names of a broker's host and port,
# the name of a server, any other name if the scheme can carry tasks.
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

_REFERENCE = re.compile(r"\$(\w+|\{(\w+)\})$")


class Service(NamedTuple):
    """A service of a color: ``command`` with its entry point, ``names`` in its networks."""

    environment: Mapping[str, str]
    command: Sequence[str]
    names: Sequence[str | None]
    image_name: str = ""
    network_mode: str = ""


Services = Mapping[str, Service]


class Choice(NamedTuple):
    """``mode`` and ``service`` as in :class:`connection.BrokerSettings`.

    ``url`` is the URL of a shared broker if all services have the same one, else empty. ``reason`` is half a sentence.
    """

    mode: str
    service: str
    url: str
    reason: str
    warnings: tuple[str, ...] = ()


class _Evidence(NamedTuple):
    what: str
    address: Address
    url: str
    rank: int
    # The color's service that the address leads to; empty when it leads out of the color.
    service: str

    def __str__(self) -> str:
        return f"{self.what} is {self.address}"


def of_rendering(rendered: Mapping[str, Any]) -> dict[str, Service]:
    """The services of a color by name, from the configuration that Compose rendered."""
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


def of_containers(containers: Iterable[Container]) -> dict[str, Service]:
    """The services of a color by name, from its containers."""
    return {
        each.service: Service(each.environment, each.command, (each.service, each.name, *each.aliases), each.image_name)
        for each in containers
    }


def choose(given: Mapping[str, str], roles: Mapping[str, Sequence[str]], colors: Mapping[str, Services]) -> Choice:
    """Find out which broker the app uses.

    :param given: the option ``broker``: ``mode``, ``service`` and ``url`` as the user set them.
    :param roles: for each role, the services.
    :param colors: for each color that is known, its services by name.
    :raises BluegreenError: the options contradict the services, or the broker is ambiguous.
    """
    if not roles["workers"]:
        return Choice("none", given["service"], "", "there are no worker services")
    warnings: list[str] = []
    by_color = []
    for services in colors.values():
        found = _evidence(services, roles, warnings)
        best = min((each.rank for each in found), default=_ANY)
        by_color.append([each for each in found if each.rank == best])
    choice = _Chooser(given, roles, colors, by_color).choose()
    for services in colors.values():
        warnings += _result_warnings(services, roles)
    return choice._replace(warnings=tuple(dict.fromkeys(warnings)))


def _evidence(services: Services, roles: Mapping[str, Sequence[str]], warnings: list[str]) -> list[_Evidence]:
    found = []
    for name in (*roles["workers"], *roles["web"]):
        if name not in services:
            continue
        for what, rank, url in _urls(name, services[name]):
            address = address_of(url)
            if address is None:
                if rank == _CELERY:
                    warnings.append(
                        f"{what} cannot be read as a URL (its text is not shown because it may hold a password), so it "
                        "is ignored: write special characters of its password as %40, %2F and so on."
                    )
                continue
            service, inside = _service_at(address, services, services[name])
            if inside is not None:
                # A host and a port alone lack user, password and database.
                found.append(_Evidence(what, address, "" if rank == _PARTS else url, rank, service))
    return found


def _result_warnings(services: Services, roles: Mapping[str, Sequence[str]]) -> list[str]:
    """A sentence for each store of results in a color that cannot be copied."""
    sentences = []
    for name in (*roles["workers"], *roles["web"]):
        for key, value in sorted(services[name].environment.items()) if name in services else ():
            scheme, found, dummy = value.partition("://")
            address = address_of(value) if found and _RESULTS.search(key) else None
            service = _service_at(address, services, services[name])[0] if address is not None else ""
            if service in roles["support"] and scheme.lower() not in PLAIN:
                sentences.append(
                    f"{key} of service {name} is {address}, and {service} is a support service: results and chords in "
                    "it stay behind with the old color, because they can be copied only over redis://. Keep them in a "
                    "Redis, or outside both colors."
                )
    return sentences


def _urls(name: str, service: Service) -> list[tuple[str, int, str]]:
    """All that may be the URL of the broker: where it stands in words, how certain it is, and the URL."""
    option = broker_of_command(list(service.command))
    reference = _REFERENCE.match(option)
    if reference:
        option = service.environment.get(reference.group(2) or reference.group(1), "")
    option = first_url(option, TASK_SCHEMES + OTHER_SCHEMES)
    if option:
        # This option of Celery overrules its configuration.
        return [(f"--broker of service {name}", _CELERY, option)]
    urls = []
    for key, value in sorted(service.environment.items()):
        rank = next((rank for names, rank in _NAMES if names.search(key)), _ANY)
        url = first_url(value, TASK_SCHEMES + OTHER_SCHEMES if rank == _CELERY else TASK_SCHEMES)
        if url and not _NOT_THE_BROKER.search(key):
            urls.append((f"{key} of service {name}", rank, url))
        elif _HOST.search(key) and not _NOT_THE_BROKER.search(key) and _HOST_NAME.match(value):
            port = service.environment.get(re.sub(r"HOST(NAME)?$", "PORT", key, flags=re.IGNORECASE), "")
            url = f"{'amqp' if _RABBIT.search(key) else 'redis'}://{value}"
            url += f":{port}" if port.isdigit() and ":" not in value else ""
            urls.append((f"{key} of service {name}", _PARTS, url))
    return urls


def _service_at(address: Address, services: Services, asking: Service) -> tuple[str, bool | None]:
    """The service of the color at an address, or ``""``, and whether there is one; ``None`` if that is not known."""
    by_name = {alias: name for name, service in services.items() for alias in service.names if alias}
    if address.host in by_name:
        return by_name[address.host], True
    if address.is_this_machine:
        neighbor = asking.network_mode.partition("service:")[2]
        if neighbor:
            return neighbor, True
        # In a network of its own this is the container itself, and no worker is a broker too.
        return "", False if asking.network_mode == "host" else None
    return "", False


class _Chooser:
    """One decision, with the facts for it."""

    def __init__(
        self,
        given: Mapping[str, str],
        roles: Mapping[str, Sequence[str]],
        colors: Mapping[str, Services],
        by_color: list[list[_Evidence]],
    ) -> None:
        self.mode, self.service, self.url = given["mode"], given["service"], given["url"]
        self.roles = roles
        self.colors = colors
        self.by_color = by_color
        self.found = [each for color in by_color for each in color]
        self.own = [each for each in self.found if each.service and role_of(each.service, self.roles)]
        self.outside = [each for each in self.found if each not in self.own]
        self.sure = bool(self.found) and self.found[0].rank == _CELERY

    def choose(self) -> Choice:
        for each in self.own:
            if role_of(each.service, self.roles) != "support" and (self.sure or self.mode == "auto"):
                raise BluegreenError(
                    f"{each}, so {each.service} is the broker, but it is not listed in bluegreen_support_services: add "
                    "it there, because a broker must start first and stop last."
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

    def _by_option(self) -> Choice:
        """The user has set the URL: its host decides."""
        # No sentence shows the URL: Ansible would blank it.
        address = address_of(self.url)
        host = address.host if address else ""
        services = next(iter(self.colors.values()), {})
        service = next((name for name, each in services.items() if host in each.names), "")
        inside = role_of(service, self.roles) == "support"
        outside = f"{host or 'a broker without a host name'}, outside both colors"
        where = f"{service}, which is a support service" if inside else outside
        if self.mode == "auto":
            mode, reason = "color" if inside else "shared", f"bluegreen_broker_url leads to {where}"
        else:
            mode, reason = self.mode, f"bluegreen_broker is {self.mode}"
        if mode != "color" and inside:
            raise BluegreenError(
                f"bluegreen_broker is {mode}, but bluegreen_broker_url leads to {where} of each color: set "
                "bluegreen_broker to color (or auto)."
            )
        return Choice(mode, service if inside else self.service, self.url, reason)

    def _by_evidence(self) -> Choice:
        if not self.found:
            return self._by_lists()
        self._require_one()
        if self.own:
            each = self.own[0]
            return Choice("color", each.service, "", f"{each}, and {each.service} is a support service")
        each = self.outside[0]
        self._require_certainty(each)
        self._require_same()
        return Choice("shared", self.service, "", f"{each}, which is outside both colors")

    def _by_lists(self) -> Choice:
        """No service has a broker URL, so it must be in the app's code, and the lists of services decide."""
        services = next(iter(self.colors.values()), {})
        servers = [name for name in self.roles["support"] if name in services and is_redis(services[name])]
        named = self.service in self.roles["support"]
        # The default name is not the user's decision.
        if len(servers) > 1 and (self.service == DEFAULT_SERVICE or not named):
            raise BluegreenError(
                f"Cannot tell in which Redis tasks wait: {joined(servers)} are support services that run a Redis, and "
                "no service has a broker URL. Name the broker in bluegreen_broker_service, and set bluegreen_broker to "
                "color."
            )
        if named:
            return Choice("color", self.service, "", f"bluegreen_broker_service {self.service} is a support service")
        if servers:
            return Choice("color", servers[0], "", f"{servers[0]} is a support service that runs a Redis")
        return Choice("shared", self.service, "", f"bluegreen_broker_service {self.service} is not a support service")

    def _require_one(self) -> None:
        """Raise when several services or hosts may be the broker."""
        for found in self.by_color:
            places = list(_first_of(found, lambda each: each.service or each.address.place).values())
            if len(places) > 1:
                raise BluegreenError(
                    f"Cannot tell which broker is used: {places[0]}, but {places[1]}. Give all services the same URL. "
                    "Or, if Celery's broker is outside both colors, set bluegreen_broker to shared; otherwise set it "
                    "to color, and bluegreen_broker_service to the broker's service."
                )

    def _require_certainty(self, each: _Evidence) -> None:
        """Raise when a support service is named like the broker, and the evidence that it is not the broker is weak."""
        if self.service in self.roles["support"] and not (self.sure and each.address.host):
            raise BluegreenError(
                f"Cannot tell which broker is used: {each}, which is outside both colors, but {self.service} is a "
                "support service. Set bluegreen_broker to shared if tasks wait there, or to color if "
                f"they wait in {self.service}."
            )

    def _require_same(self) -> None:
        """Raise when the colors' brokers differ, and both are outside the colors."""
        first, *others = [
            _first_of(found, lambda each: (each.address.place, each.address.path)) for found in self.by_color
        ]
        for other in others:
            if set(first) != set(other):
                one = first[min(set(first) - set(other) or first)]
                another = other[min(set(other) - set(first) or other)]
                raise BluegreenError(
                    f"{one} in one color and {another.address} in the other, so tasks would stay behind in the old "
                    "one: give both colors the same URL, or give each color its own Redis as a support service."
                )

    def _checked(self, choice: Choice) -> Choice:
        """The choice, unless it contradicts a broker URL under a name of Celery's.

        :raises BluegreenError: it contradicts one.
        """
        says = "bluegreen_broker_url is set" if self.mode == "auto" else f"bluegreen_broker is {self.mode}"
        if choice.mode != "color" and self.own:
            each = self.own[0]
            raise BluegreenError(
                f"{says}, but {each}, and {each.service} is a support service of each color: its tasks would be "
                f"removed with the old color. {self._way('color')}."
            )
        if choice.mode != "color" or not self.found:
            return choice
        if not self.own:
            # URLs that differ between the colors may lead to ports that each color publishes.
            if len({str(each.address) for each in self.outside}) == 1 and self.outside[0].address.host:
                raise BluegreenError(
                    f"{says}, but {self.outside[0]}, which is outside both colors. {self._way('shared')}, or give each "
                    "color its own Redis as a support service."
                )
            return choice
        services = sorted({each.service for each in self.own})
        if choice.service in services:
            return choice
        # The default name is not the user's decision.
        if choice.service == DEFAULT_SERVICE and not choice.url:
            return choice._replace(service=services[0])
        option = "bluegreen_broker_url leads to" if choice.url else "bluegreen_broker_service is"
        raise BluegreenError(
            f"{option} {choice.service}, but {self.own[0]}: name {services[0]} there, or remove the option."
        )

    def _way(self, mode: str) -> str:
        if self.mode == "auto":
            return "Remove bluegreen_broker_url"
        return f"Set bluegreen_broker to {mode} (or auto)"

    def _require_redis(self, service: str) -> None:
        """Raise when a color's own broker is one from which tasks cannot be moved."""
        for each in self.own:
            plain = each.address.scheme in PLAIN
            if each.service == service and not plain and (self.sure or self.mode == "auto"):
                raise BluegreenError(
                    f"{each}, and {service} is a support service, but tasks can be moved from one color to the other "
                    "only over redis://. Use one broker outside both colors, or in each color a Redis without TLS, "
                    "Sentinel and cluster."
                )


def _first_of(found: Iterable[_Evidence], kind: Callable[[_Evidence], Any]) -> dict[Any, _Evidence]:
    """The first of each kind: workers come before web, which only sends tasks."""
    firsts: dict[Any, _Evidence] = {}
    for each in found:
        firsts.setdefault(kind(each), each)
    return firsts
