# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What is a Celery worker and what is a beat, judged by commands and processes."""

from __future__ import annotations

import os
import re
import shlex
from typing import NamedTuple

# Programs that stand before a Celery process without being one, by the name that the kernel shows.
SHELLS = ("sh", "bash", "dash", "ash", "zsh", "busybox")
INITS = ("tini", "docker-init", "dumb-init", "catatonit", "s6-svscan", "runsvdir", "init")
_WRAPPERS = SHELLS + INITS + ("tee", "su", "sudo", "gosu", "su-exec", "setpriv", "timeout", "env", "nice")

_SHELL_OPERATORS = re.compile(r"^[;&|()]+$")
# -B alone or behind other flags that take no value, as in -EB.
_EMBEDDED_BEAT = re.compile(r"^(-[ED]*B|--beat$)")


class Process(NamedTuple):
    """A process of a container as the host sees it; ``name`` is the kernel's short name, ``argv`` its command line."""

    pid: int
    ppid: int
    name: str
    argv: list


class Roles(NamedTuple):
    """Whether something consumes tasks, and whether it sends the periodic ones. ``worker -B`` does both."""

    worker: bool = False
    beat: bool = False

    def __or__(self, other):
        return Roles(self.worker or other.worker, self.beat or other.beat)

    @property
    def name(self):
        """worker, beat, worker+beat, or other (such as Flower)."""
        return "+".join(name for name, true in (("worker", self.worker), ("beat", self.beat)) if true) or "other"


def roles_of_command(argv):
    """Roles of a command given as a list; what a shell is given with ``-c`` is looked through."""
    roles = Roles()
    for command in simple_commands(argv):
        roles |= _roles_of_words(command)
    return roles


def broker_of_command(argv):
    """The broker's URL in a command given as a list, as it is written there; empty when Celery is not given one."""
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


def roles_of_container(container, processes=()):
    """Roles of a container by its command, its processes, and at last its name.

    A script such as ``/start-celerybeat`` says what it is by its processes while it runs, and only by its name before.
    """
    roles = roles_of_command(container.command)
    for process in main_processes(processes):
        roles |= _roles_of_process(process)
    if roles != Roles():
        return roles
    names = [container.service] + [os.path.basename(word) for word in container.command if "/" in word]
    beat = any("beat" in name for name in names)
    return Roles(worker=not beat and any("worker" in name for name in names), beat=beat)


def main_processes(processes):
    """Celery's main processes among those of a container: the ones that must get the signal, never their children."""
    candidates = {
        process.pid: process
        for process in processes
        # An init or a wrapper carries Celery's whole command line in its own: only the name tells it.
        if process.name not in _WRAPPERS and _roles_of_process(process) != Roles()
    }
    return [process for process in candidates.values() if process.ppid not in candidates]


def _roles_of_process(process):
    # A program that renames itself (setproctitle) leaves one string with spaces in place of its arguments.
    return _roles_of_words(" ".join(process.argv).split())


def script_of(argv):
    """``(words of the shell with its -c, script)`` of a command that a shell is given, or ``None``."""
    words = [str(word) for word in argv]
    for index, word in enumerate(words[:-1]):
        if os.path.basename(word) in SHELLS and re.match(r"^-[a-z]*c$", words[index + 1]) and len(words) > index + 2:
            return words[:index + 2], words[index + 2]
    return None


def simple_commands(argv):
    """The commands, each a list of words, that a command runs: itself, or those of a shell's script."""
    found = script_of(argv)
    return _split(found[1]) if found else [[str(word) for word in argv]]


def _split(script):
    lexer = shlex.shlex(script.replace("\\\n", " ").replace("\n", ";"), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # A quote without its end: the shell itself would refuse it, but a guess is better than none.
        words = script.split()
    commands = [[]]
    for word in words:
        if _SHELL_OPERATORS.match(word):
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


def _roles_of_words(words):
    for index, word in enumerate(words):
        # Celery's main process names itself "[celeryd: celery@host:MainProcess]" where setproctitle is installed.
        if word == "[celeryd:":
            return Roles(worker=True)
        if word == "[celery" and words[index + 1 : index + 2] == ["beat]"]:
            return Roles(beat=True)
        if os.path.basename(word) != "celery":
            continue
        rest = words[index + 1:]
        if "worker" in rest:
            options = rest[rest.index("worker") + 1:]
            return Roles(worker=True, beat=any(_EMBEDDED_BEAT.match(option) for option in options))
        if "beat" in rest:
            return Roles(beat=True)
    return Roles()
