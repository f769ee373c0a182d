# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The master process of Nginx, how it was started, and its children.

The title of a process and the program that it runs tell that it is a master; the root of its files tells that it runs
on this host, because /proc shows the masters of containers as well. A pid file alone is not enough: a stale one may
name a process that a reload would kill.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from .._commands import command
from .._errors import BluegreenError
from .._linux.processes import arguments_of, command_of, process_start, stat_of
from . import config as nginx_config

# systemd starts the guard with a PATH that may lack these.
_FOLDERS = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/local/nginx/sbin",
    "/usr/local/openresty/nginx/sbin",
    "/usr/bin",
    "/usr/local/bin",
)
_MASTER_TITLE = "nginx: master process "
_DRAINING_TITLE = "is shutting down"
# The kernel's PF_FORKNOEXEC among the flags of a process.
_FORKED_WITHOUT_EXEC = 0x40
_START_OPTION = re.compile(r"(?:^| )(-[pcge]) ")


class NginxWorker(NamedTuple):
    """A child of the master: a worker process, or one that tends the cache.

    ``started`` is its start time in clock ticks after boot; ``draining`` is whether it accepts no more requests and
    only finishes those from before a reload.
    """

    pid: int
    started: int
    draining: bool = False

    @property
    def identity(self) -> tuple[int, int]:
        """The pid with the start time, because the kernel gives pids out again."""
        return self.pid, self.started


def program(name: str) -> str:
    """The full path of Nginx's program; empty when it is not installed."""
    for folder in os.environ.get("PATH", "").split(os.pathsep) + list(_FOLDERS):
        path = os.path.join(folder, name)
        if folder and os.access(path, os.X_OK):
            return path
    return ""


def require_installed() -> None:
    """Refuse a host on which no Nginx is installed.

    :raises BluegreenError: it says so.
    """
    if not program("nginx") and not program("openresty"):
        raise BluegreenError(
            f"Nginx is not installed on this host: install it with {command('prepare')}, or, if it runs in a "
            "container, set bluegreen_nginx_container to the name of that container."
        )


def program_of(pid: int | str) -> str:
    """The path by which the program of a process can be run again.

    :raises OSError: the process is gone.
    """
    # An upgrade of the package leaves "(deleted)" behind the path of the program that still runs.
    path = os.readlink(f"/proc/{pid}/exe").split(" (deleted)")[0]
    return path if os.access(path, os.X_OK) else f"/proc/{pid}/exe"


def build_argument(build: str, name: str) -> str:
    """The value of ``--name=`` that Nginx was built with, from the output of ``nginx -V``; empty without it."""
    match = re.search(rf"--{re.escape(name)}=(\S+)", build)
    return match.group(1) if match else ""


def option(argv: list[str], name: str) -> str:
    """The value that a command line gives for an option, empty without it."""
    return argv[argv.index(name) + 1] if name in argv[:-1] else ""


def start_arguments(title: str) -> list[str]:
    """The arguments that a master was started with, from its title.

    Every other call of Nginx needs the same ones; without them it would read another configuration. The title joins
    them with blanks, and the value of ``-g`` contains blanks itself.
    """
    _binary, blank, rest = title[len(_MASTER_TITLE):].strip().partition(" ")
    pieces = _START_OPTION.split(" " + rest)
    arguments: list[str] = []
    for name, value in zip(pieces[1::2], pieces[2::2]):
        arguments += [name, value.strip()]
    return arguments


def pid_file_in(text: str, file: str) -> str:
    """The pid file that a main configuration file names, empty when it names none or cannot be understood.

    :param file: the path of the configuration, for messages.
    """
    try:
        statements = nginx_config.parse(text, file)
    except nginx_config.ConfigError:
        return ""
    return next((statement.words[1] for statement in statements if statement.name == "pid"), "")


