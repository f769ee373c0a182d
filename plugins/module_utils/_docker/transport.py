# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""HTTP over the unix socket of a Docker Engine: requests, streams in both directions, and their frames."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import time
from typing import Any, Callable, Iterator, Mapping, Optional, Union
from urllib.parse import urlencode

from .._errors import BluegreenError, reason_of

Query = Mapping[str, str]
# A dict is sent as JSON; bytes are sent unchanged, as a tar.
Body = Union[dict[str, Any], bytes]

# Seconds without a byte after which the engine counts as hung.
TIMEOUT = 60.0
_LARGEST_PART = 65536
_FRAME_HEAD = struct.Struct(">BxxxL")
_JSON = {"Content-Type": "application/json"}
_TAR = {"Content-Type": "application/x-tar"}


class EngineError(BluegreenError):
    """The engine refused a request.

    :param status: HTTP status of the answer, 0 without an answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class _SocketConnection(http.client.HTTPConnection):
    sock: socket.socket

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Transport:
    """Requests to a Docker Engine, each on a connection of its own.

    Every method raises :class:`EngineError` if the engine is out of reach or answers with a status of 400 or more.

    :param docker_host: ``unix://`` and the path of the socket.
    """

    def __init__(self, docker_host: str) -> None:
        self._docker_host = docker_host
        self._path = docker_host[len("unix://"):]

    def exchange(
        self, method: str, target: str, body: Optional[Body] = None, timeout: float = TIMEOUT
    ) -> tuple[http.client.HTTPMessage, bytes]:
        """The headers and the body of the answer to one request.

        :param target: path and query, as :func:`target_of` makes it.
        :param timeout: seconds without a byte after which the engine counts as out of reach.
        """
        connection = _SocketConnection(self._path, timeout)
        try:
            _send(connection, method, target, body)
            response = connection.getresponse()
            payload = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._out_of_reach(error) from error
        finally:
            connection.close()
        if response.status >= 400:
            raise EngineError(_reason_in(payload), response.status)
        return response.headers, payload

    def hijack(self, target: str, body: Body, stdin: bytes, timeout: float) -> bytes:
        """Everything that arrives on a stream in both directions, as frames; ``stdin`` is written to it first.

        :param timeout: seconds without a byte after which the stream counts as hung.
        """
        connection = _SocketConnection(self._path, timeout)
        try:
            wire, response = _upgraded(connection, target, body)
            if stdin:
                wire.sendall(stdin)
                wire.shutdown(socket.SHUT_WR)
            return response.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._out_of_reach(error) from error
        finally:
            connection.close()

    def hijack_until(self, target: str, stdin: bytes, timeout: float, started: Callable[[], object]) -> bytes:
        """As :meth:`hijack`, but bounded in total.

        :param timeout: seconds after which it is cut off with an :class:`EngineError`.
        :param started: called once the stream is open, to start the program at its other end.
        """
        ends = time.monotonic() + timeout
        parts: list[bytes] = []
        connection = _SocketConnection(self._path, timeout)
        try:
            wire, response = _upgraded(connection, target, b"")
            started()
            wire.sendall(stdin)
            wire.shutdown(socket.SHUT_WR)
            while True:
                left = ends - time.monotonic()
                if left <= 0:
                    raise socket.timeout()
                wire.settimeout(left)
                part = response.read1(_LARGEST_PART)
                if not part:
                    return b"".join(parts)
                parts.append(part)
        except socket.timeout as error:
            raise EngineError(f"it had not ended after {timeout:g} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise self._out_of_reach(error) from error
        finally:
            connection.close()

    def _out_of_reach(self, error: Exception) -> EngineError:
        return EngineError(
            f"The Docker Engine does not answer at {self._docker_host} ({reason_of(error)}): start it "
            "(systemctl start docker), or name its socket in docker_host."
        )


def target_of(path: str, query: Optional[Query] = None) -> str:
    """The target of a request: the path, and the query behind it."""
    return f"{path}?{urlencode(query)}" if query else path


def streams_of(raw: bytes) -> tuple[bytes, bytes]:
    """``(stdout, stderr)`` of a multiplexed stream."""
    parts: dict[int, list[bytes]] = {1: [], 2: []}
    for stream, part in frames_of(raw):
        parts.setdefault(stream, []).append(part)
    return b"".join(parts[1]), b"".join(parts[2])


def frames_of(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """``(stream, bytes)`` of each frame of a multiplexed stream; stream 1 is stdout and 2 is stderr."""
    offset = 0
    while offset + _FRAME_HEAD.size <= len(raw):
        stream, length = _FRAME_HEAD.unpack_from(raw, offset)
        offset += _FRAME_HEAD.size
        yield stream, raw[offset:offset + length]
        offset += length


def _upgraded(
    connection: _SocketConnection, target: str, body: Body
) -> tuple[socket.socket, http.client.HTTPResponse]:
    """The socket of a stream in both directions, and the answer from which its output is read."""
    _send(connection, "POST", target, body)
    # The connection lets go of its socket once it has the answer, but the stream still needs it.
    wire = connection.sock
    response = connection.getresponse()
    if response.status >= 400:
        raise EngineError(_reason_in(response.read()), response.status)
    return wire, response


def _send(connection: _SocketConnection, method: str, target: str, body: Optional[Body]) -> None:
    if isinstance(body, dict):
        connection.request(method, target, json.dumps(body).encode(), _JSON)
    else:
        connection.request(method, target, body, _TAR if body else {})


def _reason_in(payload: bytes) -> str:
    try:
        return str(json.loads(payload)["message"])
    except (ValueError, KeyError, TypeError):
        return payload.decode("utf-8", "replace").strip() or "the Docker Engine gave no reason"
