# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Host ports of a color's services, and how many containers would share them. Pure decisions."""

from __future__ import annotations

from typing import Any, Collection, Mapping, NamedTuple, Optional, Sequence

from .._validation import COLORS
from .port_ranges import leaves_a_choice, refusals_of_ranges

_LINE = 'ports: ["127.0.0.1:${BG_PORT}:<port of the app>"]'
# The address that the health check asks, and addresses that include it.
_ASKED, _ALL = "127.0.0.1", ("", "0.0.0.0")


class _Published(NamedTuple):
    """A fixed host port, as text, because it may be a range; ``address`` is empty for all addresses."""

    address: str
    port: str
    protocol: str


def refusals(
    defined: Mapping[str, dict[str, Any]],
    known: Sequence[str],
    web: str,
    ports: Mapping[str, int],
    init: Collection[str] = (),
) -> list[str]:
    """Sentences against fixed host ports and numbers of containers.

    :param defined: for each color, the services that Compose rendered.
    :param known: the services of a color.
    :param web: the service that publishes the color's port.
    :param ports: for each color, that port.
    :param init: the services that have ended before the web starts.
    """
    sentences: list[str] = []
    for name in known:
        lacks_port = name == web and not all(_addresses(defined[color][name], ports[color]) for color in COLORS)
        published = {color: _published(defined[color][name]) for color in COLORS}
        sentences += _fixed_ports(name, published, name == web, lacks_port)
        sentences += _replicas(name, defined["blue"][name])
    sentences += refusals_of_ranges(defined, known, web, ports)
    if web in known:
        sentences += _without_color_port(web, defined, ports)
        others = [name for name in known if name != web and name not in init]
        sentences += _port_taken_twice(defined["blue"], others, web, ports["blue"])
    return sentences


def warnings(defined: Mapping[str, dict[str, Any]], web: str, ports: Mapping[str, int]) -> list[str]:
    """A sentence when the web can be reached without Nginx."""
    addresses = _addresses(defined["blue"].get(web) or {}, ports["blue"])
    if any(address in _ALL for address in addresses):
        return [
            f"Service {web} publishes its port on all addresses, so it can be reached without Nginx: write "
            "127.0.0.1:${BG_PORT}:<port of the app>."
        ]
    others = [address for address in addresses if not _is_loopback(address)] if _ASKED in addresses else []
    if others:
        return [
            f"Service {web} publishes its port on {', '.join(others)} too, so it can be reached without Nginx: keep "
            "only 127.0.0.1:${BG_PORT}:<port of the app>."
        ]
    return []


def _published(service: Mapping[str, Any]) -> list[_Published]:
    return [
        _Published(port.get("host_ip") or "", str(port["published"]), str(port.get("protocol") or "tcp"))
        for port in service.get("ports") or ()
        if str(port.get("published") or "0") != "0"
    ]


def _addresses(service: Mapping[str, Any], port: int) -> list[str]:
    """The addresses on which a service publishes a port."""
    return [each.address for each in _published(service) if each.port == str(port)]


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def _fixed_ports(
    name: str, published: Mapping[str, list[_Published]], is_web: bool, lacks_port: bool
) -> list[str]:
    if lacks_port:
        hint = "write 127.0.0.1:${BG_PORT}:<port of the app>"
    elif is_web:
        hint = "remove it, or give each color its own with a variable of bluegreen_env"
    else:
        hint = (
            "remove it (the services of a color reach each other by name), or run the service once, in a Compose "
            "project of its own"
        )
    return [
        f"Service {name} publishes host port {each.port} in both colors, so the second color could not start: {hint}."
        for each in published["blue"]
        if not leaves_a_choice(each.port) and any(each[1:] == other[1:] for other in published["green"])
    ]


def replicas(service: Mapping[str, Any]) -> Optional[int]:
    """How many containers a service should have, ``None`` when the file does not say."""
    scale: Optional[int] = service.get("scale")
    return (service.get("deploy") or {}).get("replicas") if scale is None else scale


def _replicas(name: str, service: Mapping[str, Any]) -> list[str]:
    wanted = replicas(service)
    fixed = [each.port for each in _published(service) if not leaves_a_choice(each.port)]
    if wanted == 0:
        return [
            f"Service {name} has 0 replicas, so a color would have no container of it: remove scale and "
            "deploy.replicas, or move the service to bluegreen_ignored_services."
        ]
    if wanted and wanted > 1 and fixed:
        return [
            f"Service {name} has {wanted} replicas and publishes host port {fixed[0]}, which only one of them can "
            "have: remove scale and deploy.replicas, and run more processes in one container instead (gunicorn "
            "--workers)."
        ]
    return []


def _port_taken_twice(
    services: Mapping[str, dict[str, Any]], others: Sequence[str], web: str, port: int
) -> list[str]:
    """Sentences for services that publish the port of their color on an address on which the web does."""
    own = [each for each in _published(services[web]) if each.port == str(port)]
    taken = [
        name
        for name in others
        if any(_collide(each, another) for each in own for another in _published(services[name]))
    ]
    return [
        f"{web} and {name} both publish ${{BG_PORT}}, but only one container can have a port: remove it from {name}, "
        f"or, if Nginx has to send requests to {name}, name {name} first in bluegreen_web_services and remove the port "
        f"from {web}."
        for name in taken
    ]


def _collide(one: _Published, another: _Published) -> bool:
    is_everywhere = one.address in _ALL or another.address in _ALL
    return one[1:] == another[1:] and (one.address == another.address or is_everywhere)


def _without_color_port(
    name: str, defined: Mapping[str, dict[str, Any]], ports: Mapping[str, int]
) -> list[str]:
    mode = defined["blue"][name].get("network_mode") or ""
    if mode and mode != "bridge":
        return [
            f"Service {name} has network_mode: {mode}, with which Compose cannot publish a port for it: remove it, and "
            f"write {_LINE}."
        ]
    sentences = []
    for color in COLORS:
        addresses = _addresses(defined[color][name], ports[color])
        if not addresses:
            sentences.append(
                f"Service {name} does not publish port {ports[color]} in color {color} (bluegreen_ports.{color}): "
                f"write {_LINE} in the Compose file."
            )
        elif not any(address in (_ASKED, *_ALL) for address in addresses):
            sentences.append(
                f"Service {name} publishes port {ports[color]} on {', '.join(addresses)} only, but the health check of "
                f"{color} asks {_ASKED}: write {_LINE} in the Compose file."
            )
    return sentences
