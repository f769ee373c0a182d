# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Redis through the redis-cli in its own container, for a host that has no route to the container's address.

This is so with a rootless engine or a macvlan network. Each call starts a process, which takes a second on a small
computer, so it is never the first choice. Commands are written to standard input: neither they nor a password show in
the list of processes.
"""

from __future__ import annotations

import re
from typing import Any, Iterable

from .._docker.containers import Container
from .._docker.engine import Engine
from .redis import Command, Commands, RedisError, asks_for_none, refusal
from .url import Credentials

# --no-raw prints quoted text and numbered lists, which can be parsed; raw output cannot.
ARGV = ["redis-cli", "--no-raw"]

# redis-cli prints the answers to these raw in spite of --no-raw.
_PRINTED_RAW = ("INFO", "CLIENT")

_ITEM = re.compile(rb" *(\d+)\) ")
_SLOW = re.compile(rb"\(\d+\.\d\ds\)$")
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}
_EMPTY = (b"(empty array)", b"(empty list or set)", b"(empty set)", b"(empty hash)")


class RedisCli(Commands):
    """The same as :class:`redis.Redis`, with a process for each pipeline."""

    def __init__(self, engine: Engine, container: Container, database: int, credentials: Credentials) -> None:
        self._engine = engine
        self._container = container
        self.place = f"container {container.name}"
        self._login: list[Command] = []
        self._credentials = credentials
        if credentials.password:
            user = (credentials.user,) if credentials.user else ()
            self._login.append(("AUTH", *user, credentials.password))
        if database:
            self._login.append(("SELECT", database))
        if self._login:
            self._ask([])

    def close(self) -> None:
        """There is nothing to close between two calls."""

    def pipeline(self, commands: Iterable[Command]) -> list[Any]:
        commands = list(commands)
        if any(command[0] in _PRINTED_RAW for command in commands):
            return [self._ask([command], raw=True)[0] for command in commands]
        return self._ask(commands)

    def _ask(self, commands: list[Command], raw: bool = False) -> list[Any]:
        text = b"".join(quote(command) + b"\n" for command in self._login + commands)
        code, out, error = self._engine.execute(self._container.id, ARGV, text)
        lines = out.splitlines(True)
        replies = parse(b"".join(lines[:len(self._login)]), self.place, self._credentials)
        if self._credentials.source:
            replies = [b"OK" if isinstance(each, RedisError) and asks_for_none(each) else each for each in replies]
        rest = b"".join(lines[len(self._login):])
        if raw and rest and not rest.startswith(b"(error) "):
            replies.append(rest)
        else:
            replies += parse(rest, self.place, self._credentials)
        for reply in replies:
            if isinstance(reply, RedisError):
                raise reply
        if len(replies) != len(self._login) + len(commands):
            reason = (error or out).decode("utf-8", "replace").strip().splitlines()
            raise RedisError(
                f"redis-cli in {self.place} gave an unexpected answer (exit code {code}"
                + (f": {reason[-1]}" if reason else "")
                + f"): run docker exec {self._container.name} redis-cli ping."
            )
        return replies[len(self._login):]


def quote(words: Command) -> bytes:
    """A command as a line that redis-cli reads."""
    quoted = []
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode("utf-8", "surrogateescape")
        quoted.append(b'"' + b"".join(_quoted_byte(byte) for byte in data) + b'"')
    return b" ".join(quoted)


def _quoted_byte(byte: int) -> bytes:
    if byte in b'"\\' or byte < 32 or byte > 126:
        return b"\\x%02x" % byte
    return bytes((byte,))


def parse(out: bytes, place: str = "", credentials: Credentials = Credentials()) -> list[Any]:
    """The answers that redis-cli printed, as :class:`redis.Redis` returns them; an error is a :class:`RedisError`."""
    lines = [line for line in out.split(b"\n") if line and not _SLOW.match(line)]
    replies: list[Any] = []
    while lines:
        replies.append(_reply(lines, 0, place, credentials))
    return replies


def _reply(lines: list[bytes], column: int, place: str, credentials: Credentials) -> Any:
    """Remove one answer, which begins at ``column`` of the first line, from the lines, and return it."""
    if not _ITEM.match(lines[0], column):
        return _scalar(lines.pop(0)[column:], place, credentials)
    items: list[Any] = []
    while lines:
        item = _ITEM.match(lines[0], column)
        # A nested list begins on the line of its own item; only its first item may stand there.
        if not item or int(item.group(1)) != len(items) + 1 or (items and lines[0][:column].strip()):
            break
        items.append(_reply(lines, item.end(), place, credentials))
    return items


def _scalar(text: bytes, place: str, credentials: Credentials) -> Any:
    if text.startswith(b'"') and text.endswith(b'"') and len(text) > 1:
        return _ESCAPE.sub(_unescape, text[1:-1])
    if text.startswith(b"(integer) "):
        return int(text[len(b"(integer) "):])
    if text == b"(nil)":
        return None
    if text in _EMPTY:
        return []
    if text.startswith(b"(error) "):
        message = text[len(b"(error) "):].decode("utf-8", "replace")
        return RedisError(refusal(place, message, credentials), message.split(" ", 1)[0])
    return text


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match.group(1)
    if code[:1] == b"x" and len(code) == 3:
        return bytes((int(code[1:], 16),))
    return _PLAIN.get(code, code)
