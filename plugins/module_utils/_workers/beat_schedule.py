# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The schedule file of beat, which says when each task was last sent, copied from one color's beat to the other's.

Without it a new beat counts every interval from its own start, and a crontab whose minute falls into the gap is never
sent. A scheduler that keeps its state in a database has no such file; RedBeat's moves with the tasks
(:mod:`_broker.redbeat`).
"""

from __future__ import annotations

import contextlib
import posixpath
import re
from typing import Any, Callable, Collection, Iterator, Mapping, Optional, Sequence

from .._celery.roles import Roles, roles_of_listed
from .._docker.containers import Container
from .._docker.engine import Engine, EngineError
from .._host import Host
from .._linux.clock import seconds_of_engine

DEFAULT_NAME = "celerybeat-schedule"
# Python's database modules append these to the name that they are given.
SUFFIXES = ("", ".db", ".dat", ".dir", ".bak", "-wal", "-shm")
# Names that the app's settings are likely to give it instead.
_LIKELY_NAME = re.compile(r"beat[-_.]?schedule[^/]*$")
_CODE = (".py", ".pyc", ".pid", ".log")


def path_in_command(command: Sequence[str]) -> str:
    """The schedule file that a command names (``-s``, ``--schedule``), ``""`` if it does not name one.

    :param command: the words; one of them may be a whole script for a shell.
    """
    words = [word.strip("'\"") for part in command for word in part.split()]
    for index, word in enumerate(words):
        if word in ("-s", "--schedule", "--schedule-filename"):
            return words[index + 1] if index + 1 < len(words) else ""
        for option in ("--schedule=", "--schedule-filename="):
            if word.startswith(option):
                return word[len(option):]
    return ""


def expected_path(inspected: Mapping[str, Any]) -> str:
    """Where the beat of a container keeps its schedule, an absolute path, by the engine's inspect data."""
    command = [inspected.get("Path") or ""] + list(inspected.get("Args") or ())
    folder = inspected["Config"].get("WorkingDir") or "/"
    return posixpath.normpath(posixpath.join(folder, path_in_command(command) or DEFAULT_NAME))


def mount_of(inspected: Mapping[str, Any], path: str) -> Optional[Mapping[str, Any]]:
    """The mount that a path of a container is on, or ``None``; both in the engine's form."""
    mounts: list[Mapping[str, Any]] = [
        mount
        for mount in inspected.get("Mounts") or ()
        if path == mount["Destination"] or path.startswith(mount["Destination"].rstrip("/") + "/")
    ]
    return max(mounts, key=lambda mount: len(mount["Destination"]), default=None)


def files_to_carry(inspected: Mapping[str, Any], changed: Collection[str]) -> list[str]:
    """Paths of a schedule's files in a container.

    :param inspected: the engine's inspect data of it.
    :param changed: the paths that it changed in its own layer. Files on a mount are not among them; for these the path
        of the command counts.
    """
    expected = expected_path(inspected)
    own = {expected + suffix for suffix in SUFFIXES}
    found = [path for path in changed if path in own or _LIKELY_NAME.search(path) and not path.endswith(_CODE)]
    if mount_of(inspected, expected) is not None:
        found += [expected + suffix for suffix in SUFFIXES if expected + suffix not in found]
    return sorted(found)


def target_of(path: str, source: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    """Where a schedule's file belongs in the other beat, ``""`` if it must not be copied.

    :param source, target: the engine's inspect data of both.
    """
    mount = mount_of(target, path)
    if mount is not None:
        if not mount.get("RW", True):
            return ""
        own = mount_of(source, path)
        # Both see the same file already.
        if own is not None and own.get("Source") == mount.get("Source"):
            return ""
    here, there = expected_path(source), expected_path(target)
    if posixpath.basename(here) != posixpath.basename(there):
        # A release that renames the file begins a schedule of its own.
        return ""
    return there + path[len(here):] if path.startswith(here) else path


def _roles_of_stopped(container: Container) -> Roles:
    return roles_of_listed(container.service, container.command)


def carry_schedule(
    host: Host,
    sources: Sequence[Container],
    targets: Sequence[Container],
    roles: Callable[[Container], Roles] = _roles_of_stopped,
) -> list[str]:
    """Copy the schedule files of stopped beats into the beats that take over, which do not run yet.

    :param sources, targets: containers of both colors; those that are not a beat are skipped.
    :param roles: returns the roles of a container.
    :returns: the paths copied.
    """
    copied: list[str] = []
    beats = {container.service: container for container in sources if roles(container).beat}
    for container in targets:
        if not roles(container).beat:
            continue
        source = beats.get(container.service) or (next(iter(beats.values())) if len(beats) == 1 else None)
        if source is not None and source.ever_started and not source.running and not container.running:
            copied += _carry(host, source, container)
    return copied


def _carry(host: Host, source: Container, target: Container) -> list[str]:
    engine = host.engine
    copied: list[str] = []
    with _warning(host, target):
        here, there = engine.inspect(source.id), engine.inspect(target.id)
        # To list the changes of a container, the engine compares whole file systems: 0.3 s for an image of 200 MiB.
        for path in _written(engine, source, here) or files_to_carry(here, engine.changes(source.id)):
            goal = target_of(path, here, there)
            with _warning(host, target):
                archive = engine.archive(source.id, path) if goal else None
                if archive is not None:
                    engine.unpack(target.id, posixpath.dirname(goal), archive)
                    copied.append(goal)
    return copied


def _written(engine: Engine, container: Container, inspected: Mapping[str, Any]) -> list[str]:
    """The files of a schedule that a beat has written at the path of its command; empty if they are elsewhere."""
    expected = expected_path(inspected)
    stamps = {expected + suffix: engine.changed_at(container.id, expected + suffix) for suffix in SUFFIXES}
    # A file of the image is older.
    started = seconds_of_engine(container.started_at)
    return [path for path, stamp in stamps.items() if stamp and seconds_of_engine(stamp) >= started]


@contextlib.contextmanager
def _warning(host: Host, target: Container) -> Iterator[None]:
    """Turn an error of the engine into a warning, because beat runs without its schedule, too."""
    try:
        yield
    except EngineError as error:
        host.warn(
            f"The schedule of beat could not be copied to {target.name} ({error.message.rstrip('.')}): periodic tasks "
            "that were due in the meantime are sent at their next turn."
        )
