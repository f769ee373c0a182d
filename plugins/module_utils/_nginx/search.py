# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The Nginx that runs on the host itself: found by what runs, and called as it was started.

Its title names the configuration that it was started with, its link in /proc the program. A unit of systemd may give it
a view of the files of its own (PrivateTmp=, ProtectSystem=), so every call of it is made within that view.
"""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple

from .._errors import BluegreenError
from .._linux import sockets
from .._validation import check_url
from . import master as nginx_master


class Found(NamedTuple):
    """A running Nginx.

    ``command`` is its program with the arguments that it was started with, after what enters its view of the files;
    ``build`` is what ``nginx -V`` says, ``pid_file`` the path of its own pid file.
    """

    pid: int
    command: list
    build: str
    prefix: str
    pid_file: str


def find(host, nginx) -> Found:
    """The Nginx on the host that reads the owned file and answers the public URL.

    :raises BluegreenError: there is none, it cannot be told which, or it could not be reloaded.
    """
    looked = [_look(host, pid) for pid in nginx_master.masters_here()]
    running = [found for found in looked if found]
    if not running:
        raise BluegreenError(_none_runs())
    found = _choose(host, nginx, running)
    nginx_master.check_pid_file(found.pid, found.pid_file)
    if not sees(found.pid, nginx.file):
        raise BluegreenError(
            f"Nginx (process {found.pid}) does not see {nginx.file} as this host does, because its systemd unit hides it or puts "
            "something else there (such as BindPaths=, InaccessiblePaths=, TemporaryFileSystem=, or PrivateTmp= below /tmp): take "
            "that out of the unit, or name a file in bluegreen_nginx_file that Nginx sees."
        )
    return found


def _none_runs() -> str:
    nginx_master.require_installed()
    return "Nginx does not run on this host: start it first (systemctl start nginx)."


def _look(host, pid: int) -> Found | None:
    title = nginx_master.title(pid)
    try:
        command = [nginx_master.program_of(pid), *nginx_master.start_arguments(title)]
    except OSError:
        # It has ended meanwhile.
        return None
    build = host.run([command[0], "-V"]).err
    prefix = nginx_master.option(command, "-p") or nginx_master.build_argument(build, "prefix")
    return Found(pid, _entering(pid) + command, build, prefix, _pid_file(pid, command, build, prefix))


def _entering(pid: int) -> list:
    if nginx_master.namespace(pid, "mnt") == nginx_master.namespace("self", "mnt"):
        return []
    program = shutil.which("nsenter", path="/usr/bin:/bin:/usr/sbin:/sbin")
    return [program, f"--target={pid}", "--mount", "--wd", "--"] if program else []


def _pid_file(pid: int, command: list, build: str, prefix: str) -> str:
    given = nginx_master.pid_file_in(nginx_master.option(command, "-g"), "-g")
    main = nginx_master.option(command, "-c") or nginx_master.build_argument(build, "conf-path")
    main = os.path.join(prefix, main or "conf/nginx.conf")
    if not given:
        try:
            given = nginx_master.pid_file_in(nginx_master.read_as(pid, main), main)
        except OSError as error:
            raise BluegreenError(
                f"The configuration of Nginx (process {pid}), {main}, cannot be read ({error.strerror.lower()}): put it back, or name "
                "the container that Nginx runs in with bluegreen_nginx_container."
            ) from error
    return os.path.join(prefix, given or nginx_master.build_argument(build, "pid-path") or "logs/nginx.pid")


def _choose(host, nginx, candidates: list) -> Found:
    if len(candidates) > 1:
        # While Nginx is exchanged for a newer program both run, and the pid file names the one that is to stay.
        pids = {found.pid for found in candidates}
        candidates = [found for found in candidates if not _names_another(found, pids)] or candidates
    for fits in (
        lambda found: _includes(host, found, nginx.file),
        lambda found: _listens(found, check_url("public_url", nginx.public_url).port),
    ):
        if len(candidates) > 1:
            candidates = [found for found in candidates if fits(found)] or candidates
    if len(candidates) == 1:
        return candidates[0]
    described = ", ".join(f"process {found.pid}: {' '.join(_own_command(found))}" for found in candidates)
    raise BluegreenError(
        f"Several Nginx run on this host ({described}), and neither {nginx.file} nor the port of bluegreen_public_url "
        f"{nginx.public_url} tells which one serves the app: include that file in one of them only, or stop the others."
    )


def _own_command(found: Found) -> list:
    return found.command[found.command.index("--") + 1:] if "--" in found.command else found.command


def _names_another(found: Found, pids: set) -> bool:
    written = nginx_master.written_in(found.pid, found.pid_file)
    return written.isdigit() and int(written) != found.pid and int(written) in pids


def _includes(host, found: Found, file: str) -> bool:
    dump = host.run([*found.command, "-T"], cwd=f"/proc/{found.pid}/cwd").out
    return f"# configuration file {file}:" in dump.splitlines()


def _listens(found: Found, port: int) -> bool:
    inodes = sockets.inodes_of(found.pid)
    return any(
        connection.state == sockets.LISTENING and connection.local[1] == port and connection.inode in inodes
        for connection in sockets.connections(found.pid)
    )


def sees(pid: int, file: str) -> bool:
    """Whether a process finds at the path of a file what this host has there, also after the file is replaced."""
    folder = os.path.realpath(os.path.dirname(file))
    real = os.path.join(folder, os.path.basename(file))
    if _identity(folder) is None:
        # The folder is missing on the host too, which the preflight reports by itself.
        return True
    inside = f"/proc/{pid}/root"
    if _identity(inside + folder) != _identity(folder) or _identity(inside + real) != _identity(real):
        return False
    # A file that is mounted by itself stays the same one there when it is replaced here.
    return real not in _mount_points(pid)


def _identity(path: str):
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def _mount_points(pid: int) -> set:
    try:
        with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="replace") as source:
            return {line.split()[4] for line in source}
    except OSError:
        return set()
