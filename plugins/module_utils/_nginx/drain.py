# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Waiting until Nginx has finished what it began before a switch."""

from __future__ import annotations

from typing import NamedTuple

from .._linux import sockets
from .._linux.clock import Deadline
from .._linux.processes import process_start
from .._progress import report

_PACE = 0.1
# More connections than this are counted and not listed.
_LISTED = 3


class Drained(NamedTuple):
    """Whether everything of before the switch has ended, what has not as sentences, and how long that was waited for."""

    drained: bool
    held_by: list
    seconds: float


def wait_drained(host, journal, children=None, timeout=30.0):
    """Wait until none of the processes of Nginx from before the switch is left.

    That its old color has no connections proves nothing: a client that has sent half a request is still served by the
    process that accepted it, from the old color.

    :param children: ``[pid, start time]`` of each; those that the journal noted at the cutover when ``None``.
    :param timeout: seconds. That it runs out is no failure: a websocket may live for days.
    """
    cutover = journal.get("cutover") or {}
    if children is None:
        children = cutover.get("children") or []
    deadline = Deadline(host.clock, timeout)
    while True:
        left = [pid for pid, started in children if process_start(pid) == started]
        if not left or deadline.over:
            break
        journal.renew_lease()
        report(f"{len(left)} of {len(children)} worker processes of Nginx from before the switch still serve requests")
        deadline.sleep(_PACE)
    since = host.clock.boottime() - cutover["at"] if "at" in cutover else deadline.elapsed
    return Drained(not left, [_holder(pid, since) for pid in left], round(deadline.elapsed, 1))


def _holder(pid, since):
    inodes, everything = sockets.inodes_of(pid), sockets.connections(pid)
    ports = {connection.local[1] for connection in everything if connection.state == sockets.LISTENING}
    return held_sentence(
        pid,
        [
            connection.remote
            for connection in everything
            if connection.inode in inodes
            and connection.state == sockets.ESTABLISHED
            and connection.local[1] in ports
        ],
        since,
    )


def held_sentence(pid, clients, since):
    """What holds a worker process, for people.

    :param clients: ``(IP, port)`` of each client that it still serves.
    :param since: seconds since the switch.
    """
    if not clients:
        return f"worker process {pid} of Nginx is still there {since:.0f} s after the switch, without any client"
    names = [f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address, port in clients]
    text = ", ".join(names[:_LISTED])
    if len(names) > _LISTED:
        text += f" and {len(names) - _LISTED} more"
    return f"worker process {pid} of Nginx serves a websocket or long request of {text} for {since:.0f} s since the switch"
