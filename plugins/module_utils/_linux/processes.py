# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Processes of a container as the host's kernel shows them: exact arguments, and no ps needed on the host."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import NamedTuple, Optional

from .._celery.roles import Process
from .clock import Deadline

PROC = "/proc"
# How long a process may take to end that was told to, and how long the kernel may for one that was killed, in seconds.
END_TIMEOUT = 10


class Stat(NamedTuple):
    """The part of ``/proc/<pid>/stat`` that is needed; ``started`` in ticks since the boot, ``status`` as wait() has it.

    ``status`` says something only of a process that has ended and that nobody has waited for.
    """

    state: str
    ppid: int
    started: int
    status: int

    @property
    def has_ended(self) -> bool:
        return self.state in ("Z", "X", "x")


def processes_of(pid, proc=PROC):
    """Process ``pid`` and all that descend from it, as :class:`roles.Process`, without zombies.

    A container that does not run has the pid 0, from which all of the host descends: it has no processes.
    """
    return processes_of_each([pid], proc).get(pid, [])


def processes_of_each(pids: list, proc: str = PROC) -> dict:
    """The same for several processes, by their pid, with one look at the host's processes."""
    wanted = [pid for pid in pids if pid > 0]
    if not wanted:
        return {}
    stats, children = {}, {}
    for name in os.listdir(proc):
        found = stat_of(int(name), proc) if name.isdigit() else None
        if found is not None and not found.has_ended:
            stats[int(name)] = found
            children.setdefault(found.ppid, []).append(int(name))
    return {pid: _below(pid, stats, children, proc) for pid in wanted}


def _below(pid, stats, children, proc):
    found, waiting = [], [pid] if pid in stats else []
    while waiting:
        current = waiting.pop(0)
        process = _process(proc, current, stats[current])
        if process is not None:
            found.append(process)
        waiting += sorted(children.get(current, ()))
    return found


def stat_of(pid: int, proc: str = PROC) -> Optional[Stat]:
    """What the kernel says of a process, ``None`` when it is gone."""
    text = _read(proc, str(pid), "stat").decode("utf-8", "replace")
    # The command's name stands in parentheses and may hold spaces and parentheses itself.
    fields = text[text.rindex(")") + 2:].split() if ")" in text else []
    return Stat(fields[0], int(fields[1]), int(fields[19]), int(fields[49])) if len(fields) > 49 else None


def still_runs(process: Process, proc: str = PROC) -> bool:
    """Whether this very process has not ended yet, and no later one has its pid."""
    now = stat_of(process.pid, proc)
    return now is not None and not now.has_ended and now.started == process.started


def pid_inside(pid: int, proc: str = PROC) -> int:
    """The pid that a process has in the innermost namespace, that of its container; 0 when it is gone."""
    for line in status_of(pid, proc).splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return 0


def environment_of(pid: int, proc: str = PROC) -> dict:
    """The variables that a process was started with. They may hold secrets."""
    text = _read(proc, str(pid), "environ").decode("utf-8", "surrogateescape")
    return dict(entry.partition("=")[::2] for entry in text.split("\0") if entry)


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


def _process(proc, pid, stat):
    name = _read(proc, str(pid), "comm").decode("utf-8", "replace").rstrip("\n")
    if not name:
        return None
    line = _read(proc, str(pid), "cmdline").decode("utf-8", "replace")
    return Process(pid, stat.ppid, name, [word for word in line.split("\0") if word], stat.started, stat.state == "T")


def _read(proc, name, file):
    try:
        with open(os.path.join(proc, name, file), "rb") as source:
            return source.read()
    except OSError:
        return b""
