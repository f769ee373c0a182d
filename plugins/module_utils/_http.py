# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One HTTP request that ends in time, regardless of what the other side does."""

from __future__ import annotations

import select
import socket
from typing import Any, Callable, NamedTuple, Optional, Union

from ._errors import reason_of
from ._linux.clock import Clock, Deadline
from ._validation import Url

AGENT = "smallfleet.bluegreen"
# Bytes of an answer that are read; only its head is needed.
_LONGEST_ANSWER = 262144
# Seconds between two looks for an answer.
_PACE = 0.002

# IP address and port of this end of a connection.
LocalAddress = tuple[str, int]
# As getaddrinfo returns them: family, kind, protocol, canonical name, address.
_Addresses = list[tuple[Any, Any, int, str, Any]]


class Answer(NamedTuple):
    """The result of a request. Without an answer ``status`` is 0 and ``failure`` is half a sentence that says why.

    ``seconds`` is how long it took. ``location`` is where a redirect leads.
    """

    status: int
    failure: str
    seconds: float
    location: str = ""


class _NoAnswer(Exception):
    """Why there is no answer, as half a sentence."""


def ask(
    clock: Clock,
    url: Url,
    host: str = "",
    timeout: float = 2.0,
    validate_certs: bool = True,
    while_waiting: Optional[Callable[[LocalAddress], object]] = None,
) -> Answer:
    """Send a GET request and wait for the whole answer. Redirects are not followed.

    :param host: value of the Host header (and name for TLS); that of the URL when empty.
    :param timeout: seconds in total: names, connection, TLS, request and answer.
    :param while_waiting: called repeatedly until the answer has arrived, with the address of this end of the
        connection.
    """
    deadline = Deadline(clock, timeout)
    try:
        status, location = _exchange(url, host, deadline, validate_certs, while_waiting)
    except _NoAnswer as error:
        return Answer(0, str(error), deadline.elapsed)
    except socket.timeout:
        return Answer(0, _timed_out(deadline), deadline.elapsed)
    except ConnectionRefusedError:
        return Answer(0, "connection refused", deadline.elapsed)
    except OSError as error:
        return Answer(0, reason_of(error).lower(), deadline.elapsed)
    return Answer(status, "", deadline.elapsed, location)


def connect(url: Url, deadline: Deadline) -> socket.socket:
    """A TCP connection to the host and port of a URL.

    :raises OSError: nothing accepts it within the deadline.
    """
    failure: Optional[OSError] = None
    for family, kind, protocol, dummy, address in _addresses(url, deadline):
        wire = socket.socket(family, kind, protocol)
        try:
            wire.settimeout(_left(deadline))
            wire.connect(address)
            return wire
        except OSError as error:
            wire.close()
            failure = error
    raise failure or _NoAnswer(f"the name {url.host} has no address")


def half_sent(url: Url, deadline: Deadline) -> socket.socket:
    """A connection with an unfinished request, so that the other side waits for the rest.

    :raises OSError: nothing accepts it within the deadline.
    """
    try:
        wire = connect(url, deadline)
    except _NoAnswer as error:
        raise OSError(str(error)) from error
    # The first bytes of a request or of a TLS handshake: some servers accept a connection only once bytes arrive.
    wire.sendall(b"\x16\x03\x01" if url.scheme == "https" else b"GET ")
    return wire


def _addresses(url: Url, deadline: Deadline) -> _Addresses:
    try:
        return socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass
    # A resolver cannot be interrupted, so it runs in a thread that is left behind after the deadline.
    import threading

    found: list[Union[_Addresses, OSError]] = []

    def look_up() -> None:
        try:
            found.append(socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM))
        except OSError as error:
            found.append(error)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(deadline.left)
    if not found:
        raise _NoAnswer(f"the name {url.host} was not resolved within {deadline.seconds:g} s")
    if isinstance(found[0], OSError):
        raise _NoAnswer(f"the name {url.host} cannot be resolved")
    return found[0]


