# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _http
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.clock import Clock, Deadline
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._validation import Url

CLOCK = Clock()


@contextlib.contextmanager
def server(answer, hold=False):
    """A server for one connection that sends ``answer`` to it, and then closes it or holds it."""
    listener, received, done = socket.create_server(("127.0.0.1", 0)), [], threading.Event()

    def serve():
        with contextlib.suppress(OSError):
            connection, _peer = listener.accept()
            received.append(connection.recv(4096))
            connection.sendall(answer)
            if hold:
                done.wait(5)
            connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield Url("http", "127.0.0.1", listener.getsockname()[1], "/health/"), received
    finally:
        done.set()
        thread.join(5)
        listener.close()


@pytest.mark.parametrize(
    "answer, hold, status",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", True, 200),
        (b"HTTP/1.1 500 Oops\r\n\r\nbody", False, 500),
        (b"HTTP/1.0 404\r\n\r\n", False, 404),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True, 204),
        (b"HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", True, 301),
    ],
)
def test_an_answer(answer, hold, status):
    with server(answer, hold) as (url, received):
        result = _http.ask(CLOCK, url, timeout=2)
    assert (result.status, result.failure) == (status, "")
    assert result.location == ("/x" if status == 301 else "")
    assert 0 <= result.seconds < 2


@pytest.mark.parametrize(
    "answer, hold, failure",
    [
        (b"", False, "the connection was closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", False, "the answer is not HTTP"),
        (b"", True, "timed out after 0.1 s"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok", True, "timed out after 0.1 s in the middle of the answer"),
    ],
)
def test_no_answer(answer, hold, failure):
    with server(answer, hold) as (url, received):
        result = _http.ask(CLOCK, url, timeout=0.1 if hold else 2)
    assert (result.status, result.failure) == (0, failure)


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert _http.ask(CLOCK, Url("http", "127.0.0.1", port, "/")).failure == "connection refused"


def test_a_server_that_does_not_accept_ends_in_time():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        url = Url("http", "127.0.0.1", listener.getsockname()[1], "/")
        assert _http.ask(CLOCK, url, timeout=0.1).failure == "timed out after 0.1 s"


@pytest.mark.parametrize(
    "host, sent", [("", b"Host: 127.0.0.1:%d\r\n"), ("shop.example.org", b"Host: shop.example.org\r\n")]
)
def test_the_request(host, sent):
    with server(b"HTTP/1.1 200 OK\r\n\r\n") as (url, received):
        _http.ask(CLOCK, url, host)
    request = received[0]
    assert request.startswith(b"GET /health/ HTTP/1.1\r\n")
    assert (sent % url.port if b"%d" in sent else sent) in request
    assert b"Connection: close\r\n" in request


def test_a_look_around_while_waiting_knows_the_own_address():
    seen = []
    with server(b"HTTP/1.1 200 OK\r\n\r\n") as (url, received):
        _http.ask(CLOCK, url, while_waiting=seen.append)
    assert len(seen) >= 2
    assert seen[0][0] == "127.0.0.1" and seen[0][1] != url.port


def test_a_name_that_is_not_resolved_in_time(monkeypatch):
    numeric, release = socket.getaddrinfo, threading.Event()

    def resolve(host, port, type=0, flags=0):
        if flags:
            return numeric(host, port, type=type, flags=flags)
        release.wait(5)
        raise socket.gaierror("no")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    url = Url("http", "app.invalid", 80, "/")
    assert _http.ask(CLOCK, url, timeout=0.05).failure == "the name app.invalid was not resolved within 0.05 s"
    release.set()
    assert _http.ask(CLOCK, url, timeout=2).failure == "the name app.invalid cannot be resolved"


def test_tls_that_is_none():
    with server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (url, received):
        result = _http.ask(CLOCK, url._replace(scheme="https"), timeout=2)
    assert result.status == 0
    assert result.failure.startswith("TLS failed (")


@pytest.mark.parametrize(
    "host, expected", [("a.org:8080", "a.org"), ("a.org", "a.org"), ("[::1]:80", "::1"), ("::1", "::1")]
)
def test_without_port(host, expected):
    assert _http.without_port(host) == expected


def test_half_sent():
    with server(b"") as (url, received):
        deadline = Deadline(CLOCK, 10)
        with _http.half_sent(url, deadline):
            # Leaving would close the server's door before a busy machine let it accept.
            while not received and not deadline.over:
                deadline.sleep(0.001)
    assert received == [b"GET "]
