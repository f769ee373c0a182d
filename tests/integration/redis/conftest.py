# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Redis servers on unix sockets: that of the demo's app, or of another version."""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import subprocess
import threading
import time
from pathlib import Path

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.connection import Broker
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import Redis, RedisError

HERE = Path(__file__).parent
# What runs the programs of an image under their own names.
os.environ["PATH"] = os.pathsep.join([str(HERE / "bin"), os.environ["PATH"]])
# What a server of another version may do differently; how it is with many messages, one server shows for all.
ON_EVERY_SERVER = {f"test_{name}" for name in ("redis_server", "move", "hold", "kept", "refused")}
OTHERS = [pytest.param(name, marks=[pytest.mark.long, pytest.mark.xdist_group(f"redis-{name}")]) for name in ("6", "7", "valkey")]


def pytest_generate_tests(metafunc):
    if "redis_server" in metafunc.fixturenames:
        others = OTHERS if metafunc.module.__name__ in ON_EVERY_SERVER else []
        metafunc.parametrize("redis_server", [pytest.param("", id="of the app"), *others], indirect=True, scope="session")


@pytest.fixture(scope="session", autouse=True)
def redis_server(request, lab_setup):
    """The version of the servers."""
    lab_setup("app")
    if request.param:
        lab_setup("redis", or_skip=True)
    os.environ["BLUEGREEN_REDIS_IMAGE"] = f"bluegreen-redis:{request.param}" if request.param else "bluegreen-demo:1"


class Server:
    """A redis-server process of its own; everything in it is gone with it."""

    def __init__(self, folder, *options, sentinel=False):
        folder.mkdir()
        self.socket = str(folder / "redis.sock")
        command = ["redis-server"]
        if sentinel:
            # A sentinel knows neither saving nor an append-only file, and writes to its configuration.
            (folder / "sentinel.conf").touch()
            command += [str(folder / "sentinel.conf"), "--sentinel"]
        else:
            command += ["--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [*command, "--port", "0", "--unixsocket", self.socket, "--dir", str(folder), *options],
            stdout=subprocess.DEVNULL,
        )
        for _attempt in range(200):
            try:
                self.connect().close()
                return
            except RedisError as error:
                if error.code:
                    return
            time.sleep(0.02)
        raise RuntimeError("redis-server did not start")

    def connect(self, database=0):
        return Redis(self.socket, database=database)

    def broker(self, name, database=None, cls=Broker):
        return cls(name, self.socket, database=database)

    def stop(self):
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture(scope="session")
def servers(redis_server, tmp_path_factory):
    root = tmp_path_factory.mktemp("redis")
    both = Server(root / "old"), Server(root / "new")
    yield both
    for server in both:
        server.stop()


@pytest.fixture
def old(servers):
    return _emptied(servers[0])


@pytest.fixture
def new(servers):
    return _emptied(servers[1])


@pytest.fixture
def start_server(tmp_path):
    started = []

    def start(*options, **kwargs):
        started.append(Server(tmp_path / f"redis{len(started)}", *options, **kwargs))
        return started[-1]

    yield start
    for server in started:
        server.stop()


class _Forward(socketserver.BaseRequestHandler):
    """Carries bytes between a client and the unix socket of a server, both ways."""

    def handle(self):
        with socket.socket(socket.AF_UNIX) as there:
            there.connect(self.server.to)
            back = threading.Thread(target=self._copy, args=(there, self.request), daemon=True)
            back.start()
            self._copy(self.request, there)
            back.join(5)

    @staticmethod
    def _copy(source, destination):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                destination.sendall(data)
            destination.shutdown(socket.SHUT_WR)


@pytest.fixture
def address_of():
    """Gives a server an address, as ``host:port``: its own network may be none at all."""
    with contextlib.ExitStack() as stack:

        def forward(server):
            made = stack.enter_context(socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Forward))
            made.daemon_threads, made.to = True, server.socket
            threading.Thread(target=made.serve_forever, daemon=True).start()
            stack.callback(made.shutdown)
            return "{}:{}".format(*made.server_address)

        yield forward


def _emptied(server):
    with server.connect() as redis:
        redis.call("FLUSHALL")
    return server
