# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is a Celery worker and what is a beat, judged by commands and processes. Pure.

Only the word in the place of the program counts: a script, an init or a supervisor often has Celery's whole command
line among its arguments and is not Celery.
"""

from __future__ import annotations

import os
import re
from typing import Callable, Mapping, NamedTuple, Optional, Sequence

from .._process import Process
from .script import SHELLS, simple_commands

# Programs that start Celery and are not Celery themselves, by the name of their file.
INITS = ("tini", "docker-init", "dumb-init", "catatonit")
# These run one program, do nothing to it by themselves, and end with it.
RUNNERS = (
    *("su", "sudo", "runuser", "gosu", "su-exec", "setpriv", "env", "nice", "ionice", "flock", "setsid", "stdbuf"),
    *("nohup", "chpst", "dotenv"),
)
_WRAPPERS = (
    *SHELLS,
    *INITS,
    *RUNNERS,
    *("supervisord", "circusd", "honcho", "s6-svscan", "s6-supervise", "runsvdir", "runsv", "init", "systemd", "monit"),
    *("tee", "timeout", "watchmedo", "xargs"),
)

# Options before the name of Celery's command that are followed by a value.
VALUED = ("-A", "--app", "-b", "--broker", "--result-backend", "--loader", "--config", "--workdir")

# -B among other flags, as in -EB or -BE, perhaps with an option after them that has a value (-Bl info).
_EMBEDDED_BEAT = re.compile(r"^(-[ED]*B[ED]*([lcnQPO].*)?|--beat)$")
_PYTHON = re.compile(r"^(python|pypy)[0-9.]*$")


class Roles(NamedTuple):
    """Whether something consumes tasks, and whether it sends the periodic ones. ``worker -B`` does both."""

    worker: bool = False
    beat: bool = False

    def __or__(self, other: Roles) -> Roles:
        return Roles(self.worker or other.worker, self.beat or other.beat)

    @property
    def name(self) -> str:
        """worker, beat, worker+beat, or other (such as Flower)."""
        return "+".join(name for name, true in (("worker", self.worker), ("beat", self.beat)) if true) or "other"


def roles_named(name: str) -> Roles:
    """The roles with a name from :attr:`Roles.name`."""
    return Roles("worker" in name, "beat" in name)


def roles_of_command(argv: Sequence[str]) -> Roles:
    """Roles of a command given as a list; in a shell's script (``-c``) each command counts."""
    roles = Roles()
    for command in simple_commands(argv):
        roles |= _roles_of_words(command)
    return roles


def roles_of_processes(processes: Sequence[Process]) -> Roles:
    """Roles of a container by the processes that run in it."""
    roles = Roles()
    for process in main_processes(processes):
        roles |= _roles_of_process(process)
    return roles


def roles_of_listed(service: str, command: Sequence[str]) -> Roles:
    """Roles of a stopped container that the user lists as a worker: by its command, otherwise by names.

    The name is all that a script such as ``/start-celerybeat`` shows. It decides only between worker and beat, never
    whether a container is a worker at all.
    """
    roles = roles_of_command(command)
    if roles != Roles():
        return roles
    names = [service] + [os.path.basename(words[0]) for words in simple_commands(command) if words]
    names += [os.path.basename(word) for word in command[1:] if word.startswith("/")]
    beat = any("beat" in name for name in names)
    return Roles(worker=not beat and any("worker" in name for name in names), beat=beat)


def find_command(words: Sequence[str]) -> Optional[tuple[int, int]]:
    """``(index of "celery", index of its command)`` in a simple command that starts workers or a beat, or ``None``.

    The value of an option is not a command: ``celery -A worker beat`` is a beat.
    """
    for start, word in enumerate(words):
        if os.path.basename(word) != "celery":
            continue
        end = start + 1
        while end < len(words) and words[end].startswith("-"):
            end += 2 if words[end] in VALUED else 1
        if end < len(words) and words[end] in ("worker", "beat", "multi"):
            return start, end
    return None


def broker_of_command(argv: Sequence[str]) -> str:
    """The broker's URL in a command given as a list, as it is written there; empty if Celery gets no such option."""
    for command in simple_commands(argv):
        names = [os.path.basename(word) for word in command]
        options = command[names.index("celery") + 1:] if "celery" in names else []
        for index, word in enumerate(options):
            option, found, value = word.partition("=")
            if option == "--broker" and found:
                return value
            if word in ("-b", "--broker"):
                return "".join(options[index + 1 : index + 2])
    return ""


