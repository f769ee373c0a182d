# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The socket, the answers that arrive whole or not at all, and the streams of commands."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import Engine, EngineError
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.engine_server import frame, hijacked, http


def test_a_socket_that_is_not_there_is_one_sentence(tmp_path):
    path = tmp_path / "docker.sock"
    with pytest.raises(EngineError) as failure:
        Engine(f"unix://{path}").ping()
    assert failure.value.message == (
        f"The Docker Engine does not answer at unix://{path} (No such file or directory): start it (systemctl start "
        "docker), or name its socket in docker_host."
    )
    assert failure.value.status == 0


def test_an_engine_that_is_down_is_one_sentence(tmp_path):
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left_behind:
        left_behind.bind(str(path))
    with pytest.raises(EngineError, match=r"does not answer at unix://.* \(Connection refused\): start it"):
        Engine(f"unix://{path}").ping()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", b"nonsense\r\n\r\n"])
def test_an_engine_that_dies_while_it_answers_is_out_of_reach(server, engine, answer):
    server.answers["GET /info"] = answer
    with pytest.raises(EngineError, match="The Docker Engine does not answer at unix://"):
        engine.info()


def test_an_engine_that_hangs_is_out_of_reach(server, engine):
    let_go = threading.Event()
    server.answers["GET /info"] = lambda connection, stream: let_go.wait(5)
    with pytest.raises(EngineError, match=r"\(timed out\): start it"):
        engine.request("GET", "/info", timeout=0.05)
    let_go.set()


def test_a_chunked_answer_is_read_whole(server, engine):
    body = json.dumps({"Containers": ["a" * 5000, "b" * 5000]}).encode()
    chunks = b"".join(
        f"{len(body[start:start + 3000]):x}\r\n".encode() + body[start:start + 3000] + b"\r\n"
        for start in range(0, len(body), 3000)
    )
    server.answers["GET /info"] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    assert engine.info() == json.loads(body)


@pytest.mark.parametrize(
    "body, sentence",
    [
        (b'{"message": "No such container: x"}', "No such container: x"),
        (b"plain words\n", "plain words"),
        (b"[]", "[]"),
        (b"", "the Docker Engine gave no reason"),
    ],
)
def test_a_refusal_has_the_engines_own_reason_and_its_status(server, engine, body, sentence):
    server.answers["GET /containers/x/json"] = http("409 Conflict", body)
    with pytest.raises(EngineError) as failure:
        engine.inspect("x")
    assert (failure.value.message, failure.value.status) == (sentence, 409)


def prepare_exec(server, output, code=0, seen=None):
    server.json("POST /containers/c/exec", {"Id": "e1"}, "201 Created")
    server.answers["POST /exec/e1/start"] = hijacked(output, seen)
    server.json("GET /exec/e1/json", {"ExitCode": code})


def test_a_command_gives_its_exit_code_and_both_streams(server, engine):
    prepare_exec(server, frame(1, b"out ") + frame(2, b"err") + frame(1, b"more") + frame(1, b""), code=3)
    assert engine.execute("c", ["nginx", "-t"]) == (3, b"out more", b"err")
    create, start = (json.loads(request.body) for request in server.requests[:2])
    assert create == {"AttachStdin": False, "AttachStdout": True, "AttachStderr": True, "Cmd": ["nginx", "-t"]}
    # With a terminal there would be no frames, and detached no output.
    assert start == {"Detach": False, "Tty": False}


def test_a_command_without_output(server, engine):
    prepare_exec(server, b"")
    assert engine.execute("c", ["true"]) == (0, b"", b"")


def test_a_command_reads_its_input_to_the_end(server, engine):
    seen = []
    prepare_exec(server, frame(1, b"done"), seen=seen)
    given = b"x" * 100_000
    assert engine.execute("c", ["cat"], stdin=given) == (0, b"done", b"")
    assert seen == [given]
    assert json.loads(server.requests[0].body)["AttachStdin"] is True


def test_large_output_arrives_whole(server, engine):
    output = b"".join(frame(1, bytes([number]) * 70_000) for number in range(10))
    prepare_exec(server, output)
    assert len(engine.execute("c", ["cat"])[1]) == 700_000


def test_a_container_that_does_not_run_refuses_a_command(server, engine):
    server.json("POST /containers/c/exec", {"message": "container c is not running"}, "409 Conflict")
    with pytest.raises(EngineError, match="container c is not running"):
        engine.execute("c", ["true"])


def test_a_command_that_cannot_start_is_the_engines_sentence(server, engine):
    server.json("POST /containers/c/exec", {"Id": "e1"}, "201 Created")
    server.json("POST /exec/e1/start", {"message": "no such program"}, "400 Bad Request")
    with pytest.raises(EngineError, match="no such program") as failure:
        engine.execute("c", ["nginx"])
    assert failure.value.status == 400


def test_a_command_that_hangs_is_given_up(server, engine):
    let_go = threading.Event()

    def hang(connection, stream):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        let_go.wait(5)

    server.json("POST /containers/c/exec", {"Id": "e1"}, "201 Created")
    server.answers["POST /exec/e1/start"] = hang
    with pytest.raises(EngineError, match="timed out"):
        engine.execute("c", ["sleep", "60"], timeout=0.05)
    let_go.set()


# A container of its own


def prepare_aside(server, stream):
    server.json("POST /containers/create", {"Id": "c1"}, "201 Created")
    server.answers["POST /containers/c1/attach"] = stream
    server.answers["POST /containers/c1/start"] = server.answers["DELETE /containers/c1"] = http("204 No Content")


def test_a_container_of_its_own_is_fed_read_and_removed(server, engine):
    seen = []
    prepare_aside(server, hijacked(frame(1, b"out ") + frame(2, b"err") + frame(1, b"more"), seen))
    assert engine.run_aside("names", {"Image": "shop:1", "Tty": True}, b"given", 5) == (b"out more", b"err")
    assert seen == [b"given"]
    assert [request.line for request in server.requests] == [
        "POST /containers/create",
        "POST /containers/c1/attach",
        "POST /containers/c1/start",
        "DELETE /containers/c1",
    ]
    body = json.loads(server.requests[0].body)
    assert (body["Image"], body["Tty"], body["OpenStdin"], body["StdinOnce"]) == ("shop:1", False, True, True)
    assert engine.commands == ["docker run --rm --interactive --name names shop:1"]


def test_a_container_of_its_own_that_does_not_end_is_removed(server, engine):
    let_go = threading.Event()

    def drip(connection, stream):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        # There is always something to read, so only the time in total can end it.
        while not let_go.wait(0.001):
            try:
                connection.sendall(frame(1, b"."))
            except OSError:
                return

    prepare_aside(server, drip)
    with pytest.raises(EngineError, match="it had not ended after 0.1 s"):
        engine.run_aside("names", {"Image": "shop:1"}, b"", 0.1)
    let_go.set()
    assert server.requests[-1].line == "DELETE /containers/c1"
