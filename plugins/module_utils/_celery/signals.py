# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which processes of a container get the signal to finish, and which are frozen before it. Pure.

Only Celery's main processes may get the signal: an init that passes it on to all processes kills the pool, a
supervisor kills after a timeout of its own, and a script or a supervisor may start Celery again. So the processes
between process 1 and Celery are frozen before the signal, until the last task is done.
"""

from __future__ import annotations

import signal
from typing import Mapping, NamedTuple, Sequence

from .._process import Process
from .roles import INITS, RUNNERS, ancestors, programs


class SignalPath(NamedTuple):
    """How to tell a container to finish.

    ``form`` says where the container's program runs:

    ``exec``
        It is process 1.
    ``init``
        Only an init, ``su`` or the like are above it, which end when it ends.
    ``init-shell``
        An init is process 1, and other processes are above it too.
    ``shell``
        A shell, a script or a supervisor is process 1.
    ``hidden``
        Its processes cannot be seen: the engine has to signal process 1.

    ``targets`` are the processes to signal; ``frozen`` the pids between process 1 and them that have to be frozen
    before, outermost first.
    """

    form: str
    targets: tuple[Process, ...] = ()
    frozen: tuple[int, ...] = ()


def number_of(name: str) -> int:
    """The number of a signal in Docker's spelling: ``SIGTERM``, ``TERM``, ``15`` or ``SIGRTMIN+3``."""
    text = str(name).upper()
    if text.isdigit():
        return int(text)
    if not text.startswith("SIG"):
        text = "SIG" + text
    base, plus, offset = text.partition("+")
    number = getattr(signal, base, None)
    if number is None:
        return int(signal.SIGTERM)
    return int(number) + (int(offset) if plus else 0)


def catches(status: str, number: int) -> bool:
    """Whether a process has a handler of its own for a signal, by the text of its ``/proc/<pid>/status``."""
    return _has_bit(status, "SigCgt:", number)


def ignores(status: str, number: int) -> bool:
    """Whether a process ignores a signal, by the text of its ``/proc/<pid>/status``."""
    return _has_bit(status, "SigIgn:", number)


def _has_bit(status: str, field: str, number: int) -> bool:
    for line in status.splitlines():
        if line.startswith(field):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def path_of(pid: int, processes: Sequence[Process]) -> SignalPath:
    """The :class:`SignalPath` of a container.

    :param pid: the host's pid of its process 1.
    :param processes: its processes.
    """
    targets = tuple(sorted(programs(processes)))
    if not targets:
        return SignalPath("hidden")
    by_pid = {each.pid: each for each in processes}
    parents = {each.pid: each.ppid for each in processes}
    above = {number for target in targets for number in ancestors(target.pid, parents)}
    told = {target.pid for target in targets}
    # A worker may be the parent of a beat: its script has started that in the background, then become the worker.
    others = [each.pid for each in processes if each.pid in above - told and each.name not in (*INITS, *RUNNERS)]
    if pid in told:
        form = "exec"
    elif not others:
        form = "init"
    else:
        form = "init-shell" if by_pid[pid].name in INITS else "shell"
    return SignalPath(form, targets, tuple(others))


def warm_signal(environment: Mapping[str, str], stop_signal: str = "") -> str:
    """The signal that makes Celery finish its tasks. If the app remaps SIGTERM, that signal would drop them.

    :param environment: the variables of Celery's main process. Its title (setproctitle) may have overwritten them; then
        PATH is missing, and SIGINT is used, which finishes the tasks whether SIGTERM is remapped or not.
    :param stop_signal: the container's, for a program that does not show that it is Celery.
    """
    if environment.get("REMAP_SIGTERM") == "SIGQUIT":
        return "SIGINT"
    return stop_signal or ("SIGTERM" if "PATH" in environment else "SIGINT")
