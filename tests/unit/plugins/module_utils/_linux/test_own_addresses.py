# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux import own_addresses

TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
        +-- 192.168.1.0/24 2 0 2
           |-- 192.168.1.20
              /32 host LOCAL
           |-- 192.168.1.255
              /32 link BROADCAST
"""
HOSTS = """127.0.0.1 localhost
127.0.1.1 pi pi.lan # own
192.168.1.20 shop.lan
192.168.1.9 nas
::1 ip6-localhost

# 127.0.0.1 no
"""


def test_addresses_that_the_kernel_lists():
    assert own_addresses.ipv4_in(TRIE) == {"192.168.1.20"}
    line = "fe800000000000000a0027fffe4e66a1 02 40 20 80     eth0\n"
    assert own_addresses.ipv6_in(line) == {"fe80::a00:27ff:fe4e:66a1"}
    assert own_addresses.ipv6_in("") == set()


def test_names_of_own_addresses():
    found = own_addresses.names_in(HOSTS, {"192.168.1.20"})
    assert found == {"localhost", "pi", "pi.lan", "shop.lan", "ip6-localhost"}


def test_this_host_has_names():
    assert "localhost" in own_addresses.own_names() or "127.0.0.1" in own_addresses.own_names()


def test_a_kernel_without_such_a_list(monkeypatch):
    monkeypatch.setattr(own_addresses, "_text", lambda path: "")
    assert len(own_addresses.own_names()) == 1


@pytest.mark.parametrize(
    "host, own",
    [
        ("localhost", True),
        ("127.0.0.2", True),
        ("[::1]", True),
        ("0.0.0.0", True),
        ("[::]", True),
        ("192.168.1.20", True),
        ("shop.lan", True),
        ("[fd00:0::7]", True),
        ("192.0.2.7", False),
        ("[fd00::8]", False),
        ("shop.example.org", False),
        ("", False),
    ],
)
def test_an_address_of_this_host(host, own):
    assert own_addresses.is_own(host, frozenset({"192.168.1.20", "shop.lan", "[fd00::7]"})) is own


def test_the_hosts_own_name_counts():
    assert own_addresses.is_own(socket.gethostname().lower())
