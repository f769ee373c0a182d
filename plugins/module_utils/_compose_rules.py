# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What a Compose file must be like, so that two colors made from it can stand side by side. Pure decisions."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._containers import ROLES
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._grammar import COLORS
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._port_ranges import leaves_a_choice, refusals_of_ranges

_VARIABLES = {role: f"bluegreen_{'worker' if role == 'workers' else role}_services" for role in (*ROLES, "ignored")}


class Findings(NamedTuple):
    """Sentences: ``errors`` stop the deployment before anything is touched, ``warnings`` do not."""

    errors: list
    warnings: list


def examine(rendered, services, ports, color_volumes=()):
    """Look for what would break with two colors.

    :param rendered: for each color, the configuration that Compose rendered.
    :param services: for each role and ``ignored``, the services.
    :param ports: for each color, its host port.
    :param color_volumes: named volumes of which each color may have its own.
    :returns: :class:`Findings`
    """
    findings = Findings([], [])
    defined = {color: rendered[color].get("services") or {} for color in COLORS}
    used = [name for role in ROLES for name in services[role]]
    known = [name for name in used if all(name in defined[color] for color in COLORS)]

    _listed(findings, services, defined)
    for name in known:
        _container_name(findings, name, defined["blue"][name])
        _fixed_ports(findings, name, {color: _published(defined[color][name]) for color in COLORS}, services)
        if name not in services["init"] and not _restarts(defined["blue"][name]):
            findings.warnings.append(
                f"Service {name} has no restart policy, so it is gone after a reboot: give it restart: unless-stopped."
            )
    findings.errors.extend(refusals_of_ranges(defined, known, services["web"][0], ports))
    if services["web"][0] in known:
        _publishes_color_port(findings, services["web"][0], defined, ports)
    _volumes(findings, known, rendered, defined, services, color_volumes)
    _networks(findings, rendered)
    return findings


def _listed(findings, services, defined):
    for role, variable in _VARIABLES.items():
        for name in services[role]:
            if name not in defined["blue"]:
                findings.errors.append(
                    f"{variable} names {name!r}, but the Compose file has no such service{_nearest(name, defined['blue'])}"
                )
    named = {name for role in _VARIABLES for name in services[role]}
    for name in defined["blue"]:
        if name not in named:
            findings.errors.append(
                f"Service {name!r} of the Compose file is in no list: add it to bluegreen_web_services, "
                "bluegreen_support_services, bluegreen_init_services or bluegreen_worker_services, or to "
                "bluegreen_ignored_services if a color is not to start it."
            )


def _nearest(name, candidates):
    import difflib

    close = difflib.get_close_matches(name, list(candidates), n=1, cutoff=0.5)
    if close:
        return f": did you mean {close[0]!r}?"
    return f" (it has {', '.join(sorted(candidates)) or 'none'})."


def _container_name(findings, name, service):
    if service.get("container_name"):
        findings.errors.append(
            f"Service {name} has container_name: {service['container_name']}, which only one color could have: take it "
            "out, Compose then names the containers after the project."
        )


def _published(service):
    """Fixed host ports of a service, as text, because Compose allows ranges."""
    return [
        (port.get("host_ip") or "", str(port["published"]), str(port.get("protocol") or "tcp"))
        for port in service.get("ports") or ()
        if str(port.get("published") or "0") != "0"
    ]


def _fixed_ports(findings, name, published, services):
    for dummy, port, protocol in published["blue"]:
        if not leaves_a_choice(port) and any((port, protocol) == other[1:] for other in published["green"]):
            hint = (
                "write 127.0.0.1:${BG_PORT}:<port of the app>"
                if name == services["web"][0]
                else "leave it out, the services of a color reach each other by name; or put the service outside the colors"
            )
            findings.errors.append(
                f"Service {name} publishes host port {port} in both colors, so the second one could not start: {hint}."
            )


def _publishes_color_port(findings, name, defined, ports):
    for color in COLORS:
        mine = [address for address, port, protocol in _published(defined[color][name]) if port == str(ports[color])]
        if not mine:
            findings.errors.append(
                f"Service {name} does not publish port {ports[color]} in color {color} (bluegreen_ports.{color}): write "
                "ports: [\"127.0.0.1:${BG_PORT}:<port of the app>\"] in the Compose file."
            )
        elif color == "blue" and not any(address.startswith("127.") or address == "::1" for address in mine):
            findings.warnings.append(
                f"Service {name} publishes its port on all addresses, so it can be reached past Nginx: write "
                "127.0.0.1:${BG_PORT}:<port of the app>."
            )


def _restarts(service):
    policy = service.get("restart") or (service.get("deploy") or {}).get("restart_policy") or "no"
    return policy != "no"


def _volumes(findings, known, rendered, defined, services, color_volumes):
    volumes = {color: rendered[color].get("volumes") or {} for color in COLORS}
    users = {}
    for name in known:
        for mount in defined["blue"][name].get("volumes") or ():
            if mount.get("type") == "volume" and mount.get("source"):
                users.setdefault(mount["source"], []).append(name)
    for volume, names in users.items():
        definition = volumes["blue"].get(volume) or {}
        if definition.get("external") or volume in color_volumes:
            continue
        if definition.get("name") and definition["name"] == (volumes["green"].get(volume) or {}).get("name"):
            shared = [name for name in names if name in services["support"]]
            if shared:
                findings.warnings.append(
                    f"Volume {volume} is one and the same for both colors, and {', '.join(shared)} of both would write "
                    "into it at once: give each color its own (bluegreen_color_volumes), or keep the service outside "
                    "the colors."
                )
            continue
        findings.errors.append(
            f"Volume {volume} of {', '.join(names)} would be another, empty one in each color: if it holds data, keep "
            "that service outside the colors or make the volume external; if each color may have its own, name it in "
            "bluegreen_color_volumes."
        )
    for volume in color_volumes:
        if volume not in volumes["blue"]:
            findings.errors.append(
                f"bluegreen_color_volumes names {volume!r}, but the Compose file has no such volume"
                f"{_nearest(volume, volumes['blue'])}"
            )


def _networks(findings, rendered):
    for name, network in (rendered["blue"].get("networks") or {}).items():
        if (network or {}).get("external"):
            continue
        for pool in ((network or {}).get("ipam") or {}).get("config") or ():
            if pool.get("subnet"):
                findings.errors.append(
                    f"Network {name} has the fixed subnet {pool['subnet']}, which only one color could have: take it out, "
                    "or make the network external."
                )


def builds_without_image(rendered, services):
    """Services whose image has no name of its own, so that its tag is that of whatever was built last."""
    return [
        name
        for role in ROLES
        for name in services[role]
        if rendered["services"][name].get("build") and not rendered["services"][name].get("image")
    ]


def images(rendered, services):
    """The image that each service of a color runs; a service that is built has the name that Compose gives it."""
    return {
        name: rendered["services"][name].get("image") or f"{rendered['name']}-{name}"
        for role in ROLES
        for name in services[role]
    }
