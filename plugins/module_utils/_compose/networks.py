# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Networks on which one name, or one address, would mean a container of each color. Pure decisions.

Compose gives a container the name of its service on each of its networks, in addition to its aliases. So on a network
of both colors the name of a service leads to a container of each, and a client gets either.
"""

from __future__ import annotations

import os
import re
from typing import Any, Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence

from .._validation import COLORS
from .._words import agree, joined

_ADDRESSES = ("ipv4_address", "ipv6_address")
_HOST_KEY = re.compile(r"(HOST(NAME)?|ADDR(ESS)?|SERVER)$", re.IGNORECASE)


class _Pair(NamedTuple):
    """The value of one setting in each color."""

    blue: Any
    green: Any

    @property
    def same(self) -> bool:
        """Whether both colors have it, with one value."""
        return self.blue == self.green and self.blue not in (None, "")


def refusals(
    rendered: Mapping[str, dict[str, Any]],
    roles: Mapping[str, Sequence[str]],
    known: Sequence[str],
    nginx_servers: Optional[Mapping[str, str]] = None,
) -> list[str]:
    """Sentences for names and addresses that the two colors would share on a network.

    :param rendered: for each color, the configuration that Compose rendered.
    :param roles: for each role, the services.
    :param known: the services of a color.
    :param nginx_servers: for each color, the name and port at which an Nginx in a container finds it.
    """
    networks = _Networks(rendered, roles, known)
    return [
        *networks.fixed_names(),
        *networks.fixed_settings(),
        *networks.names(),
        *networks.names_for_nginx(nginx_servers or {}),
        *networks.addresses(),
        *networks.modes(),
        *networks.external_links(),
    ]


def warnings(
    rendered: Mapping[str, dict[str, Any]], roles: Mapping[str, Sequence[str]], known: Sequence[str]
) -> list[str]:
    """Sentences for services that ask for one that no color starts, and can hardly reach it.

    :param rendered, roles, known: as for :func:`refusals`; ``roles`` has ``ignored`` too.
    """
    return [*_Networks(rendered, roles, known).out_of_reach()]


class _Networks:
    """The networks of both colors, and the services on them.

    :ivar networks: for each key under ``networks``, its definition in each color.
    :ivar shared: the keys that are one network for both colors.
    """

    def __init__(
        self, rendered: Mapping[str, dict[str, Any]], roles: Mapping[str, Sequence[str]], known: Sequence[str]
    ) -> None:
        self.projects = [rendered[color]["name"] for color in COLORS]
        self.roles = roles
        self.known = known
        self.services = {name: _Pair(*(rendered[color]["services"][name] for color in COLORS)) for name in known}
        every: list[dict[str, Any]] = [rendered[color].get("networks") or {} for color in COLORS]
        self.networks = {key: _Pair(every[0][key] or {}, every[1].get(key) or {}) for key in every[0]}
        self.shared = [key for key in self.networks if self._real_name(key).same]

    def _real_name(self, key: str) -> _Pair:
        return _Pair(
            *(
                network.get("name") or (key if network.get("external") else f"{project}_{key}")
                for network, project in zip(self.networks[key], self.projects)
            )
        )

    def _is_external(self, key: str) -> bool:
        return bool(self.networks[key].blue.get("external"))

    def _attached(self, name: str) -> dict[str, _Pair]:
        """For each network of a service, how it is attached; a service may use the network of another one."""
        for dummy in self.known:
            other = (self.services[name].blue.get("network_mode") or "").partition("service:")[2]
            if other not in self.services:
                break
            name = other
        found = [service.get("networks") or {} for service in self.services[name]]
        return {key: _Pair(found[0][key] or {}, found[1].get(key) or {}) for key in found[0]}

    # Settings that only one of two networks can have

    def fixed_names(self) -> Iterator[str]:
        for key in self.shared:
            users = [name for name in self.known if key in self._attached(name)]
            if users and not self._is_external(key):
                yield (
                    f"Network {key} has the fixed name {self._real_name(key).blue}, so both colors would join it and "
                    f"reach each other's {joined(users)} by one name: write name: ${{BG_PROJECT}}_{key}, or remove "
                    "the name. Put services that other projects must reach on an additional external network."
                )

    def fixed_settings(self) -> Iterator[str]:
        for key, pair in self.networks.items():
            if self._is_external(key):
                continue
            servers = [name for name in self.roles["support"] if name in self.known and key in self._attached(name)]
            # On an external network the name of a server would lead to both colors.
            way = "remove it" if servers else "remove it, or make the network external"
            pools = [(network.get("ipam") or {}).get("config") or () for network in pair]
            for pool in pools[0]:
                if pool.get("subnet") and pool["subnet"] in [other.get("subnet") for other in pools[1]]:
                    yield (
                        f"Network {key} has the fixed subnet {pool['subnet']}, which only one color can have: {way}."
                    )
            options = [network.get("driver_opts") or {} for network in pair]
            for option in ("com.docker.network.bridge.name", "parent"):
                if not self._real_name(key).same and _Pair(*(each.get(option) for each in options)).same:
                    yield (
                        f"Network {key} has {option}: {options[0][option]}, which only one color can have: {way}."
                    )

    # Names

    def names(self) -> Iterator[str]:
        for key in filter(self._is_external, self.shared):
            members = [name for name in self.known if key in self._attached(name)]
            named = self._named_on(key)
            support = [name for name in named if name in self.roles["support"]]
            others = [name for name in named if name not in support]
            servers = [name for name in support if self._is_ambiguous(key, name, members)]
            if servers:
                yield self._take_off(key, servers, others)
            for name in others:
                yield from self._asked_for(key, name, members)

    def names_for_nginx(self, nginx_servers: Mapping[str, str]) -> Iterator[str]:
        for color, server in nginx_servers.items():
            asked = server.rpartition(":")[0]
            for key in filter(self._is_external, self.shared):
                for name in self._named_on(key):
                    if asked in self._names_of(key, name)[0]:
                        yield (
                            f"bluegreen_nginx_servers.{color} is {server}, but both colors use the network {key}, so "
                            f"the name {asked} resolves there to {name} of both colors: give {name} an alias with its "
                            f'color there (aliases: ["${{BG_PROJECT}}-{name}"]), and use that name.'
                        )

    def _named_on(self, key: str) -> list[str]:
        """The services that can be reached by name on a network; a service in the network of another one cannot."""
        return [name for name in self.known if key in self._own_networks(name)]

    def _own_networks(self, name: str) -> dict[str, Any]:
        networks: dict[str, Any] = self.services[name].blue.get("networks") or {}
        return networks

    def _names_of(self, key: str, name: str) -> tuple[list[str], list[str]]:
        """``(names of a service that lead to both colors, names that lead to one)``."""
        aliases = [attached.get("aliases") or () for attached in self._attached(name)[key]]
        hostnames = _Pair(*(service.get("hostname") for service in self.services[name]))
        common = {name, *set(aliases[0]).intersection(aliases[1]), *((hostnames.blue,) if hostnames.same else ())}
        own = {alias for alias in aliases[0] if alias not in common} | {f"{self.projects[0]}-{name}-1"}
        own |= {self.services[name].blue.get("container_name") or name} - common
        return sorted(common), sorted(own)

    def _askers(self, names: Iterable[str], among: Iterable[str]) -> list[str]:
        """The services that ask for one of the names."""
        return [other for other in among if any(refers_to(self.services[other].blue, name) for name in names)]

    def _is_ambiguous(self, key: str, name: str, members: Sequence[str]) -> bool:
        """Whether other services may reach the server of the other color. Their code may contain its name, too."""
        common, own = self._names_of(key, name)
        others = [other for other in members if other != name]
        return bool(others) and not (self._askers(own, others) and not self._askers(common, others))

    def _take_off(self, key: str, servers: list[str], others: list[str]) -> str:
        inner = self._inner_network(servers)
        lists: dict[tuple[str, ...], list[str]] = {}
        for name in servers:
            kept = [each for each in self._own_networks(name) if not self._is_refused(each, name)]
            lists.setdefault(tuple(self._with(inner, kept)), []).append(name)
        for name in others:
            own = list(self._own_networks(name))
            if self._with(inner, own) != own:
                lists.setdefault(tuple(self._with(inner, own)), []).append(name)
        line = ", and ".join(f"networks: [{', '.join(keys)}] for {joined(names)}" for keys, names in lists.items())
        if inner not in ("default", *self.networks):
            line += f", with {inner}: {{}} under the networks of the file"
        for name in servers:
            if self._looks_like_a_dashboard(name):
                line += f"; or, as no other service seems to ask for {name}, name it in bluegreen_web_services"
        return (
            f"Both colors use the network {key}, so the {agree(servers, 'name', 'names')} {joined(servers)} "
            f"{agree(servers, 'resolves', 'resolve')} there to containers of both colors: write {line}."
        )

    def _is_refused(self, key: str, name: str) -> bool:
        if key not in self.shared or not self._is_external(key):
            return False
        return self._is_ambiguous(key, name, [each for each in self.known if key in self._attached(each)])

    @staticmethod
    def _with(inner: str, keys: list[str]) -> list[str]:
        """The networks, and the inner one among them."""
        return keys if inner in keys else [inner, *keys]

    def _looks_like_a_dashboard(self, name: str) -> bool:
        """Whether a service asks others, and none of them seems to ask for it."""
        others = [each for each in self.known if each != name]
        service = self.services[name].blue
        asks = bool(service.get("depends_on")) or any(refers_to(service, each) for each in others)
        return asks and not self._askers([name], others)

    def _inner_network(self, servers: list[str]) -> str:
        """A network that the color has for itself, preferably one that a server is on already."""
        own = [key for name in servers for key in self._own_networks(name)]
        for key in (*own, "default", *self.networks):
            if key not in self.shared and (key == "default" or not self._is_external(key)):
                return key
        return "inner"

    def _asked_for(self, key: str, name: str, members: list[str]) -> Iterator[str]:
        common, own = self._names_of(key, name)
        for each in common:
            askers = [other for other in members if self._asks(other, name, each)]
            if askers:
                yield (
                    f"Both colors use the network {key}, so the name {each}, which {joined(askers)} "
                    f"{agree(askers, 'asks', 'ask')} for, resolves there to {name} of both colors: give {name} an "
                    f'alias with its color there (aliases: ["${{BG_PROJECT}}-{name}"]), and ask for that name.'
                )

    def _asks(self, other: str, name: str, asked: str) -> bool:
        """Whether a service asks for the name of another one, or for its own if that may lead elsewhere."""
        service, hostname = self.services[other].blue, self.services[name].blue.get("hostname")
        if asked == hostname and (other == name or "." in asked):
            # A container reaches itself by its hostname, and a hostname with a dot is the site's public name.
            return False
        # In its own environment a service names itself and does not ask.
        return refers_to({**service, "environment": {}} if other == name else service, asked)

    # Addresses

    def addresses(self) -> Iterator[str]:
        for name in self.known:
            for key, attached in self._own_networks(name).items():
                other = (self.services[name].green.get("networks") or {}).get(key) or {}
                options = _ADDRESSES + (("mac_address",) if key in self.shared else ())
                for option in options:
                    if _Pair((attached or {}).get(option), other.get(option)).same:
                        yield self._same_address(name, option, attached[option], key)
            mac = _Pair(*(service.get("mac_address") for service in self.services[name]))
            shared = [key for key in self._attached(name) if key in self.shared]
            if mac.same and shared:
                yield self._same_address(name, "mac_address", mac.blue, shared[0])

    @staticmethod
    def _same_address(name: str, option: str, value: str, key: str) -> str:
        return (
            f"Service {name} has {option}: {value} on network {key} in both colors, but only one container can have "
            f"{value}: remove {option}, or give each color its own with a variable of bluegreen_env."
        )

    # Services in networks of others

    def modes(self) -> Iterator[str]:
        # For the first web there is another sentence, about its port.
        for name in (each for each in self.known if each in (*self.roles["support"], *self.roles["web"][1:])):
            pair = self.services[name]
            mode = pair.blue.get("network_mode") or ""
            if _is_foreign(mode) and mode == pair.green.get("network_mode") and _alike(pair):
                yield (
                    f"Service {name} has network_mode: {mode} and the same configuration in both colors, so both would "
                    "listen on the same port: remove network_mode (the services of a color reach each other by name), "
                    "or run the service once, in a Compose project of its own."
                )

    # Services that no color starts

    def out_of_reach(self) -> Iterator[str]:
        for other in self.roles["ignored"]:
            users = [name for name in self.known if self._asks_in_vain(name, other)]
            if users and other not in self._names_within():
                outside = f"{self.projects[0].rpartition('-')[0] or self.projects[0]}-{other}"
                yield (
                    f"{joined(users)} {agree(users, 'asks', 'ask')} for {other}, which no color starts, and "
                    f"{agree(users, 'is', 'are')} on no network outside of the color: add a network to "
                    f"{joined([*users, other])}, with {{external: true, name: {outside}}}, and create it on the host: "
                    f"docker network create {outside}"
                )

    def _asks_in_vain(self, name: str, other: str) -> bool:
        service = self.services[name].blue
        leads_outside = service.get("network_mode") or any(key in self.shared for key in self._attached(name))
        hosts = [re.split("[:=]", str(each))[0] for each in service.get("extra_hosts") or ()]
        return not leads_outside and other not in hosts and _asks_for(service, other)

    def _names_within(self) -> set[str]:
        """The names that a color's own containers have besides those of their services."""
        attached = [each.blue for name in self.known for each in self._attached(name).values()]
        services = [self.services[name].blue for name in self.known]
        return {
            *(alias for each in attached for alias in each.get("aliases") or ()),
            *(service.get(key) or "" for service in services for key in ("hostname", "container_name")),
        }

    def external_links(self) -> Iterator[str]:
        for name in self.known:
            pair = self.services[name]
            for link in pair.blue.get("external_links") or ():
                container = link.partition(":")[0]
                owner = next((p for p in self.projects if container.startswith((f"{p}-", f"{p}_"))), "")
                if owner and link in (pair.green.get("external_links") or ()):
                    yield (
                        f"Service {name} of both colors has the external link {link}, which leads to a container of "
                        f"{owner}: remove it; the services of a color reach each other by name."
                    )


