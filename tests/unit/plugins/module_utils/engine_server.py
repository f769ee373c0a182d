# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker Engine on a real unix socket, which says what a test has put there."""

from __future__ import annotations

import json
import socket
import struct
import threading
from urllib.parse import parse_qs, urlsplit


class Request:
    """What the engine was asked."""

    def __init__(self, method, target, body):
        parts = urlsplit(target)
        self.method, self.path, self.body = method, parts.path, body
        self.query = {key: values[0] for key, values in parse_qs(parts.query).items()}

    @property
    def line(self):
        return f"{self.method} {self.path}"


class Server:
    """An engine on a real unix socket, which answers each request with bytes that the test has put there.

    :ivar answers: for ``METHOD /path``, the bytes of the answer, or a function that is called with the connection.
    """

    def __init__(self, path):
        self.path = str(path)
        self.answers = {}
        self.requests = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(self.path)
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        # Closing alone does not wake up accept().
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def _serve(self):
        while True:
            try:
                connection = self._socket.accept()[0]
            except OSError:
                return
            # Other requests come in while a stream is open.
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection, connection.makefile("rb") as stream:
            request = self._read(stream)
            self.requests.append(request)
            answer = self.answers.get(request.line, http("404 Not Found"))
            if callable(answer):
                answer(connection, stream)
            else:
                connection.sendall(answer)

    @staticmethod
    def _read(stream):
        method, target, dummy = stream.readline().decode().split()
        length = 0
        for line in iter(stream.readline, b"\r\n"):
            name, dummy, value = line.decode().partition(":")
            if name.lower() == "content-length":
                length = int(value)
        return Request(method, target, stream.read(length))

    def json(self, line, value, status="200 OK"):
        body = json.dumps(value).encode()
        self.answers[line] = http(status, body, "Content-Type: application/json")


def http(status, body=b"", *headers):
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def hijacked(output, seen):
    """The stream of a command: it has no length, goes in both directions, and ends with the connection."""

    def answer(connection, stream):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n")
        if seen is not None:
            seen.append(stream.read())
        connection.sendall(output)

    return answer


def frame(stream, payload):
    return struct.pack(">BxxxL", stream, len(payload)) + payload
