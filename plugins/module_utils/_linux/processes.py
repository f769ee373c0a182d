# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Processes as the kernel shows them in ``/proc``: with their exact arguments, and without a ``ps`` on the host."""

from __future__ import annotations

import os
from typing import NamedTuple, Optional

from .._process import Process

PROC = "/proc"


class Stat(NamedTuple):
    """A part of ``/proc/<pid>/stat``, as proc_pid_stat(5) describes it.

    ``started`` is in ticks since the boot; ``status`` is the exit status as wait() returns it, known once the process
    has ended; ``flags`` are the kernel's PF_ flags.
    """

    state: str
    ppid: int
    started: int
    status: int
    flags: int = 0

    @property
    def has_ended(self) -> bool:
        return self.state in ("Z", "X", "x")


def processes_of(pid: int, proc: str = PROC) -> list[Process]:
    """Process ``pid`` and all its descendants, without zombies.

    :param pid: 0, that of a container that does not run, has none. All processes of the host descend from it.
    """
    return processes_of_each([pid], proc).get(pid, [])


def processes_of_each(pids: list[int], proc: str = PROC) -> dict[int, list[Process]]:
    """The same for several processes, by their pid; it reads the processes of the host once."""
    wanted = [pid for pid in pids if pid > 0]
    if not wanted:
        return {}
    stats: dict[int, Stat] = {}
    children: dict[int, list[int]] = {}
    for name in os.listdir(proc):
        found = stat_of(int(name), proc) if name.isdigit() else None
        if found is not None and not found.has_ended:
            stats[int(name)] = found
            children.setdefault(found.ppid, []).append(int(name))
    return {pid: _below(pid, stats, children, proc) for pid in wanted}


def _below(pid: int, stats: dict[int, Stat], children: dict[int, list[int]], proc: str) -> list[Process]:
    found, waiting = [], [pid] if pid in stats else []
    while waiting:
        current = waiting.pop(0)
        process = _process(proc, current, stats[current])
        if process is not None:
            found.append(process)
        waiting += sorted(children.get(current, ()))
    return found


def stat_of(pid: int | str, proc: str = PROC) -> Optional[Stat]:
    """The :class:`Stat` of a process, ``None`` when it is gone.

    :param pid: its number, or ``self``.
    """
    text = _read(proc, str(pid), "stat").decode("utf-8", "replace")
    # The command's name stands in parentheses and may hold spaces and parentheses itself.
    fields = text[text.rindex(")") + 2:].split() if ")" in text else []
    if len(fields) <= 49:
        return None
    return Stat(fields[0], int(fields[1]), int(fields[19]), int(fields[49]), int(fields[6]))


def process_start(pid: int | str, proc: str = PROC) -> Optional[int]:
    """Start time of a process in clock ticks after boot, ``None`` when it is gone.

    Together with the pid it identifies a process, because the kernel gives pids out again.
    """
    stat = stat_of(pid, proc)
    return None if stat is None else stat.started


def still_runs(process: Process, proc: str = PROC) -> bool:
    """Whether this very process has not ended yet, and no later one has its pid."""
    now = stat_of(process.pid, proc)
    return now is not None and not now.has_ended and now.started == process.started


def pid_inside(pid: int, proc: str = PROC) -> int:
    """The pid of a process as its container sees it, in the innermost namespace; 0 when it is gone."""
    for line in status_of(pid, proc).splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return 0


def environment_of(pid: int, proc: str = PROC) -> dict[str, str]:
    """The variables that a process was started with. They may hold secrets."""
    text = _read(proc, str(pid), "environ").decode("utf-8", "surrogateescape")
    entries = (entry.partition("=") for entry in text.split("\0") if entry)
    return {name: value for name, dummy, value in entries}


def arguments_of(pid: int | str, proc: str = PROC) -> list[str]:
    """The arguments of a process from its program on, without empty ones; none when it is gone."""
    line = _read(proc, str(pid), "cmdline").decode("utf-8", "replace")
    return [word for word in line.split("\0") if word]


def command_of(pid: int | str, proc: str = PROC) -> str:
    """The short name that the kernel shows of a process, empty when it is gone."""
    return _read(proc, str(pid), "comm").decode("utf-8", "replace").rstrip("\n")


def is_alive(pid: int | str, proc: str = PROC) -> bool:
    """Whether there is such a process, be it a zombie."""
    return os.path.exists(os.path.join(proc, str(pid)))


def status_of(pid: int | str, proc: str = PROC) -> str:
    """Text of a process's ``status``, or an empty string when it is gone."""
    return _read(proc, str(pid), "status").decode("utf-8", "replace")


def shared_fairly(pid: int | str, proc: str = PROC) -> int:
    """Memory of a process in bytes, in which a shared page counts in part (PSS); 0 when the process is gone."""
    for line in _read(proc, str(pid), "smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _process(proc: str, pid: int, stat: Stat) -> Optional[Process]:
    name = command_of(pid, proc)
    return Process(pid, stat.ppid, name, arguments_of(pid, proc), stat.started, stat.state == "T") if name else None


def _read(proc: str, name: str, file: str) -> bytes:
    try:
        with open(os.path.join(proc, name, file), "rb") as source:
            return source.read()
    except OSError:
        return b""
