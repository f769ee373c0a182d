# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Who in a container is told to finish, and who must not hear of it. Pure.

The processes that run tasks get the signal and nobody else: an init that hands a signal on to everybody kills the pool, a
supervisor kills after a time of its own, and a script or a supervisor may start Celery again. So whatever stands between
process 1 and Celery is frozen before the signal, until the last task is done.
"""

from __future__ import annotations

import signal
from typing import NamedTuple

from .roles import INITS, RUNNERS, ancestors, programs


class SignalPath(NamedTuple):
    """How to tell a container to finish.

    ``form`` says where its program is: ``exec`` (process 1 is the program), ``init`` (only inits and the like of su stand
    before it, which end when it ends), ``init-shell`` (an init and something else), ``shell`` (a shell, a script or a supervisor is process
    1) or ``hidden`` (its processes cannot be seen: the engine has to signal process 1).
    ``targets`` are the :class:`roles.Process` to signal; ``frozen`` the pids between process 1 and them that have to be
    frozen first, outermost first.
    """

    form: str
    targets: tuple = ()
    frozen: tuple = ()


def number_of(name: str) -> int:
    """The number of a signal as Docker spells it: ``SIGTERM``, ``TERM``, ``15`` or ``SIGRTMIN+3``."""
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


def path_of(pid: int, processes: list) -> SignalPath:
    """The way to a container's programs.

    :param pid: the host's pid of process 1.
    :param processes: :class:`roles.Process` of the container.
    """
    targets = tuple(sorted(programs(processes)))
    if not targets:
        return SignalPath("hidden")
    by_pid = {each.pid: each for each in processes}
    parents = {each.pid: each.ppid for each in processes}
    above = {number for target in targets for number in ancestors(target.pid, parents)}
    told = {target.pid for target in targets}
    # A worker may be the parent of a beat that its script started in the background.
    others = [each.pid for each in processes if each.pid in above - told and each.name not in (*INITS, *RUNNERS)]
    if pid in told:
        form = "exec"
    elif not others:
        form = "init"
    else:
        form = "init-shell" if by_pid[pid].name in INITS else "shell"
    return SignalPath(form, targets, tuple(others))


def warm_signal(environment: dict, stop_signal: str = "") -> str:
    """The signal that makes Celery finish its tasks. SIGTERM drops them where the app has it remapped.

    :param environment: the variables of Celery's main process. Its title (setproctitle) may stand where these were, which
        PATH shows; SIGINT is warm whether SIGTERM is remapped or not.
    :param stop_signal: the container's, for a program that does not show that it is Celery.
    """
    if environment.get("REMAP_SIGTERM") == "SIGQUIT":
        return "SIGINT"
    return stop_signal or ("SIGTERM" if "PATH" in environment else "SIGINT")
