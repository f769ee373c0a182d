#!/usr/bin/env python3
"""Watches all processes of a lab host from outside, and says what each kind of them spent.

    bench/accountant.py ID                          # of the container that the host is; / for this machine itself

It is a process of its own, so that it does not hold up the load, and runs on this machine's processors: the host
notices nothing of it. It writes a line when it watches, or one that says why it cannot; when its standard input
ends, it writes one more line, with all that it saw, and ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterable, NamedTuple, Optional

import kernel
from kinds import Book, Charge, Weight

# How often those that live are looked at: what a long one spent is known as exactly as that.
INTERVAL = 0.25


class Seen(NamedTuple):
    """What the accountant saw."""

    charges: list  # kinds.Charge
    peaks: list  # kinds.Weight: the most that a process had in memory
    held: list  # kinds.Weight: what all processes of a kind held for themselves
    compose_calls: list  # when each began, seconds since 1970


class Accountant:
    """The process that watches, as seen from the one that measures."""

    def __init__(self, host: str, command: Iterable[str] = ()) -> None:
        """host: id of the container that is watched; "/" for all of the machine that the command runs on."""
        as_root = () if os.geteuid() == 0 else ("sudo", "-n")
        self._process = subprocess.Popen(  # pylint: disable=consider-using-with
            [*(command or (*as_root, sys.executable, __file__)), host],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Interrupting the benchmark at its terminal does not interrupt this: it ends when its input does.
            start_new_session=True,
        )
        # Why this machine's kernel does not tell; nothing when it does.
        self.why_not: str = json.loads(self._process.stdout.readline() or '"The accountant ended at once."')

    def stop(self) -> Optional[Seen]:
        """Return what was seen, None when the kernel did not tell."""
        out, _err = self._process.communicate()
        if self.why_not:
            return None
        if self._process.returncode:
            raise kernel.Unobservable(f"The accountant of the host's processes ended with {self._process.returncode}.")
        seen = json.loads(out)
        return Seen(
            charges=[Charge(*each) for each in seen["charges"]],
            peaks=[Weight(*each) for each in seen["peaks"]],
            held=[Weight(*each) for each in seen["held"]],
            compose_calls=seen["compose_calls"],
        )


class Proc:
    """What /proc says of processes and threads, as long as they live."""

    def __init__(self, folder: str = "/proc") -> None:
        self._folder = Path(folder)

    def words(self, process: int) -> list:
        return [word for word in self._read(f"{process}/cmdline").split("\0") if word]

    def groups(self, process: int) -> str:
        return self._read(f"{process}/cgroup")

    def seconds(self, thread: int) -> Optional[float]:
        """Return what a thread had of a processor in its life, None when that has ended."""
        words = self._read(f"{thread}/schedstat").split()
        return int(words[0]) / 1e9 if words else None

    def mib(self, process: int) -> tuple:
        """Return what a process holds now for itself, and the most that it had in memory."""
        lines = self._read(f"{process}/status").splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        own, most = (int(fields.get(name, "0").split()[0]) / 1024 for name in ("RssAnon", "VmHWM"))
        return own, most

    def all(self) -> Iterable[tuple]:
        """Yield (process, [its threads], process that it comes from)."""
        for folder in self._folder.glob("[0-9]*"):
            # It may end while it is looked at.
            with contextlib.suppress(OSError):
                threads = [int(name) for name in os.listdir(folder / "task")]
                stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
                yield int(folder.name), threads, int(stat.rpartition(")")[2].split()[1])

    def _read(self, path: str) -> str:
        try:
            return (self._folder / path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""


def watch(host: str) -> int:
    try:
        began, ended = kernel.Connector(), kernel.Exits()
    except kernel.Unobservable as error:
        print(json.dumps(str(error)), flush=True)
        return 0
    book = Book(Proc(), host)
    book.begin(time.time())
    print(json.dumps(""), flush=True)
    due, stopping, gone = time.monotonic(), False, []
    while not stopping:
        ready, _out, _err = select.select([began, ended, sys.stdin], [], [], max(0.0, due - time.monotonic()))
        stopping = sys.stdin in ready
        now = time.time()
        # Two sockets tell, so what happened in one order may be read in another. Ends are read before begins and
        # booked after them; and a thread that is gone is forgotten a turn later, when its end has been read for sure.
        ends, through = list(ended.read()), gone
        gone = book_all(book, began.read(), now)
        for end in ends:
            book.exited(end, now)
        for event in through:
            book.forget(event)
        if stopping or time.monotonic() >= due:
            book.look(now)
            due = time.monotonic() + INTERVAL
    seen = Seen(book.charges, book.peaks, book.held, book.compose_calls)
    print(json.dumps(seen._asdict(), separators=(",", ":")), flush=True)
    return 0


def book_all(book: Book, events: Iterable, now: float) -> list:
    """Enter what the connector told; return the threads that are gone."""
    gone = []
    for event in events:
        if isinstance(event, kernel.Forked):
            book.forked(event, now)
        elif isinstance(event, kernel.Executed):
            book.executed(event, now)
        else:
            book.gone(event, now)
            gone.append(event)
    return gone


if __name__ == "__main__":
    sys.exit(watch(sys.argv[1]))
