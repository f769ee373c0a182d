# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Why a container still runs that was told to finish: it finishes its tasks, or it never ends, or that is not known.

Only for a Celery that listens to signals more time helps, and only that takes no new tasks.
"""

from __future__ import annotations

from typing import Collection, NamedTuple, Sequence

from .._celery import signals as celery_signals
from .._celery.roles import main_processes, programs
from .._commands import command
from .._docker.containers import Container
from .._linux.processes import environment_of, pid_inside, processes_of, status_of
from .._process import Process
from .._words import agree, joined

# Its Celery finishes its tasks; its program ignores the signal, or is not Celery; its processes cannot be seen.
FINISHING, DEAF, OTHER, HIDDEN = "finishing", "deaf", "other", "hidden"
_LONGEST = 60


class Lingering(NamedTuple):
    """A container that was told to finish and still runs.

    :ivar kind: one of the four above.
    :ivar program: the command line that runs in it, shortened; empty for Celery and if it cannot be seen.
    :ivar signal: the signal that it was sent.
    :ivar is_frozen: whether one of its processes was sent SIGSTOP.
    """

    name: str
    kind: str
    program: str = ""
    signal: str = "SIGTERM"
    is_frozen: bool = False


def judge(name: str, processes: Sequence[Process], signal: str, deaf: Collection[int]) -> Lingering:
    """Why a container still runs, by its processes. Pure.

    :param deaf: pids of the programs that ignore the signal.
    """
    frozen = any(each.is_frozen for each in processes)
    if main_processes(processes):
        return Lingering(name, FINISHING, signal=signal, is_frozen=frozen)
    found = programs(processes)
    if not found:
        return Lingering(name, HIDDEN, signal=signal, is_frozen=frozen)
    words = " ".join(found[0].argv) or found[0].name
    program = words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"
    kind = DEAF if all(each.pid in deaf for each in found) else OTHER
    return Lingering(name, kind, program, signal, frozen)


def is_deaf(status: str, number: int, pid: int) -> bool:
    """Whether a signal does nothing to a process, by the text of its ``/proc/<pid>/status``. Pure.

    :param number: that of the signal.
    :param pid: the process's pid inside its container. The kernel drops a signal to a process 1 without a handler.
    """
    return celery_signals.ignores(status, number) or pid == 1 and not celery_signals.catches(status, number)


def lingering_of(container: Container) -> Lingering:
    """Why a container that was told to finish still runs."""
    processes, signal = processes_of(container.pid), container.stop_signal
    deaf: set[int] = set()
    for each in [] if main_processes(processes) else programs(processes):
        signal = celery_signals.warm_signal(environment_of(each.pid), container.stop_signal)
        if is_deaf(status_of(each.pid), celery_signals.number_of(signal), pid_inside(each.pid)):
            deaf.add(each.pid)
    return judge(container.name, processes, signal, deaf)


def refusals(lingering: Sequence[Lingering], timeout: float, busy: str) -> list[str]:
    """Sentences for a deployment that is rolled back because of these containers: why, and what can be done.

    :param timeout: seconds that they had.
    :param busy: a sentence about the tasks that ran there; empty, or begins with a blank.
    """
    alike: dict[tuple[str, str, str], list[str]] = {}
    for each in sorted(lingering, key=lambda each: tuple(_WAYS_OUT).index(each.kind)):
        alike.setdefault((each.kind, each.program, each.signal), []).append(each.name)
    found = []
    for (kind, program, signal), names in alike.items():
        still = f"{agree(names, 'Container', 'Containers')} {joined(names)} still {agree(names, 'runs', 'run')}"
        told = f"{still} {timeout:g} s after {agree(names, 'it was', 'they were')} told to finish.{busy}"
        its, it = agree(names, "its", "their"), agree(names, "it", "them")
        found.append(f"{told} {_WAYS_OUT[kind].format(program=program, signal=signal, its=its, it=it)}")
        busy = ""
    return found


_WAYS_OUT = {
    FINISHING: (
        "No task is lost: a worker exits once its tasks are done. Give the tasks more time "
        "(bluegreen_worker_stop_timeout), or choose another bluegreen_worker_on_timeout (leave, requeue or kill)."
    ),
    DEAF: (
        "More time does not help: {its} program ({program}) ignores {signal} and keeps running. If this "
        "program is a start script, let it start Celery with exec; else name a signal that the program does not ignore "
        "(stop_signal in the Compose file), or set bluegreen_worker_on_timeout: kill, which ends the program by force."
    ),
    OTHER: (
        "No Celery process was found in {it}, only {program}, to which {signal} was sent. If {program} still has "
        "work to finish, give it more time (bluegreen_worker_stop_timeout). If it never ends by itself, set "
        "bluegreen_worker_on_timeout: kill, which ends it by force."
    ),
    HIDDEN: (
        "From here {its} processes cannot be seen: only the log shows whether tasks are being finished or {signal} is "
        "ignored. Give {it} more time (bluegreen_worker_stop_timeout), or choose another bluegreen_worker_on_timeout "
        "(leave, requeue or kill)."
    ),
}


def left_sentence(each: Lingering, timeout: float) -> str:
    """A warning about a container that is left to end by itself."""
    if each.kind == FINISHING:
        return (
            f"Container {each.name} still finishes its tasks after {timeout:g} s: it takes no new ones and ends by "
            "itself."
        )
    still = f"Container {each.name} still runs after {timeout:g} s"
    if each.kind == DEAF:
        return (
            f"{still} and does not end by itself: its program ({each.program}) ignores {each.signal} and keeps "
            f"running. Stop it once nothing important runs in it (docker stop {each.name})."
        )
    if each.kind == OTHER:
        seen = f"No Celery process was found in it, only {each.program}, to which {each.signal} was sent"
    else:
        seen = f"Its processes cannot be seen from here, so it is not known whether {each.signal} is ignored"
    return f"{still}. {seen}. If it does not end by itself, stop it (docker stop {each.name})."


def stuck_sentence(stuck: Sequence[Lingering], timeout: float) -> str:
    """For a rollback: these containers did not end, so that they could not be started again."""
    sentence = (
        f"{joined([each.name for each in stuck])} {agree(stuck, 'was', 'were')} told to finish and still "
        f"{agree(stuck, 'runs', 'run')} after {timeout:g} s. Once "
        f"{agree(stuck, 'it has ended, start it', 'they have ended, start them')} again: run {command('rollback')}, or "
        f"{command('recover')}."
    )
    unsure = [each for each in stuck if each.kind != FINISHING]
    if unsure:
        seen = sorted({each.program for each in unsure if each.program})
        names, it = [each.name for each in unsure], agree(unsure, "it", "them")
        only = f" (no Celery process was found in {it}, only {joined(seen)})" if seen else ""
        sentence += f" If {joined(names)} {agree(names, 'does', 'do')} not end{only}, stop {it}: "
        sentence += f"docker stop {' '.join(names)}."
    return sentence
