# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Dependencies of a color's services on services that no color starts. Pure decisions."""

from __future__ import annotations

from typing import Any, Collection, Iterator, Mapping, Sequence

_KEYS = ("network_mode", "ipc", "pid")


def of_color(rendered: dict[str, Any], services: Collection[str]) -> dict[str, Any]:
    """A configuration without dependencies on services outside the color.

    Such a service runs elsewhere, or never, so no service of a color waits for it. When Compose creates the services of
    a color without their dependencies, it also leaves these out of a container's hash.

    :param rendered: what Compose rendered for a color.
    :param services: the services of a color.
    """
    found = {}
    for name, service in (rendered.get("services") or {}).items():
        needed = service.get("depends_on") or {}
        kept = {other: how for other, how in needed.items() if other in services}
        if name in services and len(kept) < len(needed):
            # The order of the keys stays, because Compose hashes in that order.
            service = {key: kept if key == "depends_on" else value for key, value in service.items()}
            if not kept:
                del service["depends_on"]
        found[name] = service
    return {**rendered, "services": found}


def refusals(defined: Mapping[str, dict[str, Any]], known: Sequence[str], ignored: Collection[str]) -> list[str]:
    """Sentences for services that cannot be created without a service outside the color.

    :param defined: the services that Compose rendered for a color.
    :param known: the services that a color starts.
    :param ignored: the services that a color does not start.
    """
    return [
        f"Service {name} has {key}: {value}, but {other} is in bluegreen_ignored_services, so a color has no container "
        f"of it: remove {key}, or name {other} in another list of services instead."
        for name in known
        for key, value, other in _needs(defined[name])
        if other in ignored
    ]


def _needs(service: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """``(key, value, named service)`` of each setting that needs a container of another service."""
    for key in _KEYS:
        value = service.get(key) or ""
        if value.startswith("service:"):
            yield key, value, value.partition(":")[2]
    for key in ("links", "volumes_from"):
        for value in service.get(key) or ():
            yield key, value, value.partition(":")[0]
