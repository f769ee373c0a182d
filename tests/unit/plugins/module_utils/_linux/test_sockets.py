# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import socket
import sys

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux import sockets
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.processes import command_of

TITLE = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
REST = " 00000000:00000000 00:00000000 00000000    33        0 {inode} 1 0000000000000000 20 4 30 10 -1\n"
LISTEN = "   0: 0100007F:1F90 00000000:0000 0A" + REST.format(inode=11)
OPEN = "   1: 0100007F:C350 0100007F:4651 01" + REST.format(inode=12)
ENDED = "   2: 0100007F:4651 0100007F:C351 06" + REST.format(inode=0)
V6 = "   3: 00000000000000000000000001000000:4651 00000000000000000000000001000000:C352 01" + REST.format(inode=13)
MAPPED = "   4: 0000000000000000FFFF00000100007F:0050 0000000000000000FFFF00000200007F:C353 01" + REST.format(inode=14)

little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the lines were taken on a little-endian machine")


@little_endian
def test_parse():
    found = list(sockets.parse([TITLE, LISTEN, OPEN, ENDED, V6, MAPPED]))
    assert found == [
        (("127.0.0.1", 8080), ("0.0.0.0", 0), sockets.LISTENING, 11),
        (("127.0.0.1", 50000), ("127.0.0.1", 18001), sockets.ESTABLISHED, 12),
        (("127.0.0.1", 18001), ("127.0.0.1", 50001), 6, 0),
        (("::1", 18001), ("::1", 50002), sockets.ESTABLISHED, 13),
        (("127.0.0.1", 80), ("127.0.0.2", 50003), sockets.ESTABLISHED, 14),
    ]


@little_endian
def test_parse_only_the_ports_asked_for():
    found = sockets.parse([TITLE, LISTEN, OPEN, ENDED, V6, MAPPED], {18001, 81})
    assert [connection.inode for connection in found] == [12, 0, 13]


def test_the_kernel_knows_a_connection_and_who_holds_it():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        # The kernel gives a port to several connections, as long as they go to several places.
        ends = client.getsockname(), server.getsockname()
        found = [c for c in sockets.connections(os.getpid()) if (c.local, c.remote) == ends]
        assert len(found) == 1
        assert found[0].state == sockets.ESTABLISHED
        assert found[0].inode in sockets.inodes_of(os.getpid())
        assert sockets.holder_of(found[0].inode) == f"{command_of(os.getpid())} (process {os.getpid()})"


@pytest.mark.parametrize("family, address", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_both_ways_to_ask_the_kernel_say_the_same(family, address):
    if family == socket.AF_INET6 and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with socket.create_server((address, 0), family=family) as server:
        port = server.getsockname()[1]
        with socket.create_connection((address, port)), server.accept()[0]:
            told, read = list(sockets._ask_kernel({port})), list(sockets._read_proc("self", {port}))
            assert sorted(told) == sorted(read) and len(told) == 3
        # A connection that has ended stays in the list for a minute (TIME_WAIT).
        told, read = list(sockets._ask_kernel({port})), list(sockets._read_proc("self", {port}))
        assert sorted(told) == sorted(read) and {each.inode for each in told if each.state != sockets.LISTENING} == {0}


def test_a_dual_server_shows_the_address_of_its_client_as_it_is():
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        with socket.create_connection(("127.0.0.1", server.getsockname()[1])) as client:
            with server.accept()[0]:
                assert client.getsockname() in [each.remote for each in sockets._ask_kernel(())]


def test_a_kernel_that_cannot_be_asked_is_read_from_proc(monkeypatch):
    def refuse(*_arguments):
        raise OSError(93, "Protocol not supported")

    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(sockets.socket, "socket", refuse)
        found = sockets.connections(os.getpid(), {server.getsockname()[1]})
    assert [each.state for each in found] == [sockets.LISTENING]


def test_a_process_in_another_network_is_read_from_proc(monkeypatch):
    monkeypatch.setattr(sockets, "_ask_kernel", None)
    monkeypatch.setattr(sockets, "_shares_network", lambda pid: False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = sockets.connections(os.getpid(), {server.getsockname()[1]})
        assert [each.state for each in found] == [sockets.LISTENING]


def test_a_refusal_of_the_kernel_is_an_error(monkeypatch):
    monkeypatch.setattr(sockets, "_SOCK_DIAG_BY_FAMILY", 9999)
    with pytest.raises(OSError, match="Invalid argument"):
        list(sockets._ask_kernel(()))


def test_a_process_that_is_gone_has_nothing():
    assert sockets.connections(2**22 + 1) == []
    assert sockets.inodes_of(2**22 + 1) == set()
    assert command_of(2**22 + 1) == ""
