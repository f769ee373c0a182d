# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""TCP connections as the kernel lists them in /proc, and the processes that hold them."""

from __future__ import annotations

import os
import socket
import struct
from typing import NamedTuple

ESTABLISHED = 0x01
LISTENING = 0x0A


class Connection(NamedTuple):
    """An end of a TCP connection: ``local`` and ``remote`` are ``(IP, port)``; ``inode`` 0 has no owner (any more)."""

    local: tuple
    remote: tuple
    state: int
    inode: int


def connections(pid, ports=()):
    """TCP connections in the network namespace of a process; none when the process is gone.

    :param ports: only those with one of these ports at either end; all when empty.
    """
    found = []
    for name in ("tcp", "tcp6"):
        try:
            with open(f"/proc/{pid}/net/{name}", encoding="ascii") as source:
                found.extend(parse(source, ports))
        except OSError:
            # No such process, or a kernel without IPv6.
            continue
    return found


def parse(lines, ports=()):
    """The connections in the lines of /proc/net/tcp or tcp6, the first of which is a title."""
    lines = iter(lines)
    next(lines, None)
    marks = [f":{port:04X} " for port in ports]
    for line in lines:
        # A busy host has thousands of lines, and taking one apart costs more than all the rest of a look at it.
        if marks and not any(mark in line for mark in marks):
            continue
        fields = line.split()
        yield Connection(_endpoint(fields[1]), _endpoint(fields[2]), int(fields[3], 16), int(fields[9]))


def _endpoint(text):
    address, port = text.split(":")
    # The kernel prints each 32 bits of an address as a number of the machine's own byte order.
    words = [int(address[start:start + 8], 16) for start in range(0, len(address), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    if len(packed) == 16 and packed.startswith(b"\0" * 10 + b"\xff\xff"):
        packed = packed[12:]
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed), int(port, 16)


def inodes_of(pid):
    """Inodes of the sockets that a process has open."""
    found = set()
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return found
    for name in names:
        try:
            target = os.readlink(f"{folder}/{name}")
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(int(target[8:-1]))
    return found


def holder_of(inode):
    """Who has a socket open, as ``name (process 123)``; ``None`` when nobody that can be seen does."""
    for name in os.listdir("/proc"):
        if name.isdigit() and inode in inodes_of(name):
            return f"{command_of(name)} (process {name})"
    return None


def command_of(pid):
    """The short name of a process, empty when it is gone."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as source:
            return source.read().strip()
    except OSError:
        return ""
