# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Rules for a Compose file of which two colors run side by side. Pure decisions."""

from __future__ import annotations

from typing import Any, Callable, Collection, Iterator, Mapping, NamedTuple, Optional, Sequence

from .._docker.containers import ROLES, started_services
from .._module.settings import AUTO
from .._settings import variable_of
from .._validation import COLORS
from . import (
    networks as compose_networks,
    outside as compose_outside,
    ports as compose_ports,
    proxy_labels,
    volumes as compose_volumes,
)
from .names import nearest

_VARIABLES = {role: variable_of(role) for role in (*ROLES, "ignored")}


class Findings(NamedTuple):
    """Sentences: ``errors`` stop the deployment before anything is touched, ``warnings`` do not."""

    errors: list[str]
    warnings: list[str]


def examine(
    rendered: Mapping[str, dict[str, Any]],
    services: Mapping[str, Sequence[str]],
    ports: Mapping[str, int],
    color_volumes: Sequence[str] = (),
    is_file: Callable[[str], bool] = compose_volumes.is_file,
    nginx_servers: Optional[Mapping[str, str]] = None,
    init_before_stop: Collection[str] = (),
) -> Findings:
    """Look for settings that two colors cannot both have.

    :param rendered: for each color, the configuration that Compose rendered.
    :param services: for each role and ``ignored``, the services.
    :param ports: for each color, its host port.
    :param color_volumes: named volumes of which each color may have its own.
    :param is_file: whether a path of the host is a file or a socket.
    :param nginx_servers: for each color, the name and port at which an Nginx in a container finds it.
    :param init_before_stop: the init services that run while the old workers do.
    """
    findings = Findings([], [])
    defined = {color: rendered[color].get("services") or {} for color in COLORS}
    known = [name for name in started_services(services) if all(name in defined[color] for color in COLORS)]

    _listed(findings, services, defined)
    findings.errors.extend(_early(init_before_stop, services["init"], defined["blue"]))
    web = next(iter(services["web"]), "")
    for name in known:
        _container_name(findings, name, *(defined[color][name].get("container_name") for color in COLORS))
        if name not in services["init"] and not _restarts(defined["blue"][name]):
            findings.warnings.append(
                f"Service {name} has no restart policy, so it would not restart after a reboot: give it restart: "
                "unless-stopped."
            )
    findings.errors.extend(compose_ports.refusals(defined, known, web, ports, services["init"]))
    findings.errors.extend(compose_volumes.refusals(rendered, services, known, color_volumes, is_file))
    findings.errors.extend(compose_networks.refusals(rendered, services, known, nginx_servers))
    findings.errors.extend(compose_outside.refusals(defined["blue"], known, services["ignored"]))
    findings.warnings.extend(compose_networks.warnings(rendered, services, known))
    if web in known:
        findings.warnings.extend(compose_ports.warnings(defined, web, ports))
        findings.warnings.extend(proxy_labels.warnings(web, *(defined[color][web] for color in COLORS)))
    return findings


def _listed(
    findings: Findings, services: Mapping[str, Sequence[str]], defined: Mapping[str, dict[str, Any]]
) -> None:
    for role, variable in _VARIABLES.items():
        for name in services[role]:
            if name not in defined["blue"]:
                hint = nearest(name, defined["blue"], "" if role == "ignored" else AUTO[0])
                if hint.endswith("."):
                    hint += (
                        " A service that has profiles exists only if bluegreen_profiles names one of its profiles."
                    )
                findings.errors.append(f"{variable} names {name!r}, but the Compose file has no such service{hint}")


def _early(names: Collection[str], init: Sequence[str], defined: dict[str, Any]) -> Iterator[str]:
    """Sentences for init services that cannot run while the old workers do."""
    for name in names:
        if name not in init:
            hint = nearest(name, init)
            yield f"bluegreen_init_before_stop names {name!r}, but bluegreen_init_services does not{hint}"
        for other in (defined.get(name) or {}).get("depends_on") or ():
            if name in init and other in init and other not in names:
                yield (
                    f"bluegreen_init_before_stop names {name!r}, which depends_on {other!r}, but {other!r} runs only "
                    f"after the old workers have stopped: name {other!r} as well, or remove {name!r}."
                )


def _container_name(findings: Findings, name: str, blue: Optional[str], green: Optional[str]) -> None:
    if blue and blue == green:
        findings.errors.append(
            f"Service {name} has container_name: {blue}, which only one color can have: remove it, so that Compose "
            "names the containers after the project."
        )


def _restarts(service: Mapping[str, Any]) -> bool:
    policy = service.get("restart") or (service.get("deploy") or {}).get("restart_policy") or "no"
    return bool(policy != "no")


def builds_without_image(rendered: dict[str, Any], services: Mapping[str, Sequence[str]]) -> list[str]:
    """Services that are built without ``image:``, so that the tag always means the latest build."""
    # The checks refuse a name that the file does not have.
    found = {name: rendered["services"].get(name) or {} for name in started_services(services)}
    return [name for name, service in found.items() if service.get("build") and not service.get("image")]


def images(rendered: dict[str, Any], services: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """For each service of a color, the name of its image; without ``image:``, the name that Compose gives a build."""
    return {
        name: rendered["services"][name].get("image") or f"{rendered['name']}-{name}"
        for name in started_services(services)
        if name in rendered["services"]
    }
