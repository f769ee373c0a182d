# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of style that no linter checks: words to avoid, and sizes of files and functions. Prints a line for each offense.

CONTRIBUTING.md gives the reasons. Spelling is checked by codespell, the length of lines by ruff.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# What to avoid, and what to write instead.
WORDS = [
    (re.compile(pattern, re.IGNORECASE), instead)
    for pattern, instead in (
        (r"\bmend(s|ed|ing)?\b", "fix"),
        (r"\b(who|what|whom)ever\b", "the user who …, everything that …, no matter which …"),
        (r"\bof before\b", "previous"),
        (r"\ball the same\b", "anyway"),
        (r"(?<!there )\b(is|are) no (?!longer\b|more\b|less\b|other\b)", "is not a …, are not …"),
        (r"\bsigns? of life\b", "heartbeat"),
    )
]
# Where a user reads a command, it is one that works after an installation from Galaxy.
COMMANDS = [
    (re.compile(r"(?<!playbooks/)\b(prepare|deploy|finish|rollback|recover|status)\.yml\b"), r"smallfleet.bluegreen.\1, or _commands.command()")
]
TEXTS = ("plugins/", "roles/", "playbooks/", "docs/", "README.md")
READ_BY_USERS = ("plugins/", "docs/", "README.md")
ENDINGS = (".py", ".md", ".yml", ".yaml", ".j2", ".sh")

SIZED = "plugins/"
FILE_LINES = 420
FUNCTION_LINES = 60


def words(path, text):
    """``(line, sentence)`` of each word in a text that is to be avoided."""
    rules = WORDS + (COMMANDS if path.startswith(READ_BY_USERS) else [])
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, instead in rules:
            for found in pattern.finditer(line):
                yield number, f"avoid {found[0].strip()!r}: write {found.expand(instead)}"


def sizes(text):
    """``(line, sentence)`` of a Python file that is too long, and of each function that is."""
    lines = len(text.splitlines())
    if lines > FILE_LINES:
        yield FILE_LINES + 1, f"the file has {lines} lines, and {FILE_LINES} are the most: split it"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield node.lineno, f"{node.name} has {lines} lines, and {FUNCTION_LINES} are the most: split it"


def offenses(path, text):
    if path.startswith(TEXTS) and path.endswith(ENDINGS):
        yield from words(path, text)
    if path.startswith(SIZED) and path.endswith(".py"):
        yield from sizes(text)


def main():
    listed = ["git", "ls-files", "-co", "--exclude-standard", "-z", *TEXTS]
    names = subprocess.run(listed, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout.decode().split("\0")
    count = 0
    for name in sorted(filter(None, names)):
        path = os.path.join(ROOT, name)
        if name.endswith(ENDINGS) and os.path.isfile(path) and not os.path.islink(path):
            with open(path, encoding="utf-8") as source:
                text = source.read()
            for line, sentence in offenses(name, text):
                count += 1
                print(f"{name}:{line}: {sentence}")
    print(f"{count} offense{'' if count == 1 else 's'}.")
    return min(count, 1)


if __name__ == "__main__":
    sys.exit(main())
