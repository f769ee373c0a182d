# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Find the Nginx that runs on the host itself, and how to call it.

The title of its process names the configuration that it was started with, the link in /proc its program. A unit of
systemd may give it its own view of the files (PrivateTmp=, ProtectSystem=), so every call of it enters that view.
"""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple

from .._errors import BluegreenError, reason_of
from .._host import Host
from .._linux import sockets
from .._settings import Nginx
from .._validation import check_url
from . import master as nginx_master


class Found(NamedTuple):
    """A running Nginx.

    ``command`` is the command line that calls it again: the program that enters its view of the files, if it has its
    own, then Nginx's program with the arguments that it was started with. ``build`` is the output of ``nginx -V``,
    ``prefix`` the folder that relative paths begin at, ``pid_file`` the path of its pid file.
    """

    pid: int
    command: list[str]
    build: str
    prefix: str
    pid_file: str


def find(host: Host, nginx: Nginx) -> Found:
    """The Nginx on the host that reads the owned file and answers the public URL.

    :raises BluegreenError: there is none, there are several that fit, or it could not be reloaded.
    """
    inspected = [_inspect(host, pid) for pid in nginx_master.masters_here()]
    running = [found for found in inspected if found]
    if not running:
        raise BluegreenError(_none_runs())
    found = _choose(host, nginx, running)
    nginx_master.check_pid_file(found.pid, found.pid_file)
    if not sees(found.pid, nginx.file):
        raise BluegreenError(
            f"Nginx (process {found.pid}) does not see {nginx.file} as this host does, because a setting of its "
            "systemd unit hides it (such as BindPaths=, InaccessiblePaths=, TemporaryFileSystem=, or PrivateTmp= for "
            "files below /tmp): remove that setting, or name a file in bluegreen_nginx_file that Nginx sees."
        )
    return found


def _none_runs() -> str:
    nginx_master.require_installed()
    return "Nginx does not run on this host: start it first (systemctl start nginx)."


def _inspect(host: Host, pid: int) -> Found | None:
    """The Nginx with that master, ``None`` when the process is gone."""
    title = nginx_master.title(pid)
    try:
        command = [nginx_master.program_of(pid), *nginx_master.start_arguments(title)]
    except OSError:
        return None
    build = host.run([command[0], "-V"]).err
    prefix = nginx_master.option(command, "-p") or nginx_master.build_argument(build, "prefix")
    return Found(pid, _entering(pid) + command, build, prefix, _pid_file(pid, command, build, prefix))


def _entering(pid: int) -> list[str]:
    if nginx_master.namespace(pid, "mnt") == nginx_master.namespace("self", "mnt"):
        return []
    program = shutil.which("nsenter", path="/usr/bin:/bin:/usr/sbin:/sbin")
    return [program, f"--target={pid}", "--mount", "--wd", "--"] if program else []


def _pid_file(pid: int, command: list[str], build: str, prefix: str) -> str:
    given = nginx_master.pid_file_in(nginx_master.option(command, "-g"), "-g")
    main = nginx_master.option(command, "-c") or nginx_master.build_argument(build, "conf-path")
    main = os.path.join(prefix, main or "conf/nginx.conf")
    if not given:
        try:
            given = nginx_master.pid_file_in(nginx_master.read_as(pid, main), main)
        except OSError as error:
            reason = reason_of(error).lower()
            raise BluegreenError(
                f"The configuration of Nginx (process {pid}), {main}, cannot be read ({reason}): put it back, or, "
                "if Nginx runs in a container, set bluegreen_nginx_container to the name of that container."
            ) from error
    return os.path.join(prefix, given or nginx_master.build_argument(build, "pid-path") or "logs/nginx.pid")


def _choose(host: Host, nginx: Nginx, candidates: list[Found]) -> Found:
    if len(candidates) > 1:
        # While a newer program replaces Nginx both run, and the pid file names the one that will stay.
        pids = {found.pid for found in candidates}
        candidates = [found for found in candidates if not _names_another(found, pids)] or candidates
    if len(candidates) > 1:
        candidates = [found for found in candidates if _includes(host, found, nginx.file)] or candidates
    if len(candidates) > 1:
        port = check_url("public_url", nginx.public_url).port
        candidates = [found for found in candidates if _listens(found, port)] or candidates
    if len(candidates) == 1:
        return candidates[0]
    described = ", ".join(f"process {found.pid}: {' '.join(_own_command(found))}" for found in candidates)
    raise BluegreenError(
        f"Several instances of Nginx run on this host ({described}), and neither {nginx.file} nor the port of "
        f"bluegreen_public_url {nginx.public_url} tells which one serves the app: include that file in only one of "
        "them, or stop the others."
    )


def _own_command(found: Found) -> list[str]:
    return found.command[found.command.index("--") + 1:] if "--" in found.command else found.command


def _names_another(found: Found, pids: set[int]) -> bool:
    written = nginx_master.written_in(found.pid, found.pid_file)
    return written.isdigit() and int(written) != found.pid and int(written) in pids


def _includes(host: Host, found: Found, file: str) -> bool:
    dump = host.run([*found.command, "-T"], cwd=f"/proc/{found.pid}/cwd").out
    return f"# configuration file {file}:" in dump.splitlines()


def _listens(found: Found, port: int) -> bool:
    inodes = sockets.inodes_of(found.pid)
    return any(
        connection.state == sockets.LISTENING and connection.local[1] == port and connection.inode in inodes
        for connection in sockets.connections(found.pid)
    )


def sees(pid: int, file: str) -> bool:
    """Whether a process sees a file as this host does, also after the file is replaced."""
    folder = os.path.realpath(os.path.dirname(file))
    real = os.path.join(folder, os.path.basename(file))
    if _identity(folder) is None:
        # The folder is missing on the host as well, which the preflight reports.
        return True
    inside = f"/proc/{pid}/root"
    if _identity(inside + folder) != _identity(folder) or _identity(inside + real) != _identity(real):
        return False
    # If the file itself is a mount, the process keeps seeing the old one when it is replaced here.
    return real not in _mount_points(pid)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def _mount_points(pid: int) -> set[str]:
    try:
        with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="replace") as source:
            return {line.split()[4] for line in source}
    except OSError:
        return set()
