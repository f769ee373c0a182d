# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""One HTTP request, bounded in total: whatever the other side does, it ends in time."""

from __future__ import annotations

import select
import socket
from typing import NamedTuple

from ._linux.clock import Deadline

AGENT = "smallfleet.bluegreen"
# More of an answer than this is not read; what is asked for is the status.
_LONGEST_ANSWER = 262144
# How often a wait for an answer looks up, in seconds.
_PACE = 0.002


class Answer(NamedTuple):
    """What came of a request. Without an answer ``status`` is 0 and ``failure`` is half a sentence that says why.

    ``location`` is where a redirect leads.
    """

    status: int
    failure: str
    seconds: float
    location: str = ""


class _NoAnswer(Exception):
    pass


def ask(clock, url, host="", timeout=2.0, validate_certs=True, while_waiting=None):
    """Send a GET request and wait for the whole answer. Redirects are not followed.

    :param url: a :class:`_validation.Url`.
    :param host: value of the Host header (and name for TLS); that of the URL when empty.
    :param timeout: seconds for everything together: names, connection, TLS, request and answer.
    :param while_waiting: called again and again until the answer is there, with the socket's own address.
    :returns: an :class:`Answer`
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
        return Answer(0, (error.strerror or str(error) or type(error).__name__).lower(), deadline.elapsed)
    return Answer(status, "", deadline.elapsed, location)


def connect(url, deadline):
    """A TCP connection to the host and port of a URL.

    :raises OSError: there is none within the deadline.
    """
    failure = None
    for family, kind, protocol, name, address in _addresses(url, deadline):
        wire = socket.socket(family, kind, protocol)
        try:
            wire.settimeout(_left(deadline))
            wire.connect(address)
            return wire
        except OSError as error:
            wire.close()
            failure = error
    raise failure or _NoAnswer(f"the name {url.host} has no address")


def half_sent(url, deadline):
    """A connection on which a request was begun, so that the other side waits for the rest.

    :raises OSError: nobody accepts it within the deadline.
    """
    try:
        wire = connect(url, deadline)
    except _NoAnswer as error:
        raise OSError(str(error)) from error
    # The first bytes of a request and of a TLS handshake: some servers accept a connection only when there are some.
    wire.sendall(b"\x16\x03\x01" if url.scheme == "https" else b"GET ")
    return wire


def _addresses(url, deadline):
    try:
        return socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass
    # A resolver takes its own time, and nothing but a thread lets go of it.
    import threading

    found = []

    def look_up():
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


def _exchange(url, host, deadline, validate_certs, while_waiting):
    wire = connect(url, deadline)
    try:
        local = wire.getsockname()[:2]
        if url.scheme == "https":
            wire = _encrypted(wire, host or url.host, validate_certs)
        wire.settimeout(_left(deadline))
        wire.sendall(_request(url, host))
        return _status_of(wire, deadline, lambda: while_waiting(local) if while_waiting else None)
    finally:
        wire.close()


def _encrypted(wire, host, validate_certs):
    # Its import costs more than all the rest of this file.
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


def without_port(host):
    """A host name or IP out of the value of a Host header."""
    if host.startswith("["):
        return host[1:host.index("]")]
    return host if host.count(":") > 1 else host.partition(":")[0]


def _request(url, host):
    if not host:
        host = f"[{url.host}]" if ":" in url.host else url.host
        if url.port != (443 if url.scheme == "https" else 80):
            host += f":{url.port}"
    return (
        f"GET {url.path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {AGENT}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    ).encode("ascii")


def _status_of(wire, deadline, look_around):
    received = b""
    wire.setblocking(False)
    while True:
        look_around()
        try:
            part = wire.recv(65536)
        except BlockingIOError:
            part = None
        except OSError as error:
            # TLS has its own way of saying that nothing is there yet; the names are only known where ssl is loaded.
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


def _whole(received):
    """Whether the answer is complete although the other side keeps the connection open."""
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return len(body) >= int(value)
    return head.split(b" ")[1:2] in ([b"204"], [b"304"])


def _parse_status(received):
    if not received:
        raise _NoAnswer("the connection was closed without an answer")
    words = received.split(b"\r\n")[0].split(b" ")
    if not words[0].startswith(b"HTTP/1.") or len(words) < 2 or not words[1].isdigit():
        raise _NoAnswer("the answer is not HTTP")
    return int(words[1]), _location_in(received)


def _location_in(received):
    """Where a redirect leads, as far as it is fit for a message."""
    for line in received.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        name, _colon, value = line.partition(b":")
        if name.strip().lower() == b"location":
            return "".join(letter for letter in value.decode("ascii", "replace").strip()[:200] if letter.isprintable())
    return ""


def _left(deadline):
    if deadline.over:
        raise socket.timeout()
    return deadline.left


def _timed_out(deadline, received=b""):
    middle = " in the middle of the answer" if received else ""
    return f"timed out after {deadline.seconds:g} s{middle}"
