# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a Compose file, and where it is silent the image, shows of a service's role. Pure but for the images."""

from __future__ import annotations

from typing import Any, Callable, Collection, Mapping, NamedTuple, Optional

from .._broker.redis import is_redis
from .._celery.roles import Roles, roles_of_command

# The engine's inspect data of an image by its name, ``None`` if the image is not on the host.
ImageOf = Callable[[str], Optional[Mapping[str, Any]]]

_COMPLETED = "service_completed_successfully"


class Traits(NamedTuple):
    """What shows the role of a service.

    :ivar command: entry point and command, as far as Compose file and image tell.
    :ivar image_name: as Compose names it, empty for a build without a name.
    :ivar is_known: whether all of the command is known. It is not if the image has a part in it and is not on the host.
    :ivar is_built: whether the Compose file builds the image.
    :ivar has_color_port: whether the service publishes the port of its color.
    :ivar has_port: whether it publishes any port of the host.
    :ivar restarts: whether it has a restart policy.
    :ivar needs: the services that it depends on.
    :ivar waits_for: those of them that have to complete first.
    :ivar keeps_data: whether it writes to a volume or a folder of the host.
    :ivar is_reached: whether it is on a network on which other projects can be.
    """

    command: tuple[str, ...] = ()
    image_name: str = ""
    is_known: bool = True
    is_built: bool = False
    has_color_port: bool = False
    has_port: bool = False
    restarts: bool = True
    needs: frozenset[str] = frozenset()
    waits_for: frozenset[str] = frozenset()
    keeps_data: bool = False
    is_reached: bool = False

    @property
    def celery(self) -> Roles:
        """What the command starts of Celery."""
        return roles_of_command(self.command)

    @property
    def shows_itself(self) -> bool:
        """Whether the role is certain without the image."""
        return self.has_color_port or self.celery != Roles() or is_redis(self)


def of_rendering(
    rendered: Mapping[str, Any],
    port: int,
    image_of: ImageOf,
    color_volumes: Collection[str] = (),
    listed: Collection[str] = (),
) -> dict[str, Traits]:
    """The traits of each service, by name.

    :param rendered: what Compose rendered for a color.
    :param port: the port of that color.
    :param image_of: asked only for the images of services whose role the Compose file does not show.
    :param color_volumes: named volumes of which each color has its own.
    :param listed: services whose role the user has given, so that their images are not asked for.
    """
    shared = _shared_networks(rendered)
    found = {}
    for name, service in (rendered.get("services") or {}).items():
        traits = _of_service(service, port, color_volumes, shared)
        if name not in listed and not traits.shows_itself:
            image_name = service.get("image") or f"{rendered['name']}-{name}"
            traits = _with_image(traits, service, (image_of(image_name) or {}).get("Config"))
        found[name] = traits
    return found


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
        restarts=policy != "no",
    )


def _of_service(
    service: Mapping[str, Any], port: int, color_volumes: Collection[str], shared: frozenset[str]
) -> Traits:
    needed = service.get("depends_on") or {}
    published = {str(each.get("published") or "0") for each in service.get("ports") or ()} - {"0"}
    words = [*(service.get("entrypoint") or ()), *(service.get("command") or ())]
    policy = service.get("restart") or (service.get("deploy") or {}).get("restart_policy") or "no"
    return Traits(
        # Compose writes $ as $$, so that its output can be read again.
        command=tuple(str(word).replace("$$", "$") for word in words),
        image_name=service.get("image") or "",
        is_built=bool(service.get("build")),
        has_color_port=str(port) in published,
        has_port=bool(published) or service.get("network_mode") == "host",
        restarts=policy != "no",
        needs=frozenset(needed),
        waits_for=frozenset(name for name, how in needed.items() if (how or {}).get("condition") == _COMPLETED),
        keeps_data=any(_keeps(mount, color_volumes) for mount in service.get("volumes") or ()),
        is_reached=not shared.isdisjoint(service.get("networks") or ()),
    )


def _with_image(traits: Traits, service: Mapping[str, Any], config: Optional[Mapping[str, Any]]) -> Traits:
    """The traits with what the image adds: its entry point, its command, and volumes that it declares."""
    has_entry_point = service.get("entrypoint") is not None
    if config is None:
        return traits._replace(is_known=has_entry_point)
    words = traits.command
    # With an entry point of the Compose file, Docker ignores entry point and command of the image.
    if not has_entry_point:
        own = () if service.get("command") is not None else config.get("Cmd") or ()
        words = (*(config.get("Entrypoint") or ()), *words, *own)
    return traits._replace(command=tuple(words), keeps_data=traits.keeps_data or bool(config.get("Volumes")))


def _keeps(mount: Mapping[str, Any], color_volumes: Collection[str]) -> bool:
    if mount.get("type") not in ("volume", "bind") or mount.get("read_only"):
        return False
    return bool(mount.get("source")) and mount["source"] not in color_volumes


def _shared_networks(rendered: Mapping[str, Any]) -> frozenset[str]:
    """The networks that are not the color's own."""
    own = {key: f"{rendered['name']}_{key}" for key in rendered.get("networks") or {}}
    return frozenset(
        key
        for key, network in (rendered.get("networks") or {}).items()
        if (network or {}).get("external") or (network or {}).get("name", own[key]) != own[key]
    )
