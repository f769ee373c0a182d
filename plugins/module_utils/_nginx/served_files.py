# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Files that Nginx serves by itself, from folders that the colors write to. Pure decisions, and one look at Nginx."""

from __future__ import annotations

import contextlib
import os
from typing import NamedTuple

from .._compose.bind_mounts import names_release
from .._compose.volumes import places
from .._errors import BluegreenError
from .._validation import COLORS
from . import config as nginx_config


class Served(NamedTuple):
    """A folder of the host that Nginx serves files from, and where its configuration says so."""

    path: str
    place: str


def served(statements: list, prefix: str = "/") -> list:
    """All folders in a configuration that files are served from, as Nginx sees them.

    :param statements: the whole configuration, as :func:`config.load` gives it.
    :param prefix: what paths that do not begin with a slash are relative to.
    """
    return [
        Served(path, statement.place)
        for statement, location in _in_locations(nginx_config.http_statements(statements), "")
        if statement.name in ("root", "alias") and len(statement.words) == 2
        for path in [_folder(statement.words[1], location if statement.name == "root" else "", prefix)]
        if path != "/"
    ]


def _in_locations(statements, location):
    """``(statement, prefix of the location that it stands in)``."""
    for statement in statements:
        yield statement, location
        inner = location
        if statement.name == "location":
            inner = "" if statement.words[1][:1] in "~@" else statement.words[-1]
        yield from _in_locations(statement.block or (), inner)


def _folder(path, location, prefix):
    fixed, variable, dummy = (path + location).partition("$")
    if variable:
        # What comes after the last slash is only the beginning of a name.
        fixed = fixed.rpartition("/")[0]
    return os.path.normpath(os.path.join(prefix, fixed)) if fixed else "/"


def on_host(found: list, mounts: list) -> list:
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


def _is_within(path, folder):
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _on_host(place, docker_root):
    if place.kind == "folder":
        return os.path.join(place.name, place.part).rstrip("/") or "/"
    if place.kind == "volume":
        return os.path.normpath(os.path.join(docker_root, "volumes", place.name, "_data", place.part))
    return ""


def warnings(found: list, rendered: dict, services: list, release: str, docker_root: str) -> list:
    """A sentence for each folder of the colors that Nginx serves files from.

    :param found: what Nginx serves, as :class:`Served`, with paths of the host.
    :param rendered: for each color, the configuration that Compose rendered.
    :param services: those of a color.
    :param release: the one to deploy; a folder with its name belongs to that release alone.
    :param docker_root: where the engine keeps its volumes.
    """
    shared, own = {}, []
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
            f"Nginx serves files from {hit.path} ({hit.place}), and {', '.join(dict.fromkeys(names))} of both colors can write to "
            f"{folder}: right for uploads, but static files that a new release collects there replace those of the live one "
            "before the switch, and a rollback does not bring them back. For these, write ./static/${BG_RELEASE} (and that name in "
            "STATIC_URL), use names with a hash and never clear the folder, or let the web serve them (WhiteNoise)."
            for folder, names in shared.items()
            for hit in [each for each in found if _is_within(each.path, folder) or _is_within(folder, each.path)][:1]
        ),
        *dict.fromkeys(sentence for folders in own for sentence in _of_one_color(found, folders)),
    ]


def _of_one_color(found, folders):
    hits = {color: [each for each in found if folders[color] and _is_within(each.path, folders[color])] for color in COLORS}
    for color, other in (COLORS, COLORS[::-1]):
        if hits[color] and not hits[other]:
            yield (
                f"Nginx serves files from {hits[color][0].path} ({hits[color][0].place}), which only {color} has, so visitors get "
                f"files of {color} while {other} is live: mount one folder into both colors, or let the web serve its files "
                "(WhiteNoise)."
            )


def look(host, seen, rendered: dict, services: list, release: str) -> list:
    """The same sentences for the Nginx that runs; nothing when it cannot be read, which others say.

    :param seen: a :class:`running.Seen`.
    """
    if not any(places(rendered[color], name, writable=False) for color in COLORS for name in services):
        return []
    with contextlib.suppress(BluegreenError, OSError):
        running = seen.running
        found = served(seen.configuration, running.prefix)
        if running.container:
            found = on_host(found, host.engine.inspect(running.container).get("Mounts") or [])
        return warnings(found, rendered, services, release, host.engine.info()["DockerRootDir"]) if found else []
    return []
