# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The simple commands that a command line runs: itself, or those of a shell's script. Pure."""

from __future__ import annotations

import functools
import os
import re
import shlex
from typing import Optional, Sequence

SHELLS = ("sh", "bash", "dash", "ash", "zsh", "busybox")
_OPERATORS = re.compile(r"^[;&|()]+$")
# Options of a shell: some with -c among them, and some that are followed by a value.
_SCRIPT = re.compile(r"^-[a-zA-Z]*c[a-zA-Z]*$")
_VALUED = re.compile(r"^([-+][a-zA-Z]*[oO]|--rcfile|--init-file)$")
# How many words of options a shell has at most.
_LONGEST = 20
# Stands for a part of a script that the shell replaces, such as $(nproc).
_MARK = "\ue000"
# Parentheses, and what is skipped between them.
_PARENTHESES = re.compile(r"\\.|'[^']*'|\"(?:\\.|[^\"\\])*\"|[()]", re.DOTALL)
_BACKTICKS = re.compile(r"`(?:\\.|[^`\\])*`", re.DOTALL)


def script_of(argv: Sequence[str]) -> Optional[tuple[list[str], str]]:
    """``(words before the script, script)`` of a command that runs a script in a shell, or ``None``."""
    words, found_su = [str(word) for word in argv], False
    for index, word in enumerate(words[:-1]):
        if os.path.basename(word) in SHELLS:
            at = _script_after(words, index + 1)
            if at:
                return words[:at], words[at]
        if os.path.basename(word) in ("su", "runuser") and not found_su:
            # What a second one has after it, the first one has too.
            found_su = True
            for at, option in enumerate(words[index + 1:], index + 1):
                if option in ("-c", "--command") and at + 1 < len(words):
                    return words[:at + 1], words[at + 1]
                if option.startswith("--command="):
                    return [*words[:at], "-c"], option.partition("=")[2]
    return None


def _script_after(words: Sequence[str], at: int) -> int:
    """The index of the script among a shell's words, as in ``bash -euo pipefail -c SCRIPT``; 0 without one.

    :param at: the index of the first word after the shell.
    """
    runs_script, end = False, min(len(words), at + _LONGEST)
    while at + 1 < end and words[at][:1] in ("-", "+"):
        runs_script = runs_script or bool(_SCRIPT.match(words[at]))
        at += 2 if _VALUED.match(words[at]) else 1
    return at if runs_script and at < end else 0


def simple_commands(argv: Sequence[str]) -> list[list[str]]:
    """The commands, each a list of words, that a command runs: itself, or those of a shell's script."""
    found = script_of(argv)
    if not found:
        return [[str(word) for word in argv]]
    return [command for words in _split(found[1]) for command in simple_commands(words)]


@functools.lru_cache(maxsize=64)
def _split(script: str) -> list[list[str]]:
    marked, replaced = _marked(script.replace("\\\n", " "))
    lexer = shlex.shlex(marked.replace("\n", ";"), posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError:
        # A quote is not closed. The shell would refuse the script too, but a guess is better than none.
        words = marked.split()
    originals = iter(replaced)
    commands: list[list[str]] = [[]]
    for word in words:
        if _OPERATORS.match(word):
            commands.append([])
        else:
            commands[-1].append("".join(next(originals, "") if char == _MARK else char for char in word))
    return commands


def _marked(script: str) -> tuple[str, list[str]]:
    """A script without comments and with a mark for each part that the shell replaces; these parts in their order."""
    kept, replaced, quote, at, ends = [], [], "", 0, True
    while at < len(script):
        char, length = script[at], 1
        if char == "\\" and quote != "'":
            length = 2
        elif char in ("'", '"') and quote in ("", char):
            quote = "" if quote else char
        elif ends and quote != "'" and (char == "`" or script.startswith("$(", at)):
            length = _length_of_replaced(script, at)
            # Without an end of this one no other is looked for, which would take the square of the time.
            ends = length > 1
        elif char == "#" and not quote and script[at - 1:at] in ("", " ", "\t", "\n", ";", "&", "|", "(", ")"):
            end = script.find("\n", at)
            at = len(script) if end < 0 else end
            continue
        part = script[at:at + length]
        if len(part) > 1 and char != "\\":
            replaced.append(part)
            part = _MARK
        kept.append(part)
        at += length
    return "".join(kept), replaced


def _length_of_replaced(script: str, at: int) -> int:
    """The length of ``$(…)`` or of a text in backticks; 1 if it does not end."""
    if script[at] == "`":
        text = _BACKTICKS.match(script, at)
        return text.end() - at if text else 1
    depth = 0
    for found in _PARENTHESES.finditer(script, at + 1):
        depth += {"(": 1, ")": -1}.get(found.group(), 0)
        if not depth:
            return found.end() - at
    return 1
