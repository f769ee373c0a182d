# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Traits of the services of a Compose file, and of their images where it is silent."""

from __future__ import annotations

import os
import re
import stat
from typing import Any, Callable, Collection, Mapping, Optional

from .traits import ENDING, Traits

# The engine's inspect data of an image by its name, ``None`` if the image is not on the host.
ImageOf = Callable[[str], Optional[Mapping[str, Any]]]
_AMQP = re.compile(r"amqps?://(?:[^@/\s]*@)?([\w.-]+)")
_COMPLETED = "service_completed_successfully"


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
    amqp = _hosts_of_amqp(rendered.get("services") or {})
    return {name: traits._replace(speaks_amqp=name in amqp) for name, traits in found.items()}


def _of_service(
    service: Mapping[str, Any], port: int, color_volumes: Collection[str], shared: frozenset[str]
) -> Traits:
    needed = service.get("depends_on") or {}
    published = {str(each.get("published") or "0") for each in service.get("ports") or ()} - {"0"}
    words = [*(service.get("entrypoint") or ()), *(service.get("command") or ())]
    of_deploy = (service.get("deploy") or {}).get("restart_policy")
    policy = service.get("restart") or (of_deploy.get("condition") or "any" if of_deploy else "no")
    return Traits(
        # Compose writes $ as $$, so that its output can be read again.
        command=tuple(str(word).replace("$$", "$") for word in words),
        image_name=service.get("image") or "",
        is_built=bool(service.get("build")),
        has_color_port=str(port) in published,
        has_port=bool(published) or service.get("network_mode") == "host",
        exposes=bool(service.get("expose")),
        restarts=policy.partition(":")[0] not in ENDING,
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


def _hosts_of_amqp(services: Mapping[str, Any]) -> set[str]:
    """The hosts in all URLs of AMQP that services get as variables or in their commands."""
    texts = [
        str(text)
        for service in services.values()
        for text in (
            *(service.get("environment") or {}).values(),
            *(service.get("entrypoint") or ()),
            *(service.get("command") or ()),
        )
    ]
    return {host for text in texts for host in _AMQP.findall(text)}


def _keeps(mount: Mapping[str, Any], color_volumes: Collection[str]) -> bool:
    source = mount.get("source")
    if mount.get("type") not in ("volume", "bind") or mount.get("read_only") or not source:
        return False
    # Files such as /etc/localtime, and a socket, such as Docker's, hold nothing that the service keeps.
    return source not in color_volumes and not (source.startswith(("/etc/", "/dev/")) or _is_socket(source))


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def _shared_networks(rendered: Mapping[str, Any]) -> frozenset[str]:
    """The networks that are not the color's own."""
    own = {key: f"{rendered['name']}_{key}" for key in rendered.get("networks") or {}}
    return frozenset(
        key
        for key, network in (rendered.get("networks") or {}).items()
        if (network or {}).get("external") or (network or {}).get("name", own[key]) != own[key]
    )