def _exchange(
    url: Url,
    host: str,
    deadline: Deadline,
    validate_certs: bool,
    while_waiting: Optional[Callable[[LocalAddress], object]],
) -> tuple[int, str]:
    """``(status, location)`` of the answer."""
    wire = connect(url, deadline)
    try:
        local: LocalAddress = wire.getsockname()[:2]
        if url.scheme == "https":
            wire = _encrypted(wire, host or url.host, validate_certs)
        wire.settimeout(_left(deadline))
        wire.sendall(_request(url, host))
        return _status_of(wire, deadline, lambda: while_waiting(local) if while_waiting else None)
    finally:
        wire.close()


def _encrypted(wire: socket.socket, host: str, validate_certs: bool) -> socket.socket:
    # This import costs more than everything else in this file.
    import ssl

    context = ssl.create_default_context()
    if not validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        return context.wrap_socket(wire, server_hostname=without_port(host))
    except ssl.SSLCertVerificationError as error:
        raise _NoAnswer(f"its certificate is not valid for {without_port(host)} ({error.verify_message})") from error
    except ssl.SSLError as error:
        raise _NoAnswer(f"TLS failed ({error.reason or error})") from error


def without_port(host: str) -> str:
    """A host name or IP out of the value of a Host header."""
    if host.startswith("["):
        return host[1:host.index("]")]
    return host if host.count(":") > 1 else host.partition(":")[0]


def _request(url: Url, host: str) -> bytes:
    if not host:
        host = f"[{url.host}]" if ":" in url.host else url.host
        if url.port != (443 if url.scheme == "https" else 80):
            host += f":{url.port}"
    return (
        f"GET {url.path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {AGENT}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    ).encode("ascii")


def _status_of(wire: socket.socket, deadline: Deadline, look_around: Callable[[], object]) -> tuple[int, str]:
    received = b""
    wire.setblocking(False)
    while True:
        look_around()
        try:
            part: Optional[bytes] = wire.recv(65536)
        except BlockingIOError:
            part = None
        except OSError as error:
            # TLS says with these that no bytes have arrived yet; compared by name, because ssl may not be imported.
            if type(error).__name__ not in ("SSLWantReadError", "SSLWantWriteError"):
                raise
            part = None
        if part is None:
            if deadline.over:
                raise _NoAnswer(_timed_out(deadline, received))
            select.select([wire], [], [], min(_PACE, deadline.left))
            continue
        received += part
        if not part or _whole(received) or len(received) > _LONGEST_ANSWER:
            break
    look_around()
    return _parse_status(received)


def _whole(received: bytes) -> bool:
    """Whether the answer is complete although the connection is still open."""
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, dummy, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return len(body) >= int(value)
    return head.split(b" ")[1:2] in ([b"204"], [b"304"])


def _parse_status(received: bytes) -> tuple[int, str]:
    if not received:
        raise _NoAnswer("the connection was closed without an answer")
    words = received.split(b"\r\n")[0].split(b" ")
    if not words[0].startswith(b"HTTP/1.") or len(words) < 2 or not words[1].isdigit():
        raise _NoAnswer("the answer is not HTTP")
    return int(words[1]), _location_in(received)


def _location_in(received: bytes) -> str:
    """Where a redirect leads, shortened and without characters that a terminal would obey."""
    for line in received.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        name, dummy, value = line.partition(b":")
        if name.strip().lower() == b"location":
            return "".join(letter for letter in value.decode("ascii", "replace").strip()[:200] if letter.isprintable())
    return ""


def _left(deadline: Deadline) -> float:
    if deadline.over:
        raise socket.timeout()
    return deadline.left


def _timed_out(deadline: Deadline, received: bytes = b"") -> str:
    middle = " in the middle of the answer" if received else ""
    return f"timed out after {deadline.seconds:g} s{middle}"
