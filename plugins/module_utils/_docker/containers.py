# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Containers of a color as the collection sees them."""

from __future__ import annotations

from typing import Any, Collection, Mapping, NamedTuple, Optional, Sequence

from .engine import Engine, EngineError

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
NUMBER_LABEL = "com.docker.compose.container-number"
ONEOFF_LABEL = "com.docker.compose.oneoff"
CONFIG_HASH_LABEL = "com.docker.compose.config-hash"

# The order in which a color's services come up.
ROLES = ("support", "init", "web", "workers")


class Container(NamedTuple):
    """One container, read from the engine's inspect data.

    ``status`` is created, running, paused, restarting, exited or dead. ``health`` is starting, healthy or unhealthy,
    empty without a health check. ``started_at`` is the engine's RFC 3339 stamp. ``restart_policy`` has the engine's
    form. ``stop_timeout`` is in seconds, ``None`` for the default. ``cpu_shares`` 0 means the default. ``addresses``
    maps networks to IPs. ``health_test`` is the health check's command in the engine's form, empty without one.
    ``aliases`` are its other names in its networks.
    """

    id: str
    name: str
    project: str
    service: str
    status: str
    health: str
    pid: int
    exit_code: int
    oom_killed: bool
    started_at: str
    restart_count: int
    restart_policy: dict[str, Any]
    stop_signal: str
    stop_timeout: Optional[int]
    cpu_shares: int
    init: bool
    command: list[str]
    environment: dict[str, str]
    image: str
    image_name: str
    config_hash: str
    addresses: dict[str, str]
    health_test: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    hostname: str = ""

    @property
    def running(self) -> bool:
        return self.status in ("running", "paused", "restarting")

    @property
    def ever_started(self) -> bool:
        return not self.started_at.startswith("0001-")


def from_inspect(data: Mapping[str, Any]) -> Container:
    """A :class:`Container` from the engine's inspect data."""
    state, config, host_config = data["State"], data["Config"], data["HostConfig"]
    labels = config.get("Labels") or {}
    networks = data["NetworkSettings"].get("Networks") or {}
    return Container(
        id=data["Id"],
        name=data["Name"].lstrip("/"),
        project=labels.get(PROJECT_LABEL, ""),
        service=labels.get(SERVICE_LABEL, ""),
        status=state["Status"],
        health=(state.get("Health") or {}).get("Status", "").replace("none", ""),
        pid=state["Pid"],
        exit_code=state["ExitCode"],
        oom_killed=state["OOMKilled"],
        started_at=state["StartedAt"],
        restart_count=data["RestartCount"],
        restart_policy=host_config.get("RestartPolicy") or {"Name": "no", "MaximumRetryCount": 0},
        stop_signal=config.get("StopSignal") or "SIGTERM",
        stop_timeout=config.get("StopTimeout"),
        cpu_shares=host_config.get("CpuShares") or 0,
        init=bool(host_config.get("Init")),
        command=[data.get("Path") or ""] + list(data.get("Args") or ()),
        environment=dict(entry.partition("=")[::2] for entry in config.get("Env") or ()),
        image=data["Image"],
        image_name=config["Image"],
        config_hash=labels.get(CONFIG_HASH_LABEL, ""),
        addresses={name: network.get("IPAddress") or "" for name, network in networks.items()},
        health_test=tuple((config.get("Healthcheck") or {}).get("Test") or ()),
        aliases=tuple(alias for network in networks.values() for alias in network.get("Aliases") or ()),
        hostname=config.get("Hostname") or "",
    )


def inspect_container(engine: Engine, container_id: str) -> Container:
    """The container as it is now."""
    return from_inspect(engine.inspect(container_id))


def of_project(engine: Engine, project: str, services: Optional[Collection[str]] = None) -> list[Container]:
    """Containers of a Compose project, sorted by service and number, without those of ``compose run``.

    :param services: names of the services wanted; all of them when ``None``.
    """
    wanted = []
    for summary in engine.containers([f"{PROJECT_LABEL}={project}"]):
        labels = summary["Labels"]
        if labels.get(ONEOFF_LABEL, "False") == "True":
            continue
        if services is None or labels.get(SERVICE_LABEL) in services:
            wanted.append((labels.get(SERVICE_LABEL, ""), int(labels.get(NUMBER_LABEL) or 0), summary["Id"]))
    found = []
    for dummy, dummy, container_id in sorted(wanted):
        try:
            found.append(inspect_container(engine, container_id))
        except EngineError as error:
            # It was removed since the list was made.
            if error.status != 404:
                raise
    return found


def started_services(roles: Mapping[str, Sequence[str]]) -> list[str]:
    """The services that a color starts, in the order of their start.

    :param roles: for each role, the services; other keys, such as ``ignored``, do not count.
    """
    return [name for role in ROLES for name in roles[role]]


def role_of(service: str, services: Mapping[str, Sequence[str]]) -> str:
    """The role of a service, one of :data:`ROLES`, or ``""``; ``services`` maps roles to lists of services."""
    for role in ROLES:
        if service in (services.get(role) or ()):
            return role
    return ""
