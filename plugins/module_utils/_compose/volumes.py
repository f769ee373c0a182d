# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The places where services keep their files, and which of them both colors would write to. Pure decisions."""

from __future__ import annotations

import os
from typing import Any, Callable, Collection, Iterator, Mapping, NamedTuple, Optional, Sequence

from .._validation import COLORS
from .._words import agree, joined
from .names import nearest

# Folders of the system, in which no app keeps its data.
_SYSTEM = ("/proc", "/sys", "/dev", "/run", "/var/run", "/var/log", "/boot", "/etc", "/lib", "/usr")

# Mount options that make a volume a folder of the host.
_BIND = frozenset(("bind", "rbind"))


class Place(NamedTuple):
    """The target of a mount: ``kind`` is folder, volume or device; ``part`` is a folder within it."""

    kind: str
    name: str
    part: str = ""


class Mount(NamedTuple):
    """A mount as Compose rendered it, and its place."""

    data: dict[str, Any]
    place: Place


def _place_of(mount: Mapping[str, Any], rendered: Mapping[str, Any]) -> Optional[Place]:
    """The :class:`Place` of a mount, ``None`` if it is removed with its container.

    :param rendered: what Compose rendered, with the mount in it.
    """
    source = mount.get("source")
    if not source or mount.get("type") not in ("bind", "volume"):
        return None
    if mount["type"] == "bind":
        return Place("folder", os.path.normpath(source))
    definition = _definition(rendered, source)
    part = (mount.get("volume") or {}).get("subpath") or ""
    options = definition.get("driver_opts") or {}
    if options.get("device") and options.get("type") != "tmpfs":
        bound = not _BIND.isdisjoint(_flags(definition))
        name = os.path.normpath(options["device"]) if bound else f"{options.get('o') or ''} {options['device']}".strip()
        return Place("folder" if bound else "device", name, part)
    name = definition.get("name") or (source if definition.get("external") else f"{rendered['name']}_{source}")
    return Place("volume", name, part)


def _flags(definition: Mapping[str, Any]) -> list[str]:
    return str((definition.get("driver_opts") or {}).get("o") or "").split(",")


def _definition(rendered: Mapping[str, Any], volume: Optional[str]) -> dict[str, Any]:
    """The definition of a named volume; empty for a folder of the host, and for a volume without settings."""
    definition: dict[str, Any] = (rendered.get("volumes") or {}).get(volume) or {}
    return definition


def places(rendered: dict[str, Any], name: str, writable: bool = True) -> dict[str, Mount]:
    """For each path in the container of a service, the mount there.

    :param rendered: what Compose rendered for one color.
    :param writable: leave out mounts that the service cannot write to.
    """
    found: dict[str, Mount] = {}
    for mount in (rendered["services"].get(name) or {}).get("volumes") or ():
        place = _place_of(mount, rendered)
        definition = _definition(rendered, mount.get("source"))
        if place and not (writable and (mount.get("read_only") or "ro" in _flags(definition))):
            found[mount.get("target") or ""] = Mount(mount, place)
    return found


def refusals(
    rendered: Mapping[str, dict[str, Any]],
    roles: Mapping[str, Sequence[str]],
    known: Sequence[str],
    color_volumes: Sequence[str],
    is_file: Callable[[str], bool],
) -> list[str]:
    """Sentences against volumes and folders of the host.

    :param rendered: for each color, the configuration that Compose rendered.
    :param roles: for each role, the services.
    :param known: the services of a color.
    :param color_volumes: named volumes of which each color may have its own.
    :param is_file: whether a path of the host is a file.
    """
    servers = [name for name in known if name in roles["support"]]
    return [
        *_written_by_both(rendered, servers, color_volumes, is_file),
        *_empty(rendered, known, color_volumes),
        *(
            f"bluegreen_color_volumes names {volume!r}, but the Compose file has no such volume"
            f"{nearest(volume, rendered['blue'].get('volumes') or {})}"
            for volume in color_volumes
            if volume not in (rendered["blue"].get("volumes") or {})
        ),
    ]


def _written_by_both(
    rendered: Mapping[str, dict[str, Any]],
    servers: Sequence[str],
    color_volumes: Collection[str],
    is_file: Callable[[str], bool],
) -> Iterator[str]:
    users: dict[tuple[Place, str], list[str]] = {}
    for name in servers:
        found = {color: places(rendered[color], name) for color in COLORS}
        for target, (mount, place) in found["blue"].items():
            is_harmless = place.kind == "folder" and _is_harmless(place.name, is_file)
            if _place_at(found["green"], target) == place and not is_harmless:
                names = users.setdefault((place, mount["source"]), [])
                if name not in names:
                    names.append(name)
    for (place, source), names in users.items():
        listed = "" if source in color_volumes else f" and add {source} to bluegreen_color_volumes"
        definition = _definition(rendered["blue"], source)
        yield _both_write(place, names, source, definition, listed)


def _place_at(mounts: Mapping[str, Mount], target: str) -> Optional[Place]:
    return mounts[target].place if target in mounts else None


def is_file(path: str) -> bool:
    """Whether a path of the host is a file or a socket; Docker creates a folder at a path that does not exist."""
    return os.path.exists(path) and not os.path.isdir(path)


def _is_harmless(path: str, is_file: Callable[[str], bool]) -> bool:
    """Whether no server keeps its data at a path, because it is a file or belongs to the system."""
    return path == "/" or any(path == top or path.startswith(f"{top}/") for top in _SYSTEM) or is_file(path)


def _both_write(
    place: Place, services: Sequence[str], source: str, definition: Mapping[str, Any], listed: str
) -> str:
    names, only = joined(services), agree(services, "the service only reads", "the services only read")
    other = f"or add :ro if {only} it, or run {names} once, {_elsewhere(services)}."
    if not definition:
        return (
            f"{place.name} is mounted into {names} of both colors, which would write to it at the same time: give each "
            f"color its own ({place.name}-${{BG_COLOR}}), {other}"
        )
    if definition.get("external"):
        hint = "remove external: (and name:) from the volume"
    elif place.kind == "volume":
        hint = "remove name: from the volume"
    else:
        hint = "write ${BG_COLOR} into its device"
    return (
        f"Volume {source} ({place.name}) is the same for both colors, and {names} of both would write to it at the "
        f"same time: {hint}{listed}, {other}"
    )


def _elsewhere(services: Sequence[str]) -> str:
    return f"in a Compose project of {agree(services, 'its', 'their')} own"


def _empty(
    rendered: Mapping[str, dict[str, Any]], known: Sequence[str], color_volumes: Collection[str]
) -> Iterator[str]:
    users: dict[str, list[str]] = {}
    for name in known:
        found = {color: places(rendered[color], name, writable=False) for color in COLORS}
        for target, (mount, place) in found["blue"].items():
            if mount["type"] != "volume" or _place_at(found["green"], target) == place:
                continue
            is_external = _definition(rendered["blue"], mount["source"]).get("external")
            if not is_external and mount["source"] not in color_volumes:
                users.setdefault(mount["source"], []).append(name)
    for volume, names in users.items():
        yield (
            f"Volume {volume} of {joined(names)} would be a separate, empty volume in each color: if it contains "
            f"data, make it external, or run {joined(names)} {_elsewhere(names)}; if each color may have its own, "
            "name it in bluegreen_color_volumes."
        )
