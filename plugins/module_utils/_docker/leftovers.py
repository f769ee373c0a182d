# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Networks and volumes of a color that goes: those that somebody else still uses are left, and said."""

from __future__ import annotations

from .containers import PROJECT_LABEL
from .engine import EngineError


def remove_networks(host, project: str) -> None:
    """Remove the networks of a Compose project, as far as nobody else is connected to them."""
    for network in _found(host, host.engine.networks, "networks", project):
        _try(host, host.engine.remove_network, "network", network["Name"])


def remove_volumes(host, project: str) -> None:
    """Remove the named volumes of a Compose project, as far as no other container has them."""
    for volume in _found(host, host.engine.volumes, "volumes", project):
        _try(host, host.engine.remove_volume, "volume", volume["Name"])


def _found(host, ask, kind: str, project: str) -> list:
    try:
        return ask(f"{PROJECT_LABEL}={project}")
    except EngineError as error:
        host.warn(
            f"The {kind} of project {project} are left, because the engine does not list them ({error.message.rstrip('.')}): "
            f"look at docker {kind[:-1]} ls and remove them when it does."
        )
        return []


def _try(host, remove, kind: str, name: str) -> None:
    try:
        remove(name)
    except EngineError as error:
        host.warn(
            f"The {kind} {name} of the color that goes is left, because something else uses it ({error.message.rstrip('.')}): "
            f"remove it when that has gone (docker {kind} rm {name})."
        )
