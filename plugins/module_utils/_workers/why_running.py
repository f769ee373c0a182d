# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Why a container still runs that was told to finish: it finishes its tasks, or it will never end, or nobody can tell.

Only of Celery that listens it is true that more time helps and that it takes no new tasks.
"""

from __future__ import annotations

from typing import NamedTuple

from .._celery import signals as celery_signals
from .._celery.roles import main_processes, programs
from .._linux.processes import environment_of, pid_inside, processes_of, status_of

# Its Celery works on its tasks; its program does not listen; its program is not Celery; its processes cannot be seen.
FINISHING, DEAF, OTHER, HIDDEN = "finishing", "deaf", "other", "hidden"
_LONGEST = 60


class Lingering(NamedTuple):
    """A container that was told to finish and still runs.

    ``kind`` is one of the four above; ``program`` is the command line that runs in it, for people, and ``signal`` what it
    was sent; ``is_frozen`` says that something in it was sent SIGSTOP.
    """

    name: str
    kind: str
    program: str = ""
    signal: str = "SIGTERM"
    is_frozen: bool = False


def judge(name: str, processes: list, signal: str, deaf: set) -> Lingering:
    """The same from what was seen. Pure.

    :param deaf: pids of those programs to which the signal is nothing.
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
    """Whether a signal does nothing to a process, by the text of its status. Pure.

    :param pid: the one that it has inside of its container: the kernel drops a signal to a process 1 without a handler.
    """
    return celery_signals.ignores(status, number) or pid == 1 and not celery_signals.catches(status, number)


def lingering_of(container) -> Lingering:
    """Why a container that was told to finish still runs."""
    processes, signal, deaf = processes_of(container.pid), container.stop_signal, set()
    for each in [] if main_processes(processes) else programs(processes):
        signal = celery_signals.warm_signal(environment_of(each.pid), container.stop_signal)
        if is_deaf(status_of(each.pid), celery_signals.number_of(signal), pid_inside(each.pid)):
            deaf.add(each.pid)
    return judge(container.name, processes, signal, deaf)


def refusals(lingering: list, timeout: float, busy: str) -> list:
    """Sentences for a deployment that goes back because of them: why, and what can be done.

    :param busy: what is known of the tasks that ran there; empty, or begins with a blank.
    """
    found = []
    for kind in (FINISHING, DEAF, OTHER, HIDDEN):
        those = [each for each in lingering if each.kind == kind]
        names = ", ".join(each.name for each in those)
        told = f"Container {names} still runs {timeout:g} s after it was told to finish.{busy}"
        for each in those[:1]:
            found.append(f"{told} {_WAYS_OUT[kind].format(**each._asdict())}")
            busy = ""
    return found


_WAYS_OUT = {
    FINISHING: (
        "Nothing is lost: it goes on to its end. Give the tasks longer (bluegreen_worker_stop_timeout), or choose another "
        "bluegreen_worker_on_timeout (leave, requeue or kill)."
    ),
    DEAF: (
        "More time does not help: its program ({program}) does not listen to {signal} and goes on as before. Let the script "
        "that starts it hand over with exec, or name a signal that it listens to (stop_signal in the Compose file); "
        "bluegreen_worker_on_timeout: kill ends it by force."
    ),
    OTHER: (
        "No Celery is seen in it, only {program}, which was sent {signal}. If that finishes its work, give it longer "
        "(bluegreen_worker_stop_timeout); if it does not end by itself, bluegreen_worker_on_timeout: kill ends it by force."
    ),
    HIDDEN: (
        "Its processes cannot be seen from here, so whether it finishes its tasks or does not listen to {signal} only its logs "
        "tell. Give it longer (bluegreen_worker_stop_timeout), or choose another bluegreen_worker_on_timeout (leave, requeue "
        "or kill)."
    ),
}


def left_sentence(each: Lingering, timeout: float) -> str:
    """What there is to say of one that is left to end by itself."""
    if each.kind == FINISHING:
        return f"Container {each.name} still finishes its tasks after {timeout:g} s: it takes no new ones and ends by itself."
    still = f"Container {each.name} still runs after {timeout:g} s"
    if each.kind == DEAF:
        return (
            f"{still} and does not end by itself: its program ({each.program}) does not listen to {each.signal} and goes on as "
            f"before. Stop it when its work may be cut off (docker stop {each.name})."
        )
    if each.kind == OTHER:
        seen = f"no Celery is seen in it, only {each.program}, which was sent {each.signal}"
    else:
        seen = f"its processes cannot be seen from here, so whether it listens to {each.signal} is not known"
    return f"{still}, and {seen}: if it does not end by itself, stop it (docker stop {each.name})."


def stuck_sentence(stuck: list, timeout: float) -> str:
    """What there is to say on the way back of those that did not end, so that they could not be started again."""
    names = ", ".join(each.name for each in stuck)
    sentence = (
        f"{names} was told to finish and still runs after {timeout:g} s: it is started again once it has ended, by the next "
        "run of rollback.yml or recover.yml."
    )
    unsure = [each for each in stuck if each.kind != FINISHING]
    if unsure:
        names = " ".join(each.name for each in unsure)
        seen = ", ".join(sorted({each.program for each in unsure if each.program}))
        sentence += f" If it does not end{f' (no Celery is seen in it, only {seen})' if seen else ''}, stop it: docker stop {names}."
    return sentence
