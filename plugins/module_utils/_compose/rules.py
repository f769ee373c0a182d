# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What a Compose file must be like, so that two colors made from it can stand side by side. Pure decisions."""

from __future__ import annotations

from typing import NamedTuple

from .._docker.containers import ROLES
from .._validation import COLORS
from . import (
    networks as compose_networks,
    outside as compose_outside,
    ports as compose_ports,
    proxy_labels,
    volumes as compose_volumes,
)
from .names import nearest

_VARIABLES = {role: f"bluegreen_{'worker' if role == 'workers' else role}_services" for role in (*ROLES, "ignored")}


class Findings(NamedTuple):
    """Sentences: ``errors`` stop the deployment before anything is touched, ``warnings`` do not."""

    errors: list
    warnings: list


def examine(
    rendered,
    services,
    ports,
    color_volumes=(),
    is_file=compose_volumes.is_file,
    nginx_servers=None,
    init_before_stop=(),
):
    """Look for what would break with two colors.

    :param rendered: for each color, the configuration that Compose rendered.
    :param services: for each role and ``ignored``, the services.
    :param ports: for each color, its host port.
    :param color_volumes: named volumes of which each color may have its own.
    :param is_file: says of a path of the host whether it is a file (or a socket).
    :param nginx_servers: for each color, the name and port at which an Nginx in a container finds it.
    :param init_before_stop: the init services that are to run while the old workers do.
    :returns: :class:`Findings`
    """
    findings = Findings([], [])
    defined = {color: rendered[color].get("services") or {} for color in COLORS}
    used = [name for role in ROLES for name in services[role]]
    known = [name for name in used if all(name in defined[color] for color in COLORS)]

    _listed(findings, services, defined)
    findings.errors.extend(_early(init_before_stop, services["init"], defined["blue"]))
    web = services["web"][0]
    for name in known:
        _container_name(findings, name, *(defined[color][name].get("container_name") for color in COLORS))
        if name not in services["init"] and not _restarts(defined["blue"][name]):
            findings.warnings.append(
                f"Service {name} has no restart policy, so it is gone after a reboot: give it restart: unless-stopped."
            )
    findings.errors.extend(compose_ports.refusals(defined, known, web, ports))
    findings.errors.extend(compose_volumes.refusals(rendered, services, known, color_volumes, is_file))
    findings.errors.extend(compose_networks.refusals(rendered, services, known, nginx_servers))
    findings.errors.extend(compose_outside.refusals(defined["blue"], known, services["ignored"]))
    if web in known:
        findings.warnings.extend(compose_ports.warnings(defined, web, ports))
        findings.warnings.extend(proxy_labels.warnings(web, *(defined[color][web] for color in COLORS)))
    return findings


def _listed(findings, services, defined):
    for role, variable in _VARIABLES.items():
        for name in services[role]:
            if name not in defined["blue"]:
                hint = nearest(name, defined["blue"])
                if hint.endswith("."):
                    hint = f"{hint[:-1]}; one with profiles is there only if bluegreen_profiles names one of them."
                findings.errors.append(f"{variable} names {name!r}, but the Compose file has no such service{hint}")
    named = {name for role in _VARIABLES for name in services[role]}
    for name in defined["blue"]:
        if name not in named:
            findings.errors.append(
                f"Service {name!r} of the Compose file is in no list: add it to bluegreen_web_services, "
                "bluegreen_support_services, bluegreen_init_services or bluegreen_worker_services, or to "
                "bluegreen_ignored_services if a color is not to start it."
            )


def _early(names, init, defined):
    """Sentences for what cannot run while the old workers do."""
    for name in names:
        if name not in init:
            yield f"bluegreen_init_before_stop names {name!r}, but bluegreen_init_services does not{nearest(name, init)}"
        for other in (defined.get(name) or {}).get("depends_on") or ():
            if name in init and other in init and other not in names:
                yield (
                    f"bluegreen_init_before_stop names {name!r}, which depends_on {other!r}, and that runs when the "
                    f"old workers have stopped: name {other!r} there, too, or take {name!r} out."
                )


def _container_name(findings, name, blue, green):
    if blue and blue == green:
        findings.errors.append(
            f"Service {name} has container_name: {blue}, which only one color could have: take it out, Compose then "
            "names the containers after the project."
        )


def _restarts(service):
    policy = service.get("restart") or (service.get("deploy") or {}).get("restart_policy") or "no"
    return policy != "no"


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
