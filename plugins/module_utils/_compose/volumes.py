# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Where the services of a color keep their files, and which of these places both colors would write to. Pure decisions."""

from __future__ import annotations

import os
from typing import Callable, NamedTuple

from .._validation import COLORS
from .names import nearest

# Of the system itself; nobody keeps data of an app there.
_SYSTEM = ("/proc", "/sys", "/dev", "/run", "/var/run", "/var/log", "/boot", "/etc", "/lib", "/usr")

# Options of a volume that make it a folder of the host.
_BIND = frozenset(("bind", "rbind"))


class Place(NamedTuple):
    """What a mount leads to: ``kind`` is folder, volume or device; ``part`` is a folder within it."""

    kind: str
    name: str
    part: str = ""


def place_of(mount: dict, volumes: dict, project: str):
    """The :class:`Place` of a mount that Compose rendered, ``None`` for what goes with its container.

    :param volumes: the volumes of that rendering.
    """
    source = mount.get("source")
    if not source or mount.get("type") not in ("bind", "volume"):
        return None
    if mount["type"] == "bind":
        return Place("folder", os.path.normpath(source))
    definition = volumes.get(source) or {}
    part = (mount.get("volume") or {}).get("subpath") or ""
    options = definition.get("driver_opts") or {}
    if options.get("device") and options.get("type") != "tmpfs":
        bound = not _BIND.isdisjoint(_flags(definition))
        name = os.path.normpath(options["device"]) if bound else f"{options.get('o') or ''} {options['device']}".strip()
        return Place("folder" if bound else "device", name, part)
    return Place("volume", definition.get("name") or (source if definition.get("external") else f"{project}_{source}"), part)


def _flags(definition):
    return str((definition.get("driver_opts") or {}).get("o") or "").split(",")


def places(rendered: dict, name: str, writable: bool = True) -> dict:
    """``{where in the container: (mount, place)}`` of a service in one color.

    :param rendered: what Compose rendered for that color.
    :param writable: only of those mounts that the service may write to.
    """
    found = {}
    for mount in (rendered["services"].get(name) or {}).get("volumes") or ():
        place = place_of(mount, rendered.get("volumes") or {}, rendered["name"])
        definition = (rendered.get("volumes") or {}).get(mount.get("source")) or {}
        if place and not (writable and (mount.get("read_only") or "ro" in _flags(definition))):
            found[mount.get("target")] = (mount, place)
    return found


def refusals(rendered: dict, roles: dict, known: list, color_volumes: list, is_file: Callable[[str], bool]) -> list:
    """Sentences against volumes and folders of the host.

    :param rendered: for each color, the configuration that Compose rendered.
    :param roles: for each role, the services.
    :param known: the services of a color.
    :param color_volumes: named volumes of which each color may have its own.
    :param is_file: says of a path of the host whether it is a file.
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


def _written_by_both(rendered, servers, color_volumes, is_file):
    users = {}
    for name in servers:
        found = {color: places(rendered[color], name) for color in COLORS}
        for target, (mount, place) in found["blue"].items():
            if found["green"].get(target, (None, None))[1] == place and not (place.kind == "folder" and _is_harmless(place.name, is_file)):
                names = users.setdefault((place, mount["source"]), [])
                if name not in names:
                    names.append(name)
    for (place, source), names in users.items():
        listed = "" if source in color_volumes else f" and add {source} to bluegreen_color_volumes"
        yield _both_write(place, ", ".join(names), source, (rendered["blue"].get("volumes") or {}).get(source) or {}, listed)


def is_file(path: str) -> bool:
    """Whether a path of the host is a file or a socket; Docker makes a folder of one that is not there."""
    return os.path.exists(path) and not os.path.isdir(path)


def _is_harmless(path, is_file):
    """Whether a path is none in which a server keeps its data: it can be a file of settings, or belong to the system."""
    return path == "/" or any(path == top or path.startswith(f"{top}/") for top in _SYSTEM) or is_file(path)


def _both_write(place, names, source, definition, listed):
    other = f"or add :ro if it only reads there, or run {names} once for both, outside the colors."
    if not definition:
        return (
            f"{place.name} is mounted into {names} of both colors, which would write into it at once: give each color "
            f"its own ({place.name}-${{BG_COLOR}}), {other}"
        )
    if definition.get("external"):
        hint = "take external (and its name) out"
    elif place.kind == "volume":
        hint = "take its name out"
    else:
        hint = "write ${BG_COLOR} into its device"
    return (
        f"Volume {source} ({place.name}) is one and the same for both colors, and {names} of both would write into it "
        f"at once: {hint}{listed}, {other}"
    )


def _empty(rendered, known, color_volumes):
    users = {}
    for name in known:
        found = {color: places(rendered[color], name, writable=False) for color in COLORS}
        for target, (mount, place) in found["blue"].items():
            own = found["green"].get(target, (None, None))[1] != place
            definition = (rendered["blue"].get("volumes") or {}).get(mount["source"]) or {}
            if mount["type"] == "volume" and own and not definition.get("external") and mount["source"] not in color_volumes:
                users.setdefault(mount["source"], []).append(name)
    for volume, names in users.items():
        yield (
            f"Volume {volume} of {', '.join(names)} would be another, empty one in each color: if it holds data, keep "
            "that service outside the colors or make the volume external; if each color may have its own, name it in "
            "bluegreen_color_volumes."
        )
