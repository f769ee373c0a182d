"""tests/system/faults/link.py: a network that can be cut."""

from __future__ import annotations

import contextlib
import socket
import threading

import link
import pytest


@pytest.fixture
def server():
    """A port at which everything is answered with itself."""
    listener = socket.create_server(("127.0.0.1", 0))

    def echo(connection):
        with contextlib.suppress(OSError), connection:
            while data := connection.recv(1000):
                connection.sendall(data)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


@pytest.fixture
def cable(server):
    made = link.Link(server)
    yield made
    made.close()


@pytest.fixture
def client(cable):
    with socket.create_connection(("127.0.0.1", cable.port), timeout=5) as connection:
        connection.sendall(b"hello")
        assert connection.recv(100) == b"hello"
        yield connection


def gone(connection):
    try:
        return connection.recv(100) == b""
    except ConnectionError:
        return True


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"again")
            return connection.recv(100) == b"again"
    except ConnectionError:
        return False


def test_silence_holds_back_what_was_sent_until_it_speaks(cable, client):
    cable.silence()
    client.sendall(b"anybody?")
    client.settimeout(0.2)
    with pytest.raises(socket.timeout):
        client.recv(100)
    client.settimeout(5)
    cable.speak()
    assert client.recv(100) == b"anybody?"


def test_a_cut_ends_every_connection_and_refuses_new_ones_until_it_is_mended(cable, client):
    cable.cut()
    assert gone(client)
    assert not answers(cable.port)
    cable.restore()
    assert answers(cable.port)
