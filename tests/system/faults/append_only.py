# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the append-only file of a Redis tells of the tasks that a worker had in hand when it was killed. Pure.

Celery takes a message with one command (BRPOP, here RPOP) and notes it in the hash ``unacked`` with the next one. A worker
that is killed between the two loses it, also with late acknowledgement. The collection takes no task by RPOP.
"""

from __future__ import annotations

import collections
from collections.abc import Collection, Iterator


def in_hand(log: str, tasks: Collection[str]) -> set[str]:
    """Those tasks that were taken out of a queue, and neither noted nor put back later."""
    queues: dict[str, collections.deque[str]] = collections.defaultdict(collections.deque)
    taken: set[str] = set()

    def named(message: str) -> set[str]:
        return {task for task in tasks if task in message}

    for name, *words in _commands(log):
        if name == "LPUSH":
            queues[words[0]].extendleft(words[1:])
        elif name == "RPUSH":
            queues[words[0]].extend(words[1:])
        elif name == "RPOP" and queues[words[0]]:
            taken |= named(queues[words[0]].pop())
        elif name == "LREM" and words[2] in queues[words[0]]:
            queues[words[0]].remove(words[2])
        elif name in ("RENAME", "RENAMENX"):
            queues[words[1]] = queues.pop(words[0], collections.deque())
        elif name in ("DEL", "UNLINK"):
            for key in words:
                queues.pop(key, None)
        if name in ("LPUSH", "RPUSH") or (name == "HSET" and words[0] == "unacked"):
            taken -= named(" ".join(words[1:]))
    return taken


def _commands(log: str) -> Iterator[list[str]]:
    """The commands, of which the last one may be cut off."""
    data, at = log.encode(), 0

    def line() -> bytes:
        nonlocal at
        end = data.index(b"\r\n", at)
        found, at = data[at:end], end + 2
        return found

    while at < len(data):
        words = []
        try:
            for _word in range(int(line()[1:])):
                length = int(line()[1:])
                words.append(data[at:at + length].decode())
                at += length + 2
        except ValueError:
            return
        yield [words[0].upper(), *words[1:]]
