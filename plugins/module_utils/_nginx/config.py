# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The language of Nginx's configuration, read as far as a switch needs to understand it."""

from __future__ import annotations

import fnmatch
import os
import re
from typing import NamedTuple

from .._errors import BluegreenError

_SECTION = re.compile(r"^# configuration file (/.*):$", re.MULTILINE)
# In order: blanks, a comment up to the end of its line, strings, punctuation, a word. A brace within a word is only
# that of a variable, ${name}.
_TOKEN = re.compile(
    r"""
    (?P<blank>\s+)
    | (?P<comment>\#[^\n]*)
    | "(?P<double>(?:[^"\\]|\\.)*)"
    | '(?P<single>(?:[^'\\]|\\.)*)'
    | (?P<mark>[{};])
    | (?P<word>(?!["'])(?:\\.|\$\{[^}]*\}|[^\s{};\\])+)
    """,
    re.VERBOSE | re.DOTALL,
)
_LUA_BRACKET = re.compile(r"[{}]")


class Statement(NamedTuple):
    """A directive: its words, where it stands, and what is between its braces (``None`` without braces)."""

    words: list
    file: str
    line: int
    block: object

    @property
    def name(self):
        return self.words[0]

    @property
    def place(self):
        return f"{self.file}:{self.line}"


class ConfigError(BluegreenError):
    """The text is not Nginx configuration."""


def parse(text, file):
    """The statements of one file; ``include`` is left as it stands."""
    tokens = _tokens(text, file)
    return _block(tokens, file, nested=False)


def _tokens(text, file):
    position, line, previous = 0, 1, ""
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ConfigError(f"{file}:{line} is not Nginx configuration: a quote or a \\ has no end.")
        kind = match.lastgroup
        if kind in ("double", "single", "word"):
            previous = match.group(kind)
            yield "word", previous, line
        elif kind == "mark":
            yield "mark", match.group(kind), line
            if match.group(kind) == "{" and previous.endswith("_by_lua_block"):
                # Lua has a syntax of its own; nothing in it passes requests on by a directive.
                end = _end_of_lua(text, match.end())
                line += text.count("\n", position, end)
                position = end
                continue
        line += text.count("\n", position, match.end())
        position = match.end()


def _end_of_lua(text, position):
    depth = 1
    for match in _LUA_BRACKET.finditer(text, position):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return match.start()
    return len(text)


def _block(tokens, file, nested):
    statements, words, first_line = [], [], 0
    for kind, value, line in tokens:
        if kind == "word":
            first_line = first_line if words else line
            words.append(value)
        elif value == "}":
            if not nested or words:
                raise ConfigError(f"{file}:{line} is not Nginx configuration: unexpected }}.")
            return statements
        elif not words:
            raise ConfigError(f"{file}:{line} is not Nginx configuration: unexpected {value}.")
        else:
            block = _block(tokens, file, nested=True) if value == "{" else None
            statements.append(Statement(words, file, first_line, block))
            words = []
    if nested or words:
        raise ConfigError(f"{file} is not Nginx configuration: it ends in the middle of a statement.")
    return statements


def sections(dump):
    """The files that ``nginx -T`` printed, ``{path: text}`` in the order of their inclusion.

    A comment can look like the line with which Nginx announces a file. Nginx announces each file once, so a path
    that comes twice makes the whole dump worthless.
    """
    found = list(_SECTION.finditer(dump))
    ends = [match.start() for match in found[1:]] + [len(dump)]
    files = {}
    for match, end in zip(found, ends):
        if match.group(1) in files:
            raise ConfigError(
                f"nginx -T shows {match.group(1)} twice: a comment in the Nginx configuration looks like the line "
                "'# configuration file ...:' that Nginx writes itself. Reword that comment."
            )
        # Nginx ends each file with a newline of its own.
        text = dump[match.end() + 1:end]
        files[match.group(1)] = text[:-1] if text.endswith("\n") else text
    return files


def load(files):
    """The statements of the whole configuration, each ``include`` replaced by what it includes.

    :param files: ``{path: text}``, the main file first.
    """
    if not files:
        return []
    main = next(iter(files))
    parsed = {}

    def expand(statements, active):
        for statement in statements:
            if statement.name == "include" and statement.block is None and len(statement.words) == 2:
                for path in included(statement.words[1], os.path.dirname(main), files):
                    if path not in active:
                        yield from expand(read(path), active + (path,))
            elif statement.block is None:
                yield statement
            else:
                yield statement._replace(block=list(expand(statement.block, active)))

    def read(path):
        if path not in parsed:
            parsed[path] = parse(files[path], path)
        return parsed[path]

    return list(expand(read(main), (main,)))


def included(pattern, folder, paths):
    """Those of ``paths`` that an ``include`` of ``pattern`` in a configuration below ``folder`` names."""
    wanted = os.path.normpath(os.path.join(folder, pattern)).split("/")
    return sorted(path for path in paths if _matches(os.path.normpath(path).split("/"), wanted))


def _matches(parts, wanted):
    # As glob(3) does: a wildcard matches neither a slash nor a leading dot.
    return len(parts) == len(wanted) and all(
        fnmatch.fnmatchcase(part, pattern) and (not part.startswith(".") or pattern.startswith("."))
        for part, pattern in zip(parts, wanted)
    )


def walk(statements):
    """Every statement, also those within blocks, in order."""
    for statement in statements:
        yield statement
        if statement.block is not None:
            yield from walk(statement.block)


def descend(statements, blocks=()):
    """Every statement, also those within blocks, in order, each with the blocks that it stands in, the innermost last."""
    for statement in statements:
        yield statement, blocks
        if statement.block is not None:
            yield from descend(statement.block, blocks + (statement,))


def children(statements, name):
    """The statements of that name, blocks not entered."""
    return [statement for statement in statements if statement.name == name]


def servers(upstream):
    """The servers of an ``upstream`` block that may get requests."""
    return [each for each in children(upstream.block, "server") if len(each.words) > 1 and "down" not in each.words[2:]]


def http_statements(configuration):
    """What stands directly in the ``http`` block."""
    return [inner for block in children(configuration, "http") for inner in block.block or ()]
