#!/usr/bin/env python3
"""Load of a known rate on the demo app, every request of it on record.

It behaves as a browser does: connections are kept and used again, looked at for their end before
that, and a request whose *reused* connection ended before a single byte of an answer is sent once
more on a new one. (Nginx before 1.27.4 closes a kept connection at a reload; 1 in some thousands
meets a request that is already on its way.) Such requests are counted as `retried`, apart.

The load is open: a request starts when its time has come, however slow the ones before it are. Its
latency is counted from that moment.

    python demo/load.py --url http://127.0.0.1:8080 --seconds 30 --out load.jsonl

From Python: ``load = Load("http://127.0.0.1:8080").start(); ...; figures = load.stop()``.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import itertools
import json
import math
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Callable, Iterable, NamedTuple, Optional, TextIO
from urllib.parse import urlencode, urlsplit

TIMEOUT = 10.0
CONNECTIONS = 8
PAGES = ("/work", "/")


class Record(NamedTuple):
    """One request as its client saw it."""

    t: float  # when it was due, seconds since 1970
    ms: float  # from then to the last byte of the answer
    method: str
    path: str
    status: int = 0  # 0: there was no answer
    color: str = ""
    release: str = ""
    retried: bool = False
    error: str = ""
    id: str = ""  # of the task, for POST /tasks

    @property
    def failed(self) -> bool:
        return bool(self.error) or not 200 <= self.status < 400


class Answer(NamedTuple):
    status: int
    headers: dict
    body: bytes


class NoAnswer(Exception):
    """The connection ended, or would not open, before the answer was whole."""

    def __init__(self, reason: str, untouched: bool) -> None:
        super().__init__(reason)
        self.untouched = untouched  # not one byte of an answer had come


# -- figures: pure --------------------------------------------------------------------------------


def percentile(values: Iterable[float], share: float) -> Optional[float]:
    """Return the smallest value that `share` of all values do not exceed; None when there are none."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def figures(records: Iterable[Record], since: float = 0.0, until: float = math.inf) -> dict:
    """Return what the requests due in [since, until) came to."""
    chosen = [record for record in records if since <= record.t < until]
    failed = [record for record in chosen if record.failed]
    answered = [record.ms for record in chosen if not record.failed]
    return {
        "requests": len(chosen),
        "failed": len(failed),
        "retried": sum(record.retried for record in chosen),
        "tasks": sum(record.method == "POST" and not record.failed for record in chosen),
        "p50_ms": percentile(answered, 0.50),
        "p99_ms": percentile(answered, 0.99),
        "by_color": dict(
            sorted(collections.Counter(record.color for record in chosen if record.color).items())
        ),
        "failures": [
            f"{record.method} {record.path}: {record.error or record.status}" for record in failed[:5]
        ],
    }


# -- HTTP: one connection -------------------------------------------------------------------------


class Connection:
    """A connection that is kept, and knows whether it was used before."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.used = False
        self.keep = True

    @classmethod
    async def open(cls, host: str, port: int) -> Connection:
        try:
            return cls(*await asyncio.open_connection(host, port))
        except OSError as error:
            raise NoAnswer(f"no connection: {error}", untouched=True) from error

    @property
    def ended(self) -> bool:
        return self._reader.at_eof() or self._writer.is_closing()

    def close(self) -> None:
        self._writer.close()

    async def ask(self, request: bytes) -> Answer:
        touched = False
        try:
            self._writer.write(request)
            await self._writer.drain()
            first = await self._reader.readline()
            touched = bool(first)
            if not first.endswith(b"\n"):
                raise NoAnswer("the connection ended before the answer", untouched=not touched)
            return await self._rest_of_answer(first)
        except (OSError, asyncio.IncompleteReadError) as error:
            # A reset is told by `touched` alone: the answer may have begun before it.
            raise NoAnswer(f"the connection ended: {error!r}", untouched=not touched) from error

    async def _rest_of_answer(self, first: bytes) -> Answer:
        status = int(first.split()[1])
        headers: dict = {}
        while (line := await self._reader.readline()).strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        if "content-length" in headers:
            body = await self._reader.readexactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            body = await self._chunks()
        else:
            body = await self._reader.read()
            self.keep = False
        if headers.get("connection", "").lower() == "close":
            self.keep = False
        return Answer(status, headers, body)

    async def _chunks(self) -> bytes:
        body = b""
        while size := int((await self._reader.readuntil(b"\n")).split(b";")[0], 16):
            body += await self._reader.readexactly(size)
            await self._reader.readuntil(b"\n")
        while (await self._reader.readuntil(b"\n")).strip():
            pass
        return body


class Client:
    """A browser's set of kept connections to one server."""

    def __init__(self, url: str, host_header: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"url={url} is not possible; it is http://HOST[:PORT][/PATH].")
        self._host = parts.hostname
        self._port = parts.port or 80
        self._prefix = parts.path.rstrip("/")
        self._header = host_header or parts.netloc
        self._idle: collections.deque = collections.deque()

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple:
        """Return the answer, and whether it took a second try."""
        request = self._request(method, path, body)
        connection = await self._connection()
        try:
            return await self._ask_on(connection, request), False
        except NoAnswer as error:
            if not (connection.used and error.untouched):
                raise
        return await self._ask_on(await Connection.open(self._host, self._port), request), True

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _request(self, method: str, path: str, body: bytes) -> bytes:
        lines = [
            f"{method} {self._prefix}{path} HTTP/1.1",
            f"Host: {self._header}",
            "User-Agent: smallfleet-load",
        ]
        if method == "POST":
            lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body

    async def _connection(self) -> Connection:
        # The one that was idle longest, and only when all are there: every connection is used
        # again after a pause, which is when a server may just have closed it.
        while len(self._idle) >= CONNECTIONS:
            connection = self._idle.popleft()
            if not connection.ended:
                return connection
            connection.close()
        return await Connection.open(self._host, self._port)

    async def _ask_on(self, connection: Connection, request: bytes) -> Answer:
        kept = False
        try:
            answer = await connection.ask(request)
            kept = connection.keep
        finally:
            if not kept:
                connection.close()
        connection.used = True
        self._idle.append(connection)
        return answer


