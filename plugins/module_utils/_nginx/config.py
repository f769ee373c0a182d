# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The language of Nginx's configuration, read as far as a switch needs to understand it."""

from __future__ import annotations

import re
from typing import Iterable, Iterator, NamedTuple

from .._errors import BluegreenError

# In order: blanks, a comment up to the end of its line, strings, punctuation, a word. A word holds a brace only as part
# of a variable, ${name}.
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
    """A directive: its words, where it stands, and the statements between its braces (``None`` without braces)."""

    words: list[str]
    file: str
    line: int
    block: list[Statement] | None

    @property
    def name(self) -> str:
        return self.words[0]

    @property
    def place(self) -> str:
        """``file:line``, for messages."""
        return f"{self.file}:{self.line}"

    @property
    def inside(self) -> list[Statement]:
        """The statements between its braces; none without braces."""
        return self.block or []


class ConfigError(BluegreenError):
    """The text is not Nginx configuration."""


def parse(text: str, file: str) -> list[Statement]:
    """The statements of one file; an ``include`` is not followed.

    :param file: its path, for messages.
    :raises ConfigError: the text is not Nginx configuration.
    """
    tokens = _tokens(text, file)
    return _block(tokens, file, nested=False)


def _tokens(text: str, file: str) -> Iterator[tuple[str, str, int]]:
    """``(kind, value, line)`` of each word and each of ``{``, ``}``, ``;`` (kind ``mark``)."""
    position, line, previous = 0, 1, ""
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _wrong(f"{file}:{line}", "a quote or a \\ has no end")
        kind = match.lastgroup
        if kind in ("double", "single", "word"):
            previous = match.group(kind)
            yield "word", previous, line
        elif kind == "mark":
            yield kind, match.group(kind), line
            if match.group(kind) == "{" and previous.endswith("_by_lua_block"):
                # Lua has its own syntax, and passes no request on by a directive of Nginx.
                end = _end_of_lua(text, match.end())
                line += text.count("\n", position, end)
                position = end
                continue
        line += text.count("\n", position, match.end())
        position = match.end()


def _end_of_lua(text: str, position: int) -> int:
    depth = 1
    for match in _LUA_BRACKET.finditer(text, position):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return match.start()
    return len(text)


def _block(tokens: Iterator[tuple[str, str, int]], file: str, nested: bool) -> list[Statement]:
    statements: list[Statement] = []
    words: list[str] = []
    first_line = 0
    for kind, value, line in tokens:
        if kind == "word":
            first_line = first_line if words else line
            words.append(value)
        elif value == "}":
            if not nested or words:
                raise _wrong(f"{file}:{line}", "} is not expected there")
            return statements
        elif not words:
            raise _wrong(f"{file}:{line}", f"{value} is not expected there")
        else:
            block = _block(tokens, file, nested=True) if value == "{" else None
            statements.append(Statement(words, file, first_line, block))
            words = []
    if nested or words:
        raise _wrong(file, "the file ends in the middle of a statement")
    return statements


def _wrong(place: str, reason: str) -> ConfigError:
    return ConfigError(f"{place} is not Nginx configuration, because {reason}: correct the file (nginx -t checks it).")


def walk(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Every statement, also those within blocks, in order."""
    for statement in statements:
        yield statement
        yield from walk(statement.inside)


def descend(
    statements: Iterable[Statement], blocks: tuple[Statement, ...] = ()
) -> Iterator[tuple[Statement, tuple[Statement, ...]]]:
    """``(statement, blocks that it stands in, the innermost last)`` of every statement, in order."""
    for statement in statements:
        yield statement, blocks
        yield from descend(statement.inside, blocks + (statement,))


def children(statements: Iterable[Statement], name: str) -> list[Statement]:
    """The statements of that name, blocks not entered."""
    return [statement for statement in statements if statement.name == name]


def servers(upstream: Statement) -> list[Statement]:
    """The servers of an ``upstream`` block that may get requests."""
    found = children(upstream.inside, "server")
    return [server for server in found if len(server.words) > 1 and "down" not in server.words[2:]]


def http_statements(configuration: Iterable[Statement]) -> list[Statement]:
    """The statements directly in the ``http`` block."""
    return [inner for block in children(configuration, "http") for inner in block.inside]
