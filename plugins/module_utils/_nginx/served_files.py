# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Files that Nginx serves by itself, from folders that the colors write to."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Iterable, Iterator, NamedTuple

from .._compose.bind_mounts import names_release
from .._compose.volumes import Place, places
from .._errors import BluegreenError
from .._host import Host
from .._validation import COLORS
from .._words import joined
from . import config as nginx_config
from .config import Statement
from .running import Seen


class Served(NamedTuple):
    """A folder that Nginx serves files from, and the ``file:line`` that says so."""

    path: str
    place: str


def served(statements: list[Statement], prefix: str = "/") -> list[Served]:
    """The folders that a configuration serves files from, as Nginx sees them.

    :param statements: the whole configuration, as :func:`config.load` gives it.
    :param prefix: the folder that relative paths begin at.
    """
    return [
        Served(path, statement.place)
        for statement, location in _in_locations(nginx_config.http_statements(statements), "")
        if statement.name in ("root", "alias") and len(statement.words) == 2
        for path in [_folder(statement.words[1], location if statement.name == "root" else "", prefix)]
        if path != "/"
    ]


def _in_locations(statements: Iterable[Statement], location: str) -> Iterator[tuple[Statement, str]]:
    """``(statement, prefix of the location that it stands in)``."""
    for statement in statements:
        yield statement, location
        inner = location
        if statement.name == "location":
            inner = "" if statement.words[1][:1] in "~@" else statement.words[-1]
        yield from _in_locations(statement.inside, inner)


def _folder(path: str, location: str, prefix: str) -> str:
    fixed, variable, dummy = (path + location).partition("$")
    if variable:
        # The part after the last slash is only the beginning of a name.
        fixed = fixed.rpartition("/")[0]
    return os.path.normpath(os.path.join(prefix, fixed)) if fixed else "/"


def on_host(found: list[Served], mounts: list[dict[str, Any]]) -> list[Served]:
    """The folders of an Nginx in a container as the host sees them; those of its image are left out.

    :param mounts: those of the container's inspect data.
    """
    seen = []
    for each in found:
        for mount in sorted(mounts, key=lambda mount: len(mount.get("Destination") or ""), reverse=True):
            if mount.get("Source") and _is_within(each.path, mount["Destination"]):
                below = os.path.relpath(each.path, mount["Destination"])
                seen.append(each._replace(path=os.path.normpath(os.path.join(mount["Source"], below))))
                break
    return seen


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _on_host(place: Place, docker_root: str) -> str:
    """The path on the host of a place in a container, empty for a tmpfs."""
    if place.kind == "folder":
        return os.path.join(place.name, place.part).rstrip("/") or "/"
    if place.kind == "volume":
        return os.path.normpath(os.path.join(docker_root, "volumes", place.name, "_data", place.part))
    return ""


def warnings(
    found: list[Served], rendered: dict[str, dict[str, Any]], services: list[str], release: str, docker_root: str
) -> list[str]:
    """A sentence for each folder of the colors that Nginx serves files from.

    :param found: the folders that Nginx serves, with paths of the host.
    :param rendered: for each color, the configuration that Compose rendered.
    :param services: those of a color.
    :param release: the one to deploy; a folder with its name belongs to that release alone.
    :param docker_root: the folder in which the engine keeps its volumes.
    """
    shared: dict[str, list[str]] = {}
    own: list[dict[str, str]] = []
    for name in services:
        written = places(rendered["blue"], name)
        for target, (dummy, place) in places(rendered["blue"], name, writable=False).items():
            other = places(rendered["green"], name, writable=False).get(target, (None, None))[1]
            folders = {"blue": _on_host(place, docker_root), "green": _on_host(other, docker_root) if other else ""}
            if folders["blue"] != folders["green"]:
                own.append(folders)
            elif folders["blue"] and target in written and not names_release(folders["blue"], release):
                shared.setdefault(folders["blue"], []).append(name)
    return [
        *(
            f"Nginx serves files from {hit.path} ({hit.place}), and {joined([*dict.fromkeys(names)])} of both colors "
            f"can write to {folder}. That is right for uploads. But if a new release collects its static files there, "
            "they replace those of the live release before the switch, and a rollback does not bring them back: write "
            "./static/${BG_RELEASE} (and that name in STATIC_URL), use names with a hash and never clear the folder, "
            "or let the web serve them (WhiteNoise)."
            for folder, names in shared.items()
            for hit in [each for each in found if _is_within(each.path, folder) or _is_within(folder, each.path)][:1]
        ),
        *dict.fromkeys(sentence for folders in own for sentence in _of_one_color(found, folders)),
    ]


def _of_one_color(found: list[Served], folders: dict[str, str]) -> Iterator[str]:
    hits = {
        color: [each for each in found if folders[color] and _is_within(each.path, folders[color])] for color in COLORS
    }
    for color, other in (COLORS, COLORS[::-1]):
        if hits[color] and not hits[other]:
            yield (
                f"Nginx serves files from {hits[color][0].path} ({hits[color][0].place}), which only {color} has, so "
                f"visitors get files of {color} while {other} is live: mount one folder into both colors, or let the "
                "web serve its files (WhiteNoise)."
            )


def find_warnings(
    host: Host, seen: Seen, rendered: dict[str, dict[str, Any]], services: list[str], release: str
) -> list[str]:
    """The same sentences for the Nginx that runs; none when its configuration cannot be read, which preflight says."""
    if not any(places(rendered[color], name, writable=False) for color in COLORS for name in services):
        return []
    with contextlib.suppress(BluegreenError, OSError):
        running = seen.running
        found = served(seen.configuration, running.prefix)
        if running.container:
            found = on_host(found, host.engine.inspect(running.container).get("Mounts") or [])
        return warnings(found, rendered, services, release, host.engine.info()["DockerRootDir"]) if found else []
    return []