# -- the load -------------------------------------------------------------------------------------


class Load:
    """Requests in a thread of their own, from start() to stop()."""

    def __init__(
        self,
        url: str,
        rate: float = 20.0,
        task_rate: float = 3.0,
        out: Optional[str] = None,
        task: Optional[dict] = None,
        tasks: Iterable[dict] = (),
        host_header: str = "",
    ) -> None:
        self.records: list = []
        self._url = url
        self._rate = rate
        self._task_rate = task_rate
        self._out_path = out
        self._out: Optional[TextIO] = None
        self._client = Client(url, host_header)
        # One kind of task, or several in turn.
        self._tasks = itertools.cycle([urlencode(each).encode() for each in tasks or [task or {}]])
        self._pages = itertools.cycle(PAGES)
        self._running: set = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load", daemon=True)

    def start(self) -> Load:
        if self._out_path:
            self._out = open(self._out_path, "w", encoding="utf-8")
        self._thread.start()
        return self

    def stop(self) -> dict:
        """Start no more requests, wait for those under way, and return the figures of all."""
        self._stopping.set()
        self._thread.join()
        if self._out:
            self._out.close()
        return figures(self.records)

    async def _run(self) -> None:
        await asyncio.gather(
            self._every(self._rate, lambda due: self._one(due, "GET", next(self._pages))),
            self._every(self._task_rate, lambda due: self._one(due, "POST", "/tasks", next(self._tasks))),
        )
        while self._running:
            await asyncio.wait(self._running)
        self._client.close()

    async def _every(self, rate: float, request: Callable) -> None:
        if not rate:
            return
        begin = time.monotonic()
        for number in itertools.count():
            due = begin + number / rate
            while (left := due - time.monotonic()) > 0 and not self._stopping.is_set():
                await asyncio.sleep(min(left, 0.2))
            if self._stopping.is_set():
                return
            task = asyncio.ensure_future(request(due))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _one(self, due: float, method: str, path: str, body: bytes = b"") -> None:
        outcome: dict = {}
        try:
            answer, retried = await asyncio.wait_for(self._client.ask(method, path, body), TIMEOUT)
            outcome = {"retried": retried, **_outcome(method, answer)}
        except asyncio.TimeoutError:
            outcome = {"error": f"no answer within {TIMEOUT:g} s"}
        except Exception as reason:  # whatever it was, this request failed and must be counted as such
            outcome = {"error": str(reason) or repr(reason)}
        late = time.monotonic() - due
        self._keep(Record(round(time.time() - late, 4), round(late * 1000, 2), method, path, **outcome))

    def _keep(self, record: Record) -> None:
        self.records.append(record)
        if self._out:
            self._out.write(json.dumps(record._asdict()) + "\n")
            self._out.flush()


def _outcome(method: str, answer: Answer) -> dict:
    """Return what a record takes over from an answer."""
    fields = {
        "status": answer.status,
        "color": answer.headers.get("x-shop-color", ""),
        "release": answer.headers.get("x-shop-release", ""),
    }
    if method == "POST" and answer.status == 200:
        fields["id"] = json.loads(answer.body)["id"]
    return fields


# -- command line ---------------------------------------------------------------------------------


def main(arguments: list) -> int:
    parser = argparse.ArgumentParser(description="Load of a known rate on the demo app.")
    parser.add_argument("--url", required=True, help="base URL, http://HOST[:PORT]")
    parser.add_argument("--seconds", type=float, help="end after so many seconds")
    parser.add_argument("--until-file", help="end when this file exists")
    parser.add_argument("--out", help="write every request to this file, one JSON object a line")
    parser.add_argument(
        "--rate", type=float, default=20.0, help="GET requests a second (default: %(default)g)"
    )
    parser.add_argument("--task-rate", type=float, default=3.0, help="tasks a second (default: %(default)g)")
    parser.add_argument(
        "--tasks", metavar="FILE", help='a JSON list of parameters, as {"seconds": 0.2}, of one task after the other'
    )
    options = parser.parse_args(arguments)
    if options.seconds is None and not options.until_file:
        parser.error("say when to end: --seconds, --until-file or both")

    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_unused: ended.set())
    try:
        tasks = json.loads(Path(options.tasks).read_text(encoding="utf-8")) if options.tasks else ()
        load = Load(options.url, options.rate, options.task_rate, options.out, tasks=tasks).start()
    except (OSError, ValueError) as error:
        parser.error(str(error))
    limit = math.inf if options.seconds is None else time.monotonic() + options.seconds
    while not ended.wait(0.1) and time.monotonic() < limit:
        if options.until_file and os.path.exists(options.until_file):
            break
    print(json.dumps(load.stop(), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
