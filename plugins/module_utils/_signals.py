# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Which way a stop signal takes to a container's program, so that it arrives where it is understood."""

from __future__ import annotations

import signal
from typing import NamedTuple

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery import INITS, SHELLS, main_processes


class SignalPath(NamedTuple):
    """How to signal a container.

    ``form`` says what process 1 is: ``exec`` (the program itself, or something that catches the signal), ``init``
    (an init that forwards to the program), ``init-shell`` (an init over a shell, which dies of the signal and takes
    Celery with it), ``shell`` (which as process 1 ignores the signal) or ``booting`` (the program itself, which does
    not catch the signal yet).
    ``pids`` are the host's pids of the processes to signal; empty means that the engine signals process 1.
    """

    form: str
    pids: tuple


def number_of(name):
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


def catches(status, number):
    """Whether a process has a handler of its own for a signal, by the text of its ``/proc/<pid>/status``."""
    for line in status.splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def path_of(pid, status, processes, number):
    """The way to a container's program.

    :param pid: the host's pid of process 1.
    :param status: text of its ``/proc/<pid>/status``, empty when that cannot be read.
    :param processes: :class:`_celery.Process` of the container.
    :param number: the signal's number.
    """
    names = {process.pid: process.name for process in processes}
    mains = main_processes(processes)
    pids = tuple(sorted(process.pid for process in mains))
    first = names.get(pid, "")
    # An init shows no handlers although it forwards the signal, so it is told by its name.
    if first in INITS:
        if mains and any(names.get(process.ppid, "") in SHELLS for process in mains):
            return SignalPath("init-shell", pids)
        return SignalPath("init", ())
    if catches(status, number):
        return SignalPath("exec", ())
    if pid in pids:
        # The kernel drops a signal to a process 1 without a handler: Celery is still starting.
        return SignalPath("booting" if status else "exec", ())
    if pids:
        return SignalPath("shell", pids)
    if first in SHELLS:
        return SignalPath("shell", ())
    return SignalPath("exec", ())
