"""demo/load.py: what counts as failed, what is retried, and what the figures are.

A server of a few lines behaves badly on purpose: closes kept connections, or ends an answer half way.
"""

from __future__ import annotations

import asyncio
import json

import load
import pytest

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\nX-Shop-Color: green\r\n\r\n{"id": "t-1"}'


def record(t=0.0, ms=1.0, **fields):
    return load.Record(t=t, ms=ms, method=fields.pop("method", "GET"), path="/", **{"status": 200, **fields})


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.99, None),
        ([7], 0.99, 7),
        (range(1, 101), 0.99, 99),
        (range(1, 101), 0.5, 50),
        ([3, 1, 2], 1.0, 3),
    ],
)
def test_percentile(values, share, expected):
    assert load.percentile(values, share) == expected


@pytest.mark.parametrize(
    ("fields", "failed"),
    [
        ({"status": 200}, False),
        ({"status": 302}, False),
        ({"status": 404}, True),
        ({"status": 502}, True),
        ({"status": 0, "error": "no answer within 10 s"}, True),
        ({"status": 200, "error": "no id"}, True),
        ({"status": 200, "retried": True}, False),
    ],
)
def test_failed(fields, failed):
    assert record(**fields).failed is failed


def test_figures_of_a_window():
    records = [
        record(1, 10, color="blue"),
        record(2, 20, color="green", retried=True),
        record(3, 9000, status=502),
        record(4, 30, method="POST", color="green"),
        record(5, 99, color="green"),
    ]
    assert load.figures(records, 2, 5) == {
        "requests": 3,
        "failed": 1,
        "retried": 1,
        "tasks": 1,
        "p50_ms": 20,
        "p99_ms": 30,
        "by_color": {"green": 2},
        "failures": ["GET /: 502"],
    }


class Server:
    """Answers request n of connection m with script[m][n]; the end of a script ends the connection."""

    def __init__(self, *scripts):
        self._scripts = list(scripts)
        self.connections = 0
        self.requests = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.client = load.Client(f"http://127.0.0.1:{port}")
        return self

    async def __aexit__(self, *_unused):
        self.client.close()
        self._server.close()

    async def _serve(self, reader, writer):
        script = self._scripts[self.connections]
        self.connections += 1
        for answer in script:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break  # the client is done with this connection
            self.requests.append(head.split(b"\r\n")[0])
            if b"Content-Length: " in head:
                await reader.readexactly(int(head.rpartition(b"Content-Length: ")[2].split()[0]))
            writer.write(answer)
            await writer.drain()
        writer.close()


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario, 5))


@pytest.fixture(autouse=True)
def one_connection(monkeypatch):
    monkeypatch.setattr(load, "CONNECTIONS", 1)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_reused_connection_that_ends_before_any_byte_is_tried_once_more(method):
    async def scenario():
        async with Server([OK, b""], [OK]) as server:
            first = await server.client.ask("GET", "/")
            second = await server.client.ask(method, "/tasks")
            return first[1], second[1], second[0].status, server.connections

    assert run(scenario()) == (False, True, 200, 2)


def test_a_connection_that_ended_while_idle_is_not_used_and_not_counted_as_retried():
    async def scenario():
        async with Server([OK], [OK]) as server:
            await server.client.ask("GET", "/")
            await asyncio.sleep(0.05)
            _answer, retried = await server.client.ask("GET", "/")
            return retried, server.connections

    assert run(scenario()) == (False, 2)


@pytest.mark.parametrize(
    ("scripts", "before"),
    [
        ([[b""], [OK]], 0),  # a new connection
        ([[OK, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"], [OK]], 1),  # an answer that had begun
        ([[OK, b""], [b""], [OK]], 1),  # the second try too
    ],
)
def test_everything_else_fails(scripts, before):
    async def scenario():
        async with Server(*scripts) as server:
            for _number in range(before):
                await server.client.ask("GET", "/")
            with pytest.raises(load.NoAnswer):
                await server.client.ask("GET", "/")

    run(scenario())


def test_a_load_records_every_request_with_the_color_that_answered(tmp_path):
    out = tmp_path / "load.jsonl"

    async def scenario():
        async with Server(*[[OK] * 1000] * 20) as server:
            port = server._server.sockets[0].getsockname()[1]
            running = load.Load(f"http://127.0.0.1:{port}", rate=100, task_rate=50, out=str(out)).start()
            await asyncio.sleep(0.2)
            figures = await asyncio.to_thread(running.stop)
            return figures, len(server.requests)

    figures, served = run(scenario())
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert figures["failed"] == 0
    assert figures["requests"] == served == len(lines)
    assert figures["by_color"] == {"green": served}
    assert {line["id"] for line in lines if line["method"] == "POST"} == {"t-1"}


def test_a_server_that_is_not_there_is_a_failed_request_each():
    running = load.Load("http://127.0.0.1:1", rate=50, task_rate=0).start()
    while not running.records:
        pass
    figures = running.stop()
    assert figures["failed"] == figures["requests"] > 0
    assert "no connection" in figures["failures"][0]
