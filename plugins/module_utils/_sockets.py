# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""TCP sockets of a network namespace, read from /proc, and the processes that own them."""

from __future__ import annotations

import os
from typing import NamedTuple

ESTABLISHED, TIME_WAIT, LISTEN = 0x01, 0x06, 0x0A


class Socket(NamedTuple):
    local_port: int
    remote_port: int
    state: int
    inode: int


def parse(text):
    """Sockets in the text of ``/proc/net/tcp`` or ``tcp6``."""
    sockets = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9:
            sockets.append(
                Socket(
                    local_port=int(fields[1].rpartition(":")[2], 16),
                    remote_port=int(fields[2].rpartition(":")[2], 16),
                    state=int(fields[3], 16),
                    inode=int(fields[9]),
                )
            )
    return sockets


def read(pid="self"):
    """Sockets of the network namespace that process ``pid`` lives in, IPv4 and IPv6."""
    sockets = []
    for table in ("tcp", "tcp6"):
        try:
            with open(f"/proc/{pid}/net/{table}", encoding="ascii") as source:
                sockets += parse(source.read())
        except OSError:  # A kernel without IPv6 has no tcp6, and the process may have ended.
            continue
    return sockets


def owner(inodes):
    """``(pid, name)`` of a process that has one of the sockets open, or ``None``."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        folder = f"/proc/{pid}/fd"
        try:
            for descriptor in os.listdir(folder):
                if os.readlink(f"{folder}/{descriptor}") in wanted:
                    with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as source:
                        return int(pid), source.read().strip()
        except OSError:  # The process, or one of its descriptors, is gone by now.
            continue
    return None


def listener(port):
    """``(pid, name)`` of the process that listens on a port of this host; ``None`` when nobody does."""
    inodes = [socket.inode for socket in read() if socket.state == LISTEN and socket.local_port == port]
    if not inodes:
        return None
    return owner(inodes) or (0, "a process that cannot be seen from here")
