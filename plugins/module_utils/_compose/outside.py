# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What a color's services want of services that no color starts. Pure decisions."""

from __future__ import annotations

_KEYS = ("network_mode", "ipc", "pid")


def of_color(rendered: dict, services: list) -> dict:
    """A configuration without dependencies on services that a color does not have.

    Such a service runs elsewhere, or never, so nothing of a color waits for it. Compose, told to create the services of a
    color and no dependencies, leaves these out of a container's hash as well.

    :param rendered: what Compose rendered for a color.
    :param services: the services of a color.
    """
    found = {}
    for name, service in (rendered.get("services") or {}).items():
        needed = service.get("depends_on") or {}
        kept = {other: how for other, how in needed.items() if other in services}
        if name in services and len(kept) < len(needed):
            # In its place: Compose hashes in that order.
            service = {key: kept if key == "depends_on" else value for key, value in service.items()}
            if not kept:
                del service["depends_on"]
        found[name] = service
    return {**rendered, "services": found}


def refusals(defined: dict, known: list, ignored: list) -> list:
    """Sentences for services that cannot be created without one that a color does not have.

    :param defined: the services that Compose rendered for a color.
    :param known: those that a color starts.
    :param ignored: those that it does not.
    """
    return [
        f"Service {name} has {key}: {value}, but {other} is in bluegreen_ignored_services, so a color has no container "
        f"of it: take {key} out, or name {other} in the list of services that fits it."
        for name in known
        for key, value, other in _needs(defined[name])
        if other in ignored
    ]


def _needs(service):
    """``(key, value, service that it names)`` of all that goes to a container of another service."""
    for key in _KEYS:
        value = service.get(key) or ""
        if value.startswith("service:"):
            yield key, value, value.partition(":")[2]
    for key in ("links", "volumes_from"):
        for value in service.get(key) or ():
            yield key, value, value.partition(":")[0]
