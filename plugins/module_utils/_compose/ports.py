# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Host ports of a color's services, and how many containers would share them. Pure decisions."""

from __future__ import annotations

from typing import Optional

from .._validation import COLORS
from .port_ranges import leaves_a_choice, refusals_of_ranges

_LINE = 'ports: ["127.0.0.1:${BG_PORT}:<port of the app>"]'
# Where the web's health is asked, and addresses that include it.
_ASKED, _ALL = "127.0.0.1", ("", "0.0.0.0")


def refusals(defined: dict, known: list, web: str, ports: dict) -> list:
    """Sentences against host ports and numbers of containers.

    :param defined: for each color, the services that Compose rendered.
    :param known: the services of a color.
    :param web: the service that publishes the color's port.
    :param ports: for each color, that port.
    """
    sentences = []
    for name in known:
        lacks_port = name == web and not all(_addresses(defined[color][name], ports[color]) for color in COLORS)
        sentences += _fixed_ports(name, {color: _published(defined[color][name]) for color in COLORS}, name == web, lacks_port)
        sentences += _replicas(name, defined["blue"][name])
    sentences += refusals_of_ranges(defined, known, web, ports)
    if web in known:
        sentences += _without_color_port(web, defined, ports)
    return sentences


def warnings(defined: dict, web: str, ports: dict) -> list:
    """A sentence when the web can be reached past Nginx."""
    addresses = _addresses(defined["blue"].get(web) or {}, ports["blue"])
    if any(address in _ALL for address in addresses):
        return [
            f"Service {web} publishes its port on all addresses, so it can be reached past Nginx: write "
            "127.0.0.1:${BG_PORT}:<port of the app>."
        ]
    others = [address for address in addresses if not _is_loopback(address)] if _ASKED in addresses else []
    if others:
        return [
            f"Service {web} publishes its port on {', '.join(others)} too, so it can be reached past Nginx: keep only "
            "127.0.0.1:${BG_PORT}:<port of the app>."
        ]
    return []


def _published(service):
    """Fixed host ports of a service, as text, because Compose allows ranges."""
    return [
        (port.get("host_ip") or "", str(port["published"]), str(port.get("protocol") or "tcp"))
        for port in service.get("ports") or ()
        if str(port.get("published") or "0") != "0"
    ]


def _addresses(service, port):
    return [address for address, published, protocol in _published(service) if published == str(port)]


def _is_loopback(address):
    return address.startswith("127.") or address == "::1"


def _fixed_ports(name, published, is_web, lacks_port):
    if lacks_port:
        hint = "write 127.0.0.1:${BG_PORT}:<port of the app>"
    elif is_web:
        hint = "leave it out, or give each color its own by a variable of bluegreen_env"
    else:
        hint = "leave it out, the services of a color reach each other by name; or put the service outside the colors"
    return [
        f"Service {name} publishes host port {port} in both colors, so the second one could not start: {hint}."
        for dummy, port, protocol in published["blue"]
        if not leaves_a_choice(port) and any((port, protocol) == other[1:] for other in published["green"])
    ]


def replicas(service: dict) -> Optional[int]:
    """How many containers a service is to have, ``None`` when the file does not say."""
    scale = service.get("scale")
    return (service.get("deploy") or {}).get("replicas") if scale is None else scale


def _replicas(name, service):
    wanted = replicas(service)
    fixed = [port for dummy, port, protocol in _published(service) if not leaves_a_choice(port)]
    if wanted == 0:
        return [
            f"Service {name} has 0 replicas, so a color would have no container of it: take scale and deploy.replicas "
            "out, or move the service to bluegreen_ignored_services."
        ]
    if wanted and wanted > 1 and fixed:
        return [
            f"Service {name} has {wanted} replicas and publishes host port {fixed[0]}, which only one of them could "
            "have: take scale and deploy.replicas out, and let one container run more processes instead (gunicorn "
            "--workers)."
        ]
    return []


def _without_color_port(name, defined, ports):
    mode = defined["blue"][name].get("network_mode") or ""
    if mode and mode != "bridge":
        return [
            f"Service {name} has network_mode: {mode}, with which Compose publishes no port for it: take it out, and "
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
                f"Service {name} publishes port {ports[color]} on {', '.join(addresses)} only, but whether {color} is "
                f"healthy is asked at {_ASKED}: write {_LINE} in the Compose file."
            )
    return sentences