def written_in(pid: int, path: str) -> str:
    """The content of a pid file, as the process ``pid`` sees it; empty when it is missing."""
    try:
        return read_as(pid, path).strip()
    except OSError:
        return ""


def read_as(pid: int, path: str) -> str:
    """The text of a file as a process sees it, which may have its own view of the files.

    :raises OSError: it cannot be read.
    """
    try:
        with open(f"/proc/{pid}/root{path}", encoding="utf-8", errors="replace") as source:
            return source.read()
    except OSError:
        # A link in the path is resolved by this process, outside of that view.
        with open(path, encoding="utf-8", errors="replace") as source:
            return source.read()


def check_pid_file(pid: int, path: str) -> None:
    """Refuse a pid file that does not name its master: Nginx itself and others reload by that file.

    :raises BluegreenError: it is missing or names something else.
    """
    written = written_in(pid, path)
    if written == str(pid):
        return
    if not written:
        problem = "is missing or empty"
    elif written.isdigit() and process_start(int(written)) is not None:
        name = command_of(written) or "another program"
        problem = f"names process {written}, which is {name} and not this Nginx"
    else:
        problem = f"says {written}, which is not a running process"
    raise BluegreenError(
        f"Nginx runs (process {pid}), but its pid file {path} {problem}, so it cannot be reloaded: restart it "
        "(systemctl restart nginx)."
    )


def below(pid: int) -> int | None:
    """The pid of a container's master, ``None`` if it has none.

    :param pid: process 1 of the container: the master itself, or an init whose child the master is.
    """
    for candidate in [pid, *children_of(pid)]:
        if _is_master(candidate):
            return candidate
    return None


def masters_here() -> list[int]:
    """Pids of the masters that run on this host itself and not in a container."""
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    found = sorted(pid for pid in pids if _is_master(pid) and _is_here(pid))
    return [pid for pid in found if not _is_new_worker(pid, found)]


def _is_new_worker(pid: int, masters: list[int]) -> bool:
    # A worker that was just forked has its master's title for a moment. At an upgrade a master also starts the newer
    # program of Nginx, but by an exec.
    stat = stat_of(pid)
    return stat is None or stat.ppid in masters and bool(stat.flags & _FORKED_WITHOUT_EXEC)


def _is_here(pid: int) -> bool:
    # A unit of systemd may have its own mounts, but its root is that of the host; a container may share the processes
    # of the host, but not its root.
    return namespace(pid, "pid") == namespace("self", "pid") and _root(pid) == _root("self")


def _root(pid: int | str) -> tuple[int, int] | None:
    try:
        facts = os.stat(f"/proc/{pid}/root")
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def namespace(pid: int | str, kind: str) -> str | None:
    """The name of a namespace of a process; ``None`` when the process is gone."""
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}")
    except OSError:
        return None


def _is_master(pid: int) -> bool:
    if not title(pid).startswith(_MASTER_TITLE):
        return False
    try:
        binary = os.path.basename(os.readlink(f"/proc/{pid}/exe").split(" (deleted)")[0])
    except OSError:
        return False
    return "nginx" in binary or binary == "openresty"


def title(pid: int) -> str:
    """The command line of a process, which Nginx replaces by its title; empty when the process is gone."""
    return " ".join(arguments_of(pid)).strip()


def children_of(pid: int) -> list[int]:
    """The pids of a process's children."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as source:
            return [int(word) for word in source.read().split()]
    except FileNotFoundError:
        pass
    except OSError:
        return []
    # A kernel may be built without that file; every process names its parent as well.
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return sorted(child for child in pids if _parent_of(child) == pid)


def _parent_of(pid: int) -> int | None:
    stat = stat_of(pid)
    return stat.ppid if stat else None


def workers_of(pid: int) -> list[NginxWorker]:
    """The children of a master."""
    found = []
    for child in children_of(pid):
        started = process_start(child)
        if started is not None:
            found.append(NginxWorker(child, started, _DRAINING_TITLE in title(child)))
    return found
