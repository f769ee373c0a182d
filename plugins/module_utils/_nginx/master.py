# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Which process is the master of Nginx, how it was started, and what its children are.

A process is taken for a master by its title and the program that it runs, and for one of this host by the root of its
files: the masters of containers show in the same /proc. A pid file alone is not enough: a stale one may name a process
that a reload would kill.
"""

from __future__ import annotations

import os
import re

from .._errors import BluegreenError
from .._linux.processes import arguments_of, command_of, process_start, stat_of
from . import config as nginx_config
from .proof import Child

# A guard that systemd starts has no PATH worth the name.
_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/local/nginx/sbin", "/usr/local/openresty/nginx/sbin", "/usr/bin", "/usr/local/bin")
_MASTER_TITLE = "nginx: master process "
_DRAINING_TITLE = "is shutting down"
# The kernel's PF_FORKNOEXEC among the flags of a process.
_FORKED_WITHOUT_EXEC = 0x40
_START_OPTION = re.compile(r"(?:^| )(-[pcge]) ")


def program(name):
    """The full path of Nginx's program; empty when it is not installed."""
    for folder in os.environ.get("PATH", "").split(os.pathsep) + list(_FOLDERS):
        path = os.path.join(folder, name)
        if folder and os.access(path, os.X_OK):
            return path
    return ""


def require_installed():
    """Raise unless some Nginx is installed on the host itself."""
    if not program("nginx") and not program("openresty"):
        raise BluegreenError(
            "Nginx is not installed on this host: run prepare.yml, or name the container that it runs in with "
            "bluegreen_nginx_container."
        )


def program_of(pid):
    """The path of the program that a process runs, by which it can be called once more."""
    # An upgrade of the package leaves "(deleted)" behind the path of the program that still runs.
    path = os.readlink(f"/proc/{pid}/exe").split(" (deleted)")[0]
    return path if os.access(path, os.X_OK) else f"/proc/{pid}/exe"


def build_argument(build, name):
    """What Nginx was built with for ``--name=``, from the output of ``nginx -V``; empty when nothing."""
    match = re.search(rf"--{re.escape(name)}=(\S+)", build)
    return match.group(1) if match else ""


def option(command, name):
    """The value that a command line gives for an option, empty without it."""
    return command[command.index(name) + 1] if name in command[:-1] else ""


def start_arguments(title):
    """The arguments that a master was started with, from the title that it gave itself.

    The same ones have to be given to every other call of Nginx, which else reads another configuration. The title
    joins them with blanks, and the value of ``-g`` holds some itself.
    """
    _binary, blank, rest = title[len(_MASTER_TITLE):].strip().partition(" ")
    pieces = _START_OPTION.split(" " + rest)
    arguments = []
    for name, value in zip(pieces[1::2], pieces[2::2]):
        arguments += [name, value.strip()]
    return arguments


def pid_file_in(text, file):
    """The pid file that the main configuration file names, empty when it names none or cannot be read."""
    try:
        statements = nginx_config.parse(text, file)
    except nginx_config.ConfigError:
        return ""
    return next((statement.words[1] for statement in statements if statement.name == "pid"), "")


def written_in(pid, path):
    """What a pid file says, as the process ``pid`` sees it; empty when it is missing."""
    try:
        return read_as(pid, path).strip()
    except OSError:
        return ""


def read_as(pid, path):
    """The text of a file as a process sees it, whose view of the files may be one of its own.

    :raises OSError: it cannot be read.
    """
    try:
        with open(f"/proc/{pid}/root{path}", encoding="utf-8", errors="replace") as source:
            return source.read()
    except OSError:
        # A link in the path leads to where this process sees it.
        with open(path, encoding="utf-8", errors="replace") as source:
            return source.read()


def check_pid_file(pid, path):
    """Raise unless the pid file of a master names it: by that file Nginx is reloaded, by others too."""
    written = written_in(pid, path)
    if written == str(pid):
        return
    if not written:
        problem = "is missing or empty"
    elif written.isdigit() and process_start(int(written)) is not None:
        problem = f"names process {written}, which is {command_of(written) or 'another program'} and not this Nginx"
    else:
        problem = f"says {written}, which is not a running process"
    raise BluegreenError(
        f"Nginx runs (process {pid}), but its pid file {path} {problem}, so it cannot be reloaded: restart it (systemctl restart "
        "nginx)."
    )


def below(pid):
    """The pid of the master that is ``pid`` or, where a small init is process 1, a child of it; ``None`` without."""
    for candidate in [pid, *children_of(pid)]:
        if _is_master(candidate):
            return candidate
    return None


def masters_here():
    """Pids of the masters that run on this host itself and not in a container."""
    found = sorted(int(name) for name in os.listdir("/proc") if name.isdigit() and _is_master(name) and _is_here(name))
    return [pid for pid in found if not _is_new_worker(pid, found)]


def _is_new_worker(pid, masters):
    # For a moment a worker still has its master's title. A newer program that a master starts runs by an exec.
    stat = stat_of(pid)
    return stat is None or stat.ppid in masters and bool(stat.flags & _FORKED_WITHOUT_EXEC)


def _is_here(pid):
    # A unit of systemd may have mounts of its own, but its root is that of the host; a container may share the processes
    # of the host, but not its root.
    return namespace(pid, "pid") == namespace("self", "pid") and _root(pid) == _root("self")


def _root(pid):
    try:
        facts = os.stat(f"/proc/{pid}/root")
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def namespace(pid, kind):
    """The name of a namespace of a process; ``None`` when the process is gone."""
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}")
    except OSError:
        return None


def _is_master(pid):
    if not title(pid).startswith(_MASTER_TITLE):
        return False
    try:
        binary = os.path.basename(os.readlink(f"/proc/{pid}/exe").split(" (deleted)")[0])
    except OSError:
        return False
    return "nginx" in binary or binary == "openresty"


def title(pid):
    """The command line of a process, which Nginx uses to say what it is; empty when the process is gone."""
    return " ".join(arguments_of(pid)).strip()


def children_of(pid):
    """The pids of a process's children."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as source:
            return [int(word) for word in source.read().split()]
    except FileNotFoundError:
        pass
    except OSError:
        return []
    # A kernel may be built without that file; every process names its parent too.
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit() and _parent_of(name) == pid)


def _parent_of(pid):
    stat = stat_of(pid)
    return stat.ppid if stat else None


def workers_of(pid):
    """The children of a master as :class:`Child` list: workers, and the processes that tend its cache."""
    found = []
    for child in children_of(pid):
        started = process_start(child)
        if started is not None:
            found.append(Child(child, started, _DRAINING_TITLE in title(child)))
    return found
