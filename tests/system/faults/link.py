# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network between a controller and a host: a TCP proxy on 127.0.0.1 that can be cut."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

CHUNK = 65536
# With it, close() sends a reset at once instead of saying goodbye.
RESET = struct.pack("ii", 1, 0)


class Link:
    """Leads from :attr:`port` to another one.

    silence(): nothing passes any more and nobody is told, as when a cable is pulled; speak(): it goes on where it was.
    cut(): every connection is reset, and no new one opens; restore(): new ones do.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._open = threading.Event()
        self._open.set()
        self._refusing = False
        self._sockets: set[socket.socket] = set()
        self._known = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True, name="link").start()

    def silence(self) -> None:
        self._open.clear()

    def speak(self) -> None:
        self._open.set()

    def cut(self) -> None:
        self._refusing = True
        self._drop()

    def restore(self) -> None:
        self._refusing = False
        self._open.set()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _drop(self) -> None:
        with self._known:
            dropped, self._sockets = self._sockets, set()
        for each in dropped:
            _reset(each)

    def _accept(self) -> None:
        while True:
            try:
                near, _address = self._listener.accept()
            except OSError:
                return
            if self._refusing:
                _reset(near)
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
            except OSError:
                # The host is down, and says nothing.
                _reset(near)
                continue
            far.settimeout(None)
            with self._known:
                self._sockets |= {near, far}
            threading.Thread(target=self._join, args=(near, far), daemon=True, name="link").start()

    def _join(self, near: socket.socket, far: socket.socket) -> None:
        back = threading.Thread(target=self._carry, args=(far, near), daemon=True, name="link")
        back.start()
        self._carry(near, far)
        back.join()
        with self._known:
            self._sockets -= {near, far}
        near.close()
        far.close()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(CHUNK):
                self._open.wait()
                sink.sendall(data)
            self._open.wait()
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # One end is gone: the other one learns of it.
            _reset(source)
            _reset(sink)


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    with contextlib.suppress(OSError):
        # Wakes up a thread that reads from it, which close() alone does not.
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
