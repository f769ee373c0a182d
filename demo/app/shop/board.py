"""The figures of the dashboard, kept up to date by reading what the ledger has gained."""

from __future__ import annotations

import collections
import json
import threading

SHOWN_SECONDS = 90
SHOWN_TICKS = 12
CHUNK = 1 << 20


class Board:
    """Counts events. Its memory grows with what waits, not with the ledger."""

    def __init__(self) -> None:
        self.accepted = 0
        self.done = 0
        self._waiting: dict[str, float] = {}
        # A quick worker may have written "done" before the web came to write "accepted".
        self._done_first: set[str] = set()
        self._ticks: collections.deque = collections.deque(maxlen=SHOWN_TICKS)
        self._finished: dict[int, dict[str, int]] = {}

    def add(self, event: dict) -> None:
        name = event["event"]
        if name == "tick":
            self._ticks.append({"time": event["time"], "color": event["color"]})
        elif event["kind"] == "tick":
            return
        elif name == "accepted":
            self._accept(event)
        elif name == "done":
            self._finish(event)

    def _accept(self, event: dict) -> None:
        self.accepted += 1
        if event["id"] in self._done_first:
            self._done_first.remove(event["id"])
        else:
            self._waiting[event["id"]] = event["time"]

    def _finish(self, event: dict) -> None:
        self.done += 1
        if self._waiting.pop(event["id"], None) is None:
            self._done_first.add(event["id"])
        second = int(event["time"])
        of_second = self._finished.setdefault(second, {})
        of_second[event["color"]] = of_second.get(event["color"], 0) + 1
        for old in [known for known in self._finished if known < second - 2 * SHOWN_SECONDS]:
            del self._finished[old]

    def figures(self, now: float) -> dict:
        end = int(now)
        return {
            "now": now,
            "accepted": self.accepted,
            "done": self.done,
            "waiting": len(self._waiting),
            "ticks": list(self._ticks),
            # One entry a second, oldest first: what each color finished in it.
            "finished": [self._finished.get(second, {}) for second in range(end - SHOWN_SECONDS, end)],
        }


class Follower:
    """Feeds a board with the lines a file has gained since the last look."""

    def __init__(self, path: str, board: Board) -> None:
        self._path = path
        self._board = board
        self._offset = 0
        self._rest = b""
        self._lock = threading.Lock()

    def figures(self, now: float) -> dict:
        with self._lock:
            self._catch_up()
            return self._board.figures(now)

    def _catch_up(self) -> None:
        try:
            with open(self._path, "rb") as ledger:
                ledger.seek(self._offset)
                while chunk := ledger.read(CHUNK):
                    self._offset += len(chunk)
                    self._feed(chunk)
        except FileNotFoundError:
            return

    def _feed(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._board.add(json.loads(line))