def _is_foreign(mode: str) -> bool:
    """Whether a container joins an existing network namespace, such as the host's."""
    return mode == "host" or mode.startswith("container:")


def _alike(pair: _Pair) -> bool:
    """Whether a server is configured alike in both colors, and so listens on the same port."""
    parts = ("command", "entrypoint", "environment", "configs")
    told = [([service.get(part) for part in parts], _settings(service)) for service in pair]
    return told[0] == told[1]


def _settings(service: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Mounts that may be configuration files."""
    mounts = service.get("volumes") or ()
    return [mount for mount in mounts if mount.get("read_only") or "." in os.path.basename(mount.get("target") or "")]


def refers_to(service: Mapping[str, Any], name: str) -> bool:
    """Whether the configuration of a service names a host."""
    host = re.escape(name)
    used = re.compile(rf"(?:://(?:\S*@)?{host}(?![\w.-])(?!\S*@))|(?:(?<![\w./-]){host}:\d+(?![\w.]))")
    environment = {key: str(value) for key, value in (service.get("environment") or {}).items() if value is not None}
    check = (service.get("healthcheck") or {}).get("test") or ()
    texts = [*environment.values(), *(service.get("entrypoint") or ()), *(service.get("command") or ()), *check]
    return any(used.search(str(text)) for text in texts) or any(
        _HOST_KEY.search(key) and value == name for key, value in environment.items()
    )


def _asks_for(service: Mapping[str, Any], name: str) -> bool:
    """Whether a variable of a service names a host for other requests than a browser's."""
    url = re.compile(rf"(?!https?:)[\w+]+://(?:[^\s/@]*@)?{re.escape(name)}(?::\d+)?(?:[/?]|$)")
    variables = [(key, str(value)) for key, value in (service.get("environment") or {}).items()]
    return any(url.match(value) or _HOST_KEY.search(key) and value == name for key, value in variables)
