# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Redis over its own protocol (RESP 2), with nothing but the standard library.

A ``docker exec redis-cli`` costs seconds a call on a Raspberry Pi; a socket to the container's address costs nothing.
"""

from __future__ import annotations

import errno
import socket
from typing import Any, Iterable, Sequence, Union

from .._errors import BluegreenError, reason_of
from .url import DEFAULT_PORT, Credentials

# A word of a command: text, or bytes that are sent as they are.
Word = Union[str, bytes, int, float]
Command = Sequence[Word]

TIMEOUT = 10
# A container of this host answers at once, or never.
CONNECT_TIMEOUT = 3

_NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ETIMEDOUT)


class RedisError(BluegreenError):
    """Redis is out of reach, or refused a command.

    :param code: first word of Redis's answer, such as ``NOAUTH``; empty when there was none.
    :param no_way: whether the host has no route to the address: nothing came back, not even a refusal.
    """

    def __init__(self, message: str, code: str = "", no_way: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.no_way = no_way


class Commands:
    """One database of a Redis: runs commands, over a socket (:class:`Redis`) or :class:`redis_cli.RedisCli`.

    An answer is ``bytes``, an ``int``, ``None`` or a list of answers, depending on the command.

    :ivar place: where the Redis is, for messages.
    """

    place: str

    def close(self) -> None:
        raise NotImplementedError

    def call(self, *words: Word) -> Any:
        """Run one command, and return the answer.

        :raises RedisError: Redis refused the command, or cannot be reached.
        """
        return self.pipeline([words])[0]

    def pipeline(self, commands: Iterable[Command]) -> list[Any]:
        """Send several commands at once, and return the answer of each; they are not a transaction.

        :raises RedisError: the first refusal, after all answers were read.
        """
        raise NotImplementedError

    def scan(self, match: Word | None = None, kind: str | None = None, count: int = 500) -> list[bytes]:
        """Names of keys, sorted, each once; Redis is never blocked for long.

        :param match: only keys that match this pattern.
        :param kind: only keys of this type, such as ``list``.
        """
        seen: set[bytes] = set()
        cursor, by_server = b"0", kind is not None
        while True:
            command: list[Word] = ["SCAN", cursor, "COUNT", count, *(["MATCH", match] if match else [])]
            try:
                cursor, keys = self.call(*command, *(["TYPE", kind] if kind and by_server else []))
            except RedisError as error:
                # SCAN knows TYPE since Redis 6.
                if not by_server or error.code != "ERR":
                    raise
                by_server, cursor = False, b"0"
                continue
            if kind and not by_server and keys:
                kinds = self.pipeline([("TYPE", key) for key in keys])
                keys = [key for key, found in zip(keys, kinds) if found.decode() == kind]
            seen.update(keys)
            if cursor == b"0":
                return sorted(seen)


class Redis(Commands):
    """One connection to one database.

    :param address: a host name or address, or the absolute path of a unix socket.
    """

    def __init__(
        self,
        address: str,
        port: int = DEFAULT_PORT,
        database: int = 0,
        credentials: Credentials = Credentials(),
        timeout: float = TIMEOUT,
    ) -> None:
        self.place = f"{address}:{port}" if not address.startswith("/") else address
        self.database = database
        self._credentials = credentials
        try:
            if address.startswith("/"):
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._socket.settimeout(timeout)
                self._socket.connect(address)
            else:
                self._socket = socket.create_connection((address, port), CONNECT_TIMEOUT)
                self._socket.settimeout(timeout)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._reader = self._socket.makefile("rb")
        except OSError as error:
            raise self._out_of_reach(error) from error
        try:
            if credentials.password:
                self._log_in([credentials.user, credentials.password] if credentials.user else [credentials.password])
            if database:
                self.call("SELECT", database)
        except RedisError:
            self.close()
            raise

    def close(self) -> None:
        self._reader.close()
        self._socket.close()

    def __enter__(self) -> Redis:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _log_in(self, login: list[str]) -> None:
        try:
            self.call("AUTH", *login)
        except RedisError as error:
            if not (self._credentials.source and asks_for_none(error)):
                raise

    def pipeline(self, commands: Iterable[Command]) -> list[Any]:
        commands = list(commands)
        try:
            self._socket.sendall(b"".join(encode(command) for command in commands))
            replies = [self._read() for _command in commands]
        except (OSError, EOFError, ValueError) as error:
            raise self._out_of_reach(error) from error
        for reply in replies:
            if isinstance(reply, RedisError):
                raise reply
        return replies

    def _read(self) -> Any:
        line = self._reader.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError("the connection was closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            text = rest.decode("utf-8", "replace")
            return RedisError(refusal(self.place, text, self._credentials), text.split(" ", 1)[0])
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._exactly(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self._read() for _item in range(int(rest))]
        raise ValueError("it does not speak the protocol of Redis")

    def _exactly(self, length: int) -> bytes:
        data = self._reader.read(length)
        if len(data) != length:
            raise EOFError("the connection was closed")
        return data

    def _out_of_reach(self, error: Exception) -> RedisError:
        no_way = isinstance(error, socket.timeout) or getattr(error, "errno", None) in _NO_WAY
        return RedisError(
            f"Redis does not answer at {self.place} ({reason_of(error)}). Start it, or correct its URL "
            "(bluegreen_broker_url).",
            no_way=no_way,
        )


def encode(words: Command) -> bytes:
    """A command in Redis's protocol."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode("utf-8", "surrogateescape")
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


def asks_for_none(error: RedisError) -> bool:
    """Whether a login failed because the Redis has no password: the one that was found may be for another server."""
    return error.code == "ERR" and "AUTH" in error.message and "password" in error.message


def refusal(place: str, text: str, credentials: Credentials = Credentials()) -> str:
    """A sentence for an error that Redis answered.

    :param place: where the Redis is, in words.
    :param text: the error.
    :param credentials: those that it was given.
    """
    code = text.split(" ", 1)[0]
    way_out = "give the app's own URL with user and password as bluegreen_broker_url."
    if code == "WRONGPASS" or "invalid password" in text:
        found = f"the password found in {credentials.source}"
        what = found if credentials.source else "the user and password that it was given"
        return f"Redis at {place} does not accept {what} ({code}): {way_out}"
    if code == "NOPERM":
        return (
            f"The Redis user at {place} lacks a permission ({text}): give a URL of a user with ~* +@all as "
            "bluegreen_broker_url."
        )
    if code == "NOAUTH":
        why = f"{credentials.unread} could not be read" if credentials.unread else "none was found in the project"
        return f"Redis at {place} asks for a password, and {why} ({code}): {way_out}"
    return f"Redis at {place} refused a command ({text}). Look at the log of that Redis."
