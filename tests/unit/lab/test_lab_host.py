"""lab/host.py: what a command on a host has printed, against an engine that the test plays."""

from __future__ import annotations

import http.server
import json
import shutil
import socketserver
import struct
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "lab"))

host = pytest.importorskip("host", reason="the lab needs the Docker SDK, which .venv has")

OUTPUT = b'{"event":"started"}\n' * 900
NAME = "bluegreen-played"


class Engine(http.server.BaseHTTPRequestHandler):
    """Answers what the client of `docker exec` asks; the output comes in one piece with the answer's head."""

    protocol_version = "HTTP/1.1"
    asked: list = []

    def do_HEAD(self):
        self._answer({})

    def do_GET(self):
        container = {"Id": "c" * 64, "Name": f"/{NAME}", "State": {"Running": True, "Pid": 1}, "Config": {}}
        execution = {"ID": "e1", "Running": False, "ExitCode": 3}
        version = {"ApiVersion": "1.41"}
        self._answer(execution if "/exec/" in self.path else version if "version" in self.path else container)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self.path.endswith("/start"):
            self.asked.append(json.loads(body))
            return self._answer({"Id": "e1"}, 201)
        head = (
            b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
            b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
        )
        self.wfile.write(head + struct.pack(">BxxxL", 1, len(OUTPUT)) + OUTPUT)
        self.close_connection = True

    def _answer(self, content, status=200):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_unused):
        pass

    def address_string(self):
        return "a client"


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def played(tmp_path, monkeypatch):
    if not shutil.which("docker"):
        pytest.skip("there is no docker client here")
    path = str(tmp_path / "engine.sock")
    with Server(path, Engine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        monkeypatch.setattr(host, "_clients", threading.local())
        monkeypatch.setattr(Engine, "asked", [])
        yield host.Host(host.client().containers.get(NAME))
        server.shutdown()


def test_output_that_comes_with_the_head_of_the_answer_is_not_lost(played):
    result = played.exec(["cat", "/srv/ledger"], check=False)
    assert result.out == OUTPUT.decode()
    assert result.rc == 3


def test_environment_and_folder_reach_the_engine(played):
    played.exec("env", check=False, env={"A": "1"}, workdir="/srv")
    (asked,) = Engine.asked
    assert asked["Cmd"] == ["/bin/sh", "-c", "env"]
    assert (asked["Env"], asked["WorkingDir"]) == (["A=1"], "/srv")


def test_a_command_that_fails_is_an_error_with_its_last_words(played):
    with pytest.raises(host.HostError, match="ended 3"):
        played.exec(["cat", "/srv/ledger"])
