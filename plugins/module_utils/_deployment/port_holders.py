# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which container or process of this host has a port."""

from __future__ import annotations

from typing import Any, Collection, Optional

from .._docker.containers import PROJECT_LABEL, SERVICE_LABEL
from .._docker.engine import Engine
from .._linux import sockets


def container_on(engine: Engine, port: int) -> Optional[dict[str, Any]]:
    """The running container that publishes a port of this host, as the engine lists it; ``None`` without one."""
    for summary in engine.containers():
        ports = summary.get("Ports") or ()
        if summary.get("State") == "running" and any(each.get("PublicPort") == port for each in ports):
            return summary
    return None


def process_on(port: int) -> str:
    """The process that listens on a port of this host, ``""`` without one."""
    for connection in sockets.connections("self"):
        if connection.state == sockets.LISTENING and connection.local[1] == port:
            return sockets.holder_of(connection.inode) or "a process that cannot be seen from here"
    return ""


def is_taken(engine: Engine, port: int, projects: Collection[str]) -> bool:
    """Whether a port belongs to a container of another project than these, or to a process."""
    container = container_on(engine, port)
    return project_of(container) not in projects if container else bool(process_on(port))


def published_by(engine: Engine, project: str, services: Collection[str]) -> dict[int, str]:
    """``{port: service}`` of the ports that these services of a project publish on the host."""
    return {
        port["PublicPort"]: service_of(summary)
        for summary in engine.containers()
        if project_of(summary) == project and service_of(summary) in services
        for port in summary.get("Ports") or ()
        if port.get("PublicPort")
    }


def project_of(summary: dict[str, Any]) -> str:
    """Name of the Compose project of a listed container, ``""`` without one."""
    return _label(summary, PROJECT_LABEL)


def service_of(summary: dict[str, Any]) -> str:
    """Name of its service, ``""`` without one."""
    return _label(summary, SERVICE_LABEL)


def name_of(summary: dict[str, Any]) -> str:
    """Name of a listed container; its id where it has no name any more, because it is just being removed."""
    names: list[str] = summary.get("Names") or [""]
    return (names[0] or str(summary["Id"])).lstrip("/")


def _label(summary: dict[str, Any], label: str) -> str:
    return str((summary.get("Labels") or {}).get(label, ""))
