# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The command that opens Celery's own shell as a worker is started, and what that shell is told to print; pure.

Only Celery itself knows which tasks an app registers: they depend on its settings, on Django, on what imports what.
``celery shell`` loads all of that as a worker does, and it takes the interpreter, the folder and the app from the
worker's own command line.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from typing import NamedTuple, Optional

from .roles import SHELLS, find_command, script_of, simple_commands

# Options before the name of Celery's command that Celery before version 5 takes behind it, too.
_MOVED = ("-A", "--app", "--loader", "--config", "--workdir")
# What a script does before Celery that its environment depends on; whatever else it does is left out.
_SETS_UP = ("cd", ".", "source", "export")
_ASSIGNMENT = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*=")

_MARK = "bluegreen-task-names"
_NAMES = re.compile(_MARK.encode() + rb"(\[.*\])" + _MARK.encode())
_LINE = (
    "import json, os, sys; [app.loader.import_task_module(name) for name in {includes}]; app.finalize(); "
    "sys.stdout.write('\\n{mark}' + json.dumps(sorted(app.tasks)) + '{mark}\\n'); sys.stdout.flush(); os._exit(0)\n"
)


class Shell(NamedTuple):
    """How to ask: the command as a list, and the line for its standard input."""

    argv: list
    line: bytes


def shell_of(command):
    """The :class:`Shell` for a worker's command, or ``None`` when Celery is not found in it."""
    script, setup = script_of(command), []
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
    """The same question without the script that an image runs before its command, ``None`` where there is none.

    Such a script often waits for a database or a broker, which nobody answers for without a network.
    """
    first = os.path.basename(shell.argv[0])
    if first in ("celery", *SHELLS) or first.startswith("python") or not ("/" in shell.argv[0] or first.endswith(".sh")):
        return None
    for index, word in enumerate(shell.argv):
        name = os.path.basename(word)
        if index and (name in ("celery", *SHELLS) or name.startswith("python") and shell.argv[index + 1 : index + 2] == ["-m"]):
            return Shell(shell.argv[index:], shell.line)
    return None


def names_in(output):
    """The names that the shell printed, or ``None`` when it did not come to that."""
    found = _NAMES.search(output)
    try:
        return json.loads(found.group(1)) if found else None
    except ValueError:
        return None


def failure_in(errors):
    """The kind of the exception that ended a program. Not its text, which may hold a URL with a password."""
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    kind = re.match(r"^([A-Za-z_][\w.]*)(:|$)", lines[-1]) if lines else None
    return kind.group(1) if kind else ""


def _celery_words(words):
    """``(command up to and without "worker", modules to include)`` of a simple command, or ``None``."""
    found = find_command(words)
    if found is None or words[found[1]] != "worker":
        return None
    end = found[1]
    moved, includes, rest = [], [], words[end + 1:]
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


def _quoted(word):
    # A variable must stay one; what else was quoted or not makes no difference any more.
    if "$" in word:
        name, equals, value = word.partition("=")
        if not equals or not _ASSIGNMENT.match(word):
            name, equals, value = "", "", word
        return name + equals + '"' + re.sub(r'(["\\`])', r"\\\1", value) + '"'
    if _ASSIGNMENT.match(word):
        name, dummy, value = word.partition("=")
        return f"{name}={shlex.quote(value)}"
    return shlex.quote(word)
