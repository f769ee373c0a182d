# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Processes of a container as the host's kernel shows them: exact arguments, and no ps needed on the host."""

from __future__ import annotations

import contextlib
import os
import signal

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery import Process
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._clock import Deadline

PROC = "/proc"
# How long a process may take to end that was told to, and how long the kernel may for one that was killed, in seconds.
END_TIMEOUT = 10


def processes_of(pid, proc=PROC):
    """Process ``pid`` and all that descend from it, as :class:`_celery.Process`; what ends meanwhile is left out.

    A container that does not run has the pid 0, from which all of the host descends: it has no processes.
    """
    if pid <= 0 or not is_alive(pid, proc):
        return []
    children = {}
    for name in os.listdir(proc):
        if name.isdigit():
            parent = _parent_of(proc, name)
            if parent is not None:
                children.setdefault(parent, []).append(int(name))
    found, waiting = [], [(pid, _parent_of(proc, str(pid)))]
    while waiting:
        current, parent = waiting.pop(0)
        process = _process(proc, current, parent)
        if process is not None:
            found.append(process)
        waiting += [(child, current) for child in sorted(children.get(current, ()))]
    return found


def called_with(*words, proc=PROC):
    """Ids of the processes that were called with some words, such as a path, among their arguments."""
    wanted = {os.fsencode(word) for word in words}
    return [
        int(name)
        for name in os.listdir(proc)
        if name.isdigit() and wanted.issubset(_read(proc, name, "cmdline").split(b"\0"))
    ]


def end_called_with(clock, *words):
    """End the processes that were called with some words, and wait until they are gone.

    :returns: ids of those that are not, though they were killed.
    """
    for how in (signal.SIGTERM, signal.SIGKILL):
        for pid in called_with(*words):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
        deadline = Deadline(clock, END_TIMEOUT)
        while called_with(*words) and not deadline.over:
            deadline.sleep(0.1)
    return called_with(*words)


def is_alive(pid, proc=PROC):
    return os.path.exists(os.path.join(proc, str(pid)))


def status_of(pid, proc=PROC):
    """Text of a process's ``status``, or an empty string when it is gone."""
    return _read(proc, str(pid), "status").decode("utf-8", "replace")


def shared_fairly(pid, proc=PROC):
    """Bytes that a process holds, each page that it shares counted in part; 0 when it is gone."""
    for line in _read(proc, str(pid), "smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _parent_of(proc, name):
    stat = _read(proc, name, "stat").decode("utf-8", "replace")
    # The command's name stands in parentheses and may hold spaces and parentheses itself.
    return int(stat[stat.rindex(")") + 2:].split()[1]) if ")" in stat else None


def _process(proc, pid, parent):
    name = _read(proc, str(pid), "comm").decode("utf-8", "replace").rstrip("\n")
    if parent is None or not name:
        return None
    line = _read(proc, str(pid), "cmdline").decode("utf-8", "replace")
    return Process(pid, parent, name, [word for word in line.split("\0") if word])


def _read(proc, name, file):
    try:
        with open(os.path.join(proc, name, file), "rb") as source:
            return source.read()
    except OSError:
        return b""
