# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What shows the role of a service; ``traits_of_files.py`` reads it from the Compose file and the images. Pure."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from .._broker.redis_by_name import is_surely_redis
from .._celery.roles import Roles, roles_of_command

# Restart policies of a container, and conditions of one, with which it stays down when it has ended well.
ENDING = ("no", "none", "on-failure")


class Traits(NamedTuple):
    """What shows the role of a service.

    :ivar command: entry point and command, as far as Compose file and image tell.
    :ivar image_name: as Compose names it, empty for a build without a name.
    :ivar is_known: whether all of the command is known. It is not if the image has a part in it and is not on the host.
    :ivar is_built: whether the Compose file builds the image.
    :ivar has_color_port: whether the service publishes the port of its color.
    :ivar has_port: whether it publishes any port of the host.
    :ivar exposes: whether the Compose file exposes a port of it to the other services.
    :ivar restarts: whether Docker starts it again when it has ended well.
    :ivar needs: the services that it depends on.
    :ivar waits_for: those of them that have to complete first.
    :ivar keeps_data: whether it writes to a volume or a folder of the host.
    :ivar is_reached: whether it is on a network on which other projects can be.
    :ivar speaks_amqp: whether a service asks for it by a URL of AMQP, as for RabbitMQ.
    """

    command: tuple[str, ...] = ()
    image_name: str = ""
    is_known: bool = True
    is_built: bool = False
    has_color_port: bool = False
    has_port: bool = False
    exposes: bool = False
    restarts: bool = True
    needs: frozenset[str] = frozenset()
    waits_for: frozenset[str] = frozenset()
    keeps_data: bool = False
    is_reached: bool = False
    speaks_amqp: bool = False

    @property
    def celery(self) -> Roles:
        """What the command starts of Celery."""
        return roles_of_command(self.command)

    @property
    def shows_itself(self) -> bool:
        """Whether the role is certain without the image."""
        return self.has_color_port or self.celery != Roles() or is_surely_redis(self)


def of_container(body: Mapping[str, Any], port: int) -> Traits:
    """The traits of a container that exists.

    :param body: the engine's ``Config`` of it, with its ``HostConfig`` as a further key.
    :param port: the port of its color.
    """
    bindings = (body["HostConfig"].get("PortBindings") or {}).values()
    ports = {each.get("HostPort") for binding in bindings for each in binding or ()}
    policy = (body["HostConfig"].get("RestartPolicy") or {}).get("Name") or "no"
    return Traits(
        command=(*(body.get("Entrypoint") or ()), *(body.get("Cmd") or ())),
        image_name=body.get("Image") or "",
        has_color_port=str(port) in ports,
        has_port=bool(ports),
        restarts=policy not in ENDING,
    )
