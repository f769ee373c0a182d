# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Services that use something of another service's container: its network, processes or volumes. Pure.

Compose puts that container's id into a service before it hashes the service and creates its container.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from .._docker.containers import Container

_NAMESPACES = ("network_mode", "pid", "ipc")


def resolve(rendered: dict[str, Any], containers: Iterable[Container]) -> dict[str, Any]:
    """A rendered configuration whose references to services are replaced by container ids, as Compose hashes it.

    :param rendered: the configuration of a color.
    :param containers: those of the color; a reference to a service without a container is kept.
    """
    first: dict[str, str] = {}
    for container in sorted(containers, key=lambda each: each.name):
        first.setdefault(container.service, container.id)
    services = {name: _resolved(service, first) for name, service in (rendered.get("services") or {}).items()}
    return {**rendered, "services": services}


def _resolved(service: dict[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for key in _NAMESPACES:
        kind, dummy, target = (service.get(key) or "").partition(":")
        if kind == "service" and target in ids:
            changed[key] = f"container:{ids[target]}"
    if service.get("volumes_from"):
        changed["volumes_from"] = [_volumes_from(each, ids) for each in service["volumes_from"]]
    return {**service, **changed}


def _volumes_from(reference: str, ids: Mapping[str, str]) -> str:
    """The id of a container; Compose drops the mode and the prefix ``container:`` here."""
    words = reference.split(":")
    return words[1] if words[0] == "container" and len(words) > 1 else ids.get(words[0], reference)
