# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""TCP connections as the kernel lists them, and the processes that hold them."""

from __future__ import annotations

import os
import socket
import struct
from typing import Collection, Iterable, Iterator, NamedTuple, Optional

from .processes import command_of

ESTABLISHED = 0x01
LISTENING = 0x0A

# The kernel's own form of the list, sock_diag(7): linux/netlink.h, linux/sock_diag.h and linux/inet_diag.h.
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_ALL = 0x301  # NLM_F_REQUEST and NLM_F_DUMP
_ERROR, _DONE = 2, 3  # NLMSG_ERROR and NLMSG_DONE
_ALL_STATES = 0xFFF
_HEADER = struct.Struct("=IHHII")
_QUESTION = struct.Struct("=BBBxI48x")
# Family and state; both ports and addresses, these four in the network's order; the inode.
_ENTRY = struct.Struct("=BB2x2s2s16s16s28xI")
# As much of an answer as the kernel gives at once.
_LONGEST = 1 << 16


class Connection(NamedTuple):
    """An end of a TCP connection: ``local`` and ``remote`` are ``(IP, port)``; ``inode`` is 0 if no process owns it."""

    local: tuple[str, int]
    remote: tuple[str, int]
    state: int
    inode: int


def connections(pid: int | str, ports: Collection[int] = ()) -> list[Connection]:
    """TCP connections in the network namespace of a process; none when the process is gone.

    :param ports: return only connections with one of these ports at either end; all when empty.
    """
    if _shares_network(pid):
        try:
            return list(_ask_kernel(ports))
        except OSError:
            # The kernel has no such interface.
            pass
    return list(_read_proc(pid, ports))


def _shares_network(pid: int | str) -> bool:
    try:
        return os.path.samefile("/proc/self/ns/net", f"/proc/{pid}/ns/net")
    except OSError:
        return False


def _ask_kernel(ports: Collection[int]) -> Iterator[Connection]:
    """The connections in the network of this process, through netlink.

    For /proc/net/tcp the kernel walks through its whole hash table, which grows with the memory of the machine, and
    writes each connection as text: 9 ms where netlink took 0.4 ms.

    :raises OSError: the kernel has no such interface.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as wire:
        for family in (socket.AF_INET, socket.AF_INET6):
            question = _QUESTION.pack(family, socket.IPPROTO_TCP, 0, _ALL_STATES)
            wire.send(_HEADER.pack(_HEADER.size + len(question), _SOCK_DIAG_BY_FAMILY, _REQUEST_ALL, 0, 0) + question)
            for kind, content in _messages(wire):
                if kind == _ERROR:
                    code = -struct.unpack_from("=i", content)[0]
                    raise OSError(code, os.strerror(code))
                yield from parse_entry(content, ports)


def _messages(wire: socket.socket) -> Iterator[tuple[int, bytes]]:
    """``(kind, content)`` of each message up to the end of an answer."""
    while True:
        received, start = wire.recv(_LONGEST), 0
        while start < len(received):
            length, kind = _HEADER.unpack_from(received, start)[:2]
            if kind == _DONE:
                return
            yield kind, received[start + _HEADER.size:start + length]
            # Each message begins at a multiple of four.
            start += length + 3 & ~3


def parse_entry(content: bytes, ports: Collection[int] = ()) -> Iterator[Connection]:
    """The connection in a ``struct inet_diag_msg``, if it has one of these ports."""
    family, state, near_port, far_port, near, far, inode = _ENTRY.unpack_from(content)
    ends = int.from_bytes(near_port, "big"), int.from_bytes(far_port, "big")
    if not ports or ends[0] in ports or ends[1] in ports:
        size = 4 if family == socket.AF_INET else 16
        yield Connection((_address(near[:size]), ends[0]), (_address(far[:size]), ends[1]), state, inode)


def _read_proc(pid: int | str, ports: Collection[int]) -> Iterator[Connection]:
    for name in ("tcp", "tcp6"):
        try:
            with open(f"/proc/{pid}/net/{name}", encoding="ascii") as source:
                yield from parse(source, ports)
        except OSError:
            # No such process, or a kernel without IPv6.
            continue


def parse(lines: Iterable[str], ports: Collection[int] = ()) -> Iterator[Connection]:
    """The connections in the lines of /proc/net/tcp or tcp6, the first of which is a title."""
    lines = iter(lines)
    next(lines, None)
    marks = [f":{port:04X} " for port in ports]
    for line in lines:
        # A busy host has thousands of lines, and parsing one costs more than searching it for a port.
        if marks and not any(mark in line for mark in marks):
            continue
        fields = line.split()
        yield Connection(_endpoint(fields[1]), _endpoint(fields[2]), int(fields[3], 16), int(fields[9]))


def _endpoint(text: str) -> tuple[str, int]:
    address, port = text.split(":")
    # The kernel prints each 32 bits of an address as a number of the machine's own byte order.
    words = [int(address[start:start + 8], 16) for start in range(0, len(address), 8)]
    return _address(struct.pack(f"={len(words)}I", *words)), int(port, 16)


def _address(packed: bytes) -> str:
    if len(packed) == 16 and packed.startswith(b"\0" * 10 + b"\xff\xff"):
        packed = packed[12:]
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def inodes_of(pid: int | str) -> set[int]:
    """Inodes of the sockets that a process has open."""
    found: set[int] = set()
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


def holder_of(inode: int) -> Optional[str]:
    """The process that has a socket open, as ``name (process 123)``; ``None`` when no visible process does."""
    for name in os.listdir("/proc"):
        if name.isdigit() and inode in inodes_of(name):
            return f"{command_of(name)} (process {name})"
    return None
