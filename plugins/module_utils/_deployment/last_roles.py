# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The roles of services where no Compose file is read: those of the last deployment, else what containers show."""

from __future__ import annotations

from typing import Any, Mapping

from .._compose import service_roles, traits as compose_traits
from .._docker.containers import ROLES, Container
from .._docker.engine import Engine
from .._journal import settings_file
from .._journal.history import history_of
from .._journal.store import Store
from .._journal.strict_json import Unreadable
from .._settings import Settings


def roles_of_last(store: Store) -> dict[str, str]:
    """For each service of the last deployment its role; empty before the first one."""
    try:
        services = settings_file.read(store)["settings"]["services"]
    except (FileNotFoundError, Unreadable):
        return {}
    return {name: role for role in ROLES for name in services[role]}


def of_kept(settings: Settings, store: Store, kept: Mapping[str, Any]) -> dict[str, list[str]]:
    """The services of the color that was kept stopped, by role.

    :param kept: its snapshot, as :func:`file.kept_color`.
    """
    port = settings.ports[kept["color"]]
    traits = {each["service"]: compose_traits.of_container(each["body"], port) for each in kept["containers"]}
    known = {**roles_of_last(store), **dict.fromkeys(kept.get("workers") or (), "workers")}
    return service_roles.of_containers(traits, settings.given, known)


def of_color(
    settings: Settings, store: Store, engine: Engine, color: str, containers: list[Container]
) -> dict[str, list[str]]:
    """The services of a color by role: those of the last deployment, and others as their containers show them.

    :param containers: those of the color.
    """
    known, there = roles_of_last(store), {each.service for each in containers}
    last = (history_of(store, 1) or [{}])[0]
    if last.get("result") in ("rolled_back", "failed"):
        # The color is of an earlier release, which need not have had all services of the last one.
        known = {name: role for name, role in known.items() if name in there}
    traits = {}
    for each in containers:
        if each.service not in known:
            inspected = engine.inspect(each.id)
            body = {**inspected["Config"], "HostConfig": inspected["HostConfig"]}
            traits[each.service] = compose_traits.of_container(body, settings.ports[color])
    return service_roles.of_containers(traits, settings.given, known)
