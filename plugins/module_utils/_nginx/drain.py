# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Wait until Nginx has finished the requests that it accepted before a switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Sequence

from .._linux import sockets
from .._linux.clock import Deadline
from .._linux.processes import process_start
from .._progress import report

if TYPE_CHECKING:
    from .._host import Host
    from .._journal.journal import AnyJournal

_PACE = 0.1
# More connections than this are counted and not listed.
_LISTED = 3


class Drained(NamedTuple):
    """Whether all worker processes of Nginx from before the switch have ended.

    ``held_by`` is a sentence for each that has not; ``seconds`` is how long the wait took.
    """

    drained: bool
    held_by: list[str]
    seconds: float


def wait_drained(
    host: Host, journal: AnyJournal, nginx_workers: Sequence[Sequence[int]] | None = None, timeout: float = 30.0
) -> Drained:
    """Wait until all worker processes of Nginx from before the switch have ended.

    To count the connections of the old color would not be enough: a client that has sent half a request has none yet,
    and the worker process that accepted it will still ask the old color.

    :param nginx_workers: ``[pid, start time]`` of each; ``None`` for those that the journal noted at the cutover.
    :param timeout: seconds. When it runs out the result says so and nothing fails: a websocket may live for days.
    """
    cutover = journal.get("cutover") or {}
    if nginx_workers is None:
        nginx_workers = cutover.get("nginx_workers") or []
    deadline = Deadline(host.clock, timeout)
    while True:
        left = [pid for pid, started in nginx_workers if process_start(pid) == started]
        if not left or deadline.over:
            break
        journal.renew_lease()
        report(
            f"{len(left)} of {len(nginx_workers)} worker processes of Nginx from before the switch still serve requests"
        )
        deadline.sleep(_PACE)
    since = host.clock.boottime() - cutover["at"] if "at" in cutover else deadline.elapsed
    return Drained(not left, [_holder(pid, since) for pid in left], round(deadline.elapsed, 1))


def _holder(pid: int, since: float) -> str:
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


def held_sentence(pid: int, clients: list[tuple[str, int]], since: float) -> str:
    """The sentence that says why a worker process of Nginx has not ended.

    :param clients: ``(IP, port)`` of each client that it still serves.
    :param since: seconds since the switch.
    """
    if not clients:
        return f"worker process {pid} of Nginx still runs {since:.0f} s after the switch, without any client"
    names = [f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address, port in clients]
    text = ", ".join(names[:_LISTED])
    if len(names) > _LISTED:
        text += f" and {len(names) - _LISTED} more"
    return (
        f"worker process {pid} of Nginx has been serving a websocket or long request of {text} since the switch, "
        f"{since:.0f} s ago"
    )
