# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Networks and volumes of a removed color: those that other containers still use are kept, with a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from .containers import PROJECT_LABEL
from .engine import EngineError

if TYPE_CHECKING:
    from .._host import Host


def remove_networks(host: Host, project: str) -> None:
    """Remove the networks of a Compose project; a network with containers of others is kept."""
    for network in _found(host, host.engine.networks, "networks", project):
        _try(host, host.engine.remove_network, "network", network["Name"])


def remove_volumes(host: Host, project: str) -> None:
    """Remove the named volumes of a Compose project; a volume that another container uses is kept."""
    for volume in _found(host, host.engine.volumes, "volumes", project):
        _try(host, host.engine.remove_volume, "volume", volume["Name"])


def _found(
    host: Host, ask: Callable[[str], list[dict[str, Any]]], kind: str, project: str
) -> list[dict[str, Any]]:
    try:
        return ask(f"{PROJECT_LABEL}={project}")
    except EngineError as error:
        host.warn(
            f"The {kind} of project {project} were not removed, because the engine does not list them "
            f"({error.message.rstrip('.')}): list them later with docker {kind[:-1]} ls, and remove them."
        )
        return []


def _try(host: Host, remove: Callable[[str], None], kind: str, name: str) -> None:
    try:
        remove(name)
    except EngineError as error:
        host.warn(
            f"The {kind} {name} of the removed color was kept, because something else uses it "
            f"({error.message.rstrip('.')}): remove it once it is unused (docker {kind} rm {name})."
        )
