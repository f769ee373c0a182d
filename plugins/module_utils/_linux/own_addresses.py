# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The addresses and names under which this host reaches itself."""

from __future__ import annotations

import re
import socket

_LOCAL = re.compile(r"\|-- (\S+)\n\s+/32 host LOCAL")


def own_names() -> frozenset[str]:
    """The host's own addresses, IPv6 in brackets, and the names that it gives to them itself."""
    addresses = ipv4_in(_text("/proc/net/fib_trie")) | ipv6_in(_text("/proc/net/if_inet6"))
    names = names_in(_text("/etc/hosts"), addresses)
    found = {f"[{address}]" if ":" in address else address for address in addresses} | names | {socket.gethostname()}
    return frozenset(name.lower() for name in found)


def is_own(host: str, names: frozenset[str] | None = None) -> bool:
    """Whether a name or address, as Nginx has it and in lower case, is one of this host.

    :param names: those of :func:`own_names`, which are looked up when they are not given.
    """
    if names is None:
        names = own_names()
    if host == "localhost" or host in names:
        return True
    # Only the plan needs it, and every module would pay for its import.
    import ipaddress

    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified or f"[{address}]" in names


def ipv4_in(text: str) -> set[str]:
    """Own addresses in the text of /proc/net/fib_trie."""
    return set(_LOCAL.findall(text))


def ipv6_in(text: str) -> set[str]:
    """Own addresses in the text of /proc/net/if_inet6."""
    # Only the plan needs it, and every module would pay for its import.
    import ipaddress

    return {str(ipaddress.IPv6Address(int(line.split()[0], 16))) for line in text.splitlines() if line.strip()}


def names_in(text: str, addresses: set[str]) -> set[str]:
    """The names that the text of /etc/hosts gives to these addresses and to the loopback."""
    found: set[str] = set()
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words and (words[0] in addresses or words[0] == "::1" or words[0].startswith("127.")):
            found.update(words[1:])
    return found


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            return source.read()
    except OSError:
        # A kernel without IPv6, for example.
        return ""