def main_processes(processes: Sequence[Process]) -> list[Process]:
    """Celery's main processes in a container: only these may get the signal.

    A child of the pool has the command line of its main process, or a title of its own. A process that has Celery's
    words only among its arguments, and another such process below it, has just started that one.
    """
    celery = [each for each in processes if not _is_wrapper(each) and _roles_of_process(each) != Roles()]
    itself = [each for each in celery if _is_program(each)]
    # Other programs, such as "manage.py celery worker", count only if Celery itself does not run.
    candidates = {each.pid: each for each in itself or celery}
    parents = {each.pid: each.ppid for each in processes}
    children: set[int] = set()
    launchers: set[int] = set()
    for process in candidates.values():
        for pid in ancestors(process.pid, parents):
            if pid in candidates and _is_child_of(process, candidates[pid]):
                children.add(process.pid)
            elif pid in candidates and not itself:
                launchers.add(pid)
    # A process below a child of the pool belongs to the child's task and ends with it.
    children |= {pid for pid in candidates if not children.isdisjoint(ancestors(pid, parents))}
    return [each for each in candidates.values() if each.pid not in children | launchers]


def programs(processes: Sequence[Process]) -> list[Process]:
    """The processes that do a worker container's work: Celery's, else the first below shells, inits and supervisors.

    :param processes: those of the container, process 1 first.
    """
    found = main_processes(processes)
    if found:
        return found
    below: dict[int, list[Process]] = {}
    for process in processes:
        below.setdefault(process.ppid, []).append(process)
    waiting = list(processes[:1])
    while waiting:
        process = waiting.pop(0)
        children = below.get(process.pid, [])
        if _is_wrapper(process) and children:
            waiting += children
        elif not process.is_frozen:
            # A frozen one without children was told to finish earlier, and its Celery has ended.
            found.append(process)
    return found


def embedded_beat(
    main: Process, processes: Sequence[Process], ignores_interrupt: Callable[[int], bool]
) -> Optional[Process]:
    """The process of a ``worker -B`` that sends the periodic tasks, or ``None``.

    The children of the pool ignore SIGINT, the beat does not. It starts with the worker, so it is the oldest of those
    that do not.

    :param main: Celery's main process.
    :param ignores_interrupt: called with a pid.
    """
    if not _roles_of_process(main).beat or not _roles_of_process(main).worker:
        return None
    children = sorted((each for each in processes if each.ppid == main.pid), key=lambda each: (each.started, each.pid))
    for child in children:
        if _words(child)[:2] == ["[celery", "beat]"]:
            return child
    return next((each for each in children if each.argv == main.argv and not ignores_interrupt(each.pid)), None)


def ancestors(pid: int, parents: Mapping[int, int]) -> list[int]:
    """The pids above a process within a container, nearest first; ``parents`` maps a pid to its parent's."""
    found: list[int] = []
    pid = parents.get(pid, 0)
    while pid in parents and pid not in found:
        found.append(pid)
        pid = parents[pid]
    return found


def _is_child_of(process: Process, main: Process) -> bool:
    title = _words(process)
    if title[:1] == ["[celeryd:"]:
        return "MainProcess" not in " ".join(title[:2])
    return process.argv == main.argv or title[:2] == ["[celery", "beat]"] and _roles_of_process(main).worker


def _is_wrapper(process: Process) -> bool:
    # For a script the kernel's name is that of the script, and the command line begins with its interpreter.
    return process.name in _WRAPPERS or os.path.basename((_words(process) or [""])[0]) in _WRAPPERS


def _is_program(process: Process) -> bool:
    """Whether a process runs Celery itself, and not a program that has Celery's words among its arguments."""
    words = _words(process)
    if words[0] in ("[celeryd:", "[celery") or os.path.basename(words[0]) == "celery":
        return True
    if not _PYTHON.match(os.path.basename(words[0])):
        return False
    rest = words[1:]
    while rest and rest[0].startswith("-"):
        if rest[0] == "-m":
            return rest[1:2] == ["celery"]
        rest = rest[2:] if rest[0] in ("-X", "-W", "-c") else rest[1:]
    return bool(rest) and os.path.basename(rest[0]) == "celery"


def _words(process: Process) -> list[str]:
    # A program that sets its title (setproctitle) has one string with spaces in place of its arguments.
    return " ".join(process.argv).split()


def _roles_of_process(process: Process) -> Roles:
    words = _words(process)
    found = find_command(words)
    # "celery multi" only starts workers, in the background, and ends.
    return Roles() if found and words[found[1]] == "multi" else _roles_of_words(words)


def _roles_of_words(words: list[str]) -> Roles:
    # With setproctitle Celery's title is "[celeryd: celery@host:MainProcess] -active- (worker -B)".
    if words[:1] == ["[celeryd:"]:
        return Roles(worker=True, beat=any(_EMBEDDED_BEAT.match(word.strip("()")) for word in words))
    if words[:2] == ["[celery", "beat]"]:
        return Roles(beat=True)
    found = find_command(words)
    if found is None:
        return Roles()
    command, options = words[found[1]], words[found[1] + 1:]
    if command == "beat":
        return Roles(beat=True)
    return Roles(worker=True, beat=any(_EMBEDDED_BEAT.match(option) for option in options))
