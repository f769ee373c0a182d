# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The command for Celery's shell that makes an app print the tasks that it registers. Pure.

Only Celery itself can tell which tasks an app registers: they depend on its settings, on Django and on its imports.
``celery shell`` loads an app as a worker does. Interpreter, folder and app are those of the worker's command line.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from typing import NamedTuple, Optional, Sequence

from .roles import find_command
from .script import SHELLS, script_of, simple_commands

# Options that Celery before version 5 also takes after the name of its command.
_MOVED = ("-A", "--app", "--loader", "--config", "--workdir")
# Commands of a script that set up the environment of Celery. All others are left out.
_SETS_UP = ("cd", ".", "source", "export")
_ASSIGNMENT = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*=")

_MARK = "bluegreen-task-names"
_NAMES = re.compile(_MARK.encode() + rb"(\[.*\])" + _MARK.encode())
_LINE = (
    "import json, os, sys; [app.loader.import_task_module(name) for name in {includes}]; app.finalize(); "
    "sys.stdout.write('\\n{mark}' + json.dumps(sorted(app.tasks)) + '{mark}\\n'); sys.stdout.flush(); os._exit(0)\n"
)


class Shell(NamedTuple):
    """The command as a list, and the line for its standard input."""

    argv: list[str]
    line: bytes


def shell_of(command: Sequence[str]) -> Optional[Shell]:
    """The :class:`Shell` for a worker's command, or ``None`` if Celery is not found in it."""
    script = script_of(command)
    setup: list[list[str]] = []
    for words in simple_commands(command):
        found = _celery_words(words)
        if found is not None:
            prefix, includes = found
            argv = prefix + ["shell", "--python", "--without-tasks"]
            if script is not None:
                argv = [*script[0], " && ".join(" ".join(map(_quoted, each)) for each in [*setup, argv])]
            line = _LINE.format(includes=json.dumps(includes), mark=_MARK)
            return Shell(argv, line.encode())
        if words and (words[0] in _SETS_UP or all(_ASSIGNMENT.match(word) for word in words)):
            setup.append(words)
    return None


def without_entry_script(shell: Shell) -> Optional[Shell]:
    """The same without the entry script that an image runs before its command, ``None`` if there is no such script.

    An entry script often waits for a database or a broker, and none can be reached without a network.
    """
    first = os.path.basename(shell.argv[0])
    if first in ("celery", *SHELLS) or first.startswith("python"):
        return None
    if "/" not in shell.argv[0] and not first.endswith(".sh"):
        return None
    for index, word in enumerate(shell.argv):
        name = os.path.basename(word)
        is_python = name.startswith("python") and shell.argv[index + 1 : index + 2] == ["-m"]
        if index and (name in ("celery", *SHELLS) or is_python):
            return Shell(shell.argv[index:], shell.line)
    return None


def names_in(output: bytes) -> Optional[list[str]]:
    """The names that the shell printed, or ``None`` if it printed none."""
    found = _NAMES.search(output)
    if not found:
        return None
    try:
        names: list[str] = json.loads(found.group(1))
    except ValueError:
        return None
    return names


def failure_in(errors: bytes) -> str:
    """The type of the exception that ended a program, else empty; without its text, which may hold a password."""
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    kind = re.match(r"^([A-Za-z_][\w.]*)(:|$)", lines[-1]) if lines else None
    return kind.group(1) if kind else ""


def _celery_words(words: list[str]) -> Optional[tuple[list[str], list[str]]]:
    """``(the words before "worker", modules to include)`` of a simple command, or ``None``."""
    found = find_command(words)
    if found is None or words[found[1]] != "worker":
        return None
    end = found[1]
    moved: list[str] = []
    includes: list[str] = []
    rest = words[end + 1:]
    for index, word in enumerate(rest):
        name, equals, value = word.partition("=")
        if not equals:
            value = rest[index + 1] if index + 1 < len(rest) else ""
        if name in ("-I", "--include"):
            includes += [module for module in value.split(",") if module]
        elif name in _MOVED and value:
            moved += [name, value]
    begin = 1 if words[0] == "exec" else 0
    return words[begin:end] + moved, includes


def _quoted(word: str) -> str:
    # Double quotes keep a variable a variable. How the rest was quoted makes no difference here.
    if "$" in word:
        name, equals, value = word.partition("=")
        if not equals or not _ASSIGNMENT.match(word):
            name, equals, value = "", "", word
        return name + equals + '"' + re.sub(r'(["\\`])', r"\\\1", value) + '"'
    if _ASSIGNMENT.match(word):
        name, dummy, value = word.partition("=")
        return f"{name}={shlex.quote(value)}"
    return shlex.quote(word)
