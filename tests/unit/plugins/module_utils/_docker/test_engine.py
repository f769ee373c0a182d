# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine is asked for, and what its answers mean."""

from __future__ import annotations

import base64
import json

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import Engine, EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.engine_server import frame, http


@pytest.mark.parametrize(
    "docker_host", ["", "tcp://10.0.0.5:2375", "ssh://pi", "unix://run/docker.sock", "/run/docker.sock"]
)
def test_only_an_engine_on_the_same_host_can_be_used(docker_host):
    with pytest.raises(BluegreenError) as refusal:
        Engine(docker_host)
    assert refusal.value.message == (
        f"docker_host is {docker_host!r}, but only an Engine on the same host can be used: write unix:// and the "
        "absolute path of its socket, such as unix:///var/run/docker.sock."
    )


def test_an_answer_is_read(server, engine):
    server.json("GET /info", {"DockerRootDir": "/x"})
    assert engine.info() == {"DockerRootDir": "/x"}


def test_an_engine_that_answers_is_not_asked_more(server, engine):
    server.answers["GET /_ping"] = http("200 OK", b"OK")
    engine.ping()
    assert [request.line for request in server.requests] == ["GET /_ping"]


def test_a_look_asks_nothing_twice(server, engine):
    for path, found in (
        ("/containers/a/json", {"Id": "a"}),
        ("/containers/b/json", {"Id": "b"}),
        ("/containers/json", []),
    ):
        server.json(f"GET {path}", found)
    with engine.each_once():
        found = [
            engine.inspect("a"),
            engine.inspect("a"),
            engine.inspect("b"),
            engine.containers(),
            engine.containers(),
        ]
        engine.containers(["x=y"])
        assert engine.image("none") is engine.image("none") is None
    # What one made of an answer is no other's.
    assert found[:3] == [{"Id": "a"}, {"Id": "a"}, {"Id": "b"}] and found[0] is not found[1]
    lines = [request.line for request in server.requests]
    assert [lines.count(f"GET /containers/{name}") for name in ("a/json", "b/json", "json")] == [1, 1, 2]
    engine.inspect("a")
    assert len(server.requests) == len(lines) + 1


def test_something_else_behind_the_socket_is_one_sentence(server, engine):
    server.answers["GET /info"] = http("200 OK", b"<html>")
    with pytest.raises(EngineError) as failure:
        engine.info()
    assert failure.value.message == (
        f"The Docker Engine at unix://{server.path} did not answer /info with JSON: check that the socket is Docker's "
        "(docker_host)."
    )


def test_an_image_that_is_not_here_is_none(server, engine):
    server.json("GET /images/registry/shop:2/json", {"message": "No such image"}, "404 Not Found")
    assert engine.image("registry/shop:2") is None


def test_all_images_cost_one_request(server, engine):
    server.json(
        "GET /images/json", [{"Id": "sha256:a", "RepoTags": ["a:1", "a:2"]}, {"Id": "sha256:b", "RepoTags": None}]
    )
    assert engine.image_ids() == {"sha256:a", "sha256:b"}


def test_any_other_refusal_of_an_image_is_an_error(server, engine):
    server.json("GET /images/registry/shop:2/json", {"message": "boom"}, "500 Internal Server Error")
    with pytest.raises(EngineError, match="boom"):
        engine.image("registry/shop:2")


def test_names_do_not_leave_their_place_in_the_path(server, engine):
    server.json("GET /containers/a%3Fb%20c/json", {"Id": "x"})
    server.json("GET /images/reg:5000/a%20b@sha256:0/json", {"Id": "y"})
    assert engine.inspect("a?b c") == {"Id": "x"}
    assert engine.image("reg:5000/a b@sha256:0") == {"Id": "y"}


def test_containers_are_asked_for_by_labels_whether_they_run_or_not(server, engine):
    server.json("GET /containers/json", [])
    engine.containers(["a=1", "b=2"])
    assert server.requests[0].query["all"] == "1"
    assert json.loads(server.requests[0].query["filters"]) == {"label": ["a=1", "b=2"]}


def test_processes_come_by_title(server, engine):
    server.json("GET /containers/x/top", {"Titles": ["PID", "COMMAND"], "Processes": [["7", "celery worker"]]})
    assert engine.top("x") == [{"PID": "7", "COMMAND": "celery worker"}]
    server.json("GET /containers/x/top", {"Titles": ["PID"], "Processes": None})
    assert engine.top("x") == []


@pytest.mark.parametrize("answer, expected", [([{"Path": "/a", "Kind": 1}], ["/a"]), (None, [])])
def test_changed_paths(server, engine, answer, expected):
    server.json("GET /containers/x/changes", answer)
    assert engine.changes("x") == expected


@pytest.mark.parametrize("answer, expected", [({"Volumes": [{"Name": "v"}]}, [{"Name": "v"}]), ({"Volumes": None}, [])])
def test_volumes(server, engine, answer, expected):
    server.json("GET /volumes", answer)
    assert engine.volumes("a=1") == expected


# Changes

CHANGES = [
    (lambda e: e.start("c"), "POST /containers/c/start", {}, None, "docker start c"),
    (lambda e: e.stop("c"), "POST /containers/c/stop", {}, None, "docker stop c"),
    (lambda e: e.stop("c", 7), "POST /containers/c/stop", {"t": "7"}, None, "docker stop -t 7 c"),
    (lambda e: e.kill("c", "TERM"), "POST /containers/c/kill", {"signal": "TERM"}, None, "docker kill -s TERM c"),
    (lambda e: e.unpause("c"), "POST /containers/c/unpause", {}, None, "docker unpause c"),
    (
        lambda e: e.connect("n", "c", {"Aliases": ["a", "b"], "IPAMConfig": {"IPv4Address": "192.0.2.7"}}),
        "POST /networks/n/connect",
        {},
        {"Container": "c", "EndpointConfig": {"Aliases": ["a", "b"], "IPAMConfig": {"IPv4Address": "192.0.2.7"}}},
        "docker network connect --alias a --alias b n c",
    ),
    (
        lambda e: e.connect("n", "c", {}),
        "POST /networks/n/connect",
        {},
        {"Container": "c", "EndpointConfig": {}},
        "docker network connect n c",
    ),
    (
        lambda e: e.disconnect("n", "c"),
        "POST /networks/n/disconnect",
        {},
        {"Container": "c", "Force": True},
        "docker network disconnect -f n c",
    ),
    (
        lambda e: e.set_restart_policy("c", {"Name": "on-failure", "MaximumRetryCount": 3}),
        "POST /containers/c/update",
        {},
        {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}},
        "docker update --restart=on-failure c",
    ),
    (
        lambda e: e.set_restart_policy("c", {"Name": ""}),
        "POST /containers/c/update",
        {},
        {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}},
        "docker update --restart=no c",
    ),
    (lambda e: e.remove("c"), "DELETE /containers/c", {"v": "1"}, None, "docker rm -v c"),
    (lambda e: e.remove("c", False), "DELETE /containers/c", {"v": "0"}, None, "docker rm c"),
    (lambda e: e.remove_network("n"), "DELETE /networks/n", {}, None, "docker network rm n"),
    (lambda e: e.remove_volume("v"), "DELETE /volumes/v", {}, None, "docker volume rm v"),
    (lambda e: e.remove_image("r/i:1"), "DELETE /images/r/i:1", {}, None, "docker image rm r/i:1"),
]


@pytest.mark.parametrize("change, line, query, body, command", CHANGES, ids=[case[-1] for case in CHANGES])
def test_a_change_is_asked_for_and_written_down(server, engine, change, line, query, body, command):
    server.answers[line] = http("204 No Content")
    change(engine)
    request = server.requests[0]
    assert (request.line, request.query) == (line, query)
    assert (json.loads(request.body) if request.body else None) == body
    assert engine.commands == [command]


def test_an_engine_by_itself_writes_down_for_itself(server):
    engine = Engine(f"unix://{server.path}")
    server.answers["POST /containers/c/start"] = http("204 No Content")
    engine.start("c")
    assert engine.commands == ["docker start c"]
    assert Engine(f"unix://{server.path}").commands == []


def test_a_container_is_created_and_its_secrets_are_not_written_down(server, engine):
    server.json("POST /containers/create", {"Id": "c1", "Warnings": []}, "201 Created")
    body = {"Image": "shop:1", "Env": ["PASSWORD=secret"], "HostConfig": {}}
    assert engine.create("shop-blue-web-1", body) == "c1"
    request = server.requests[0]
    assert (request.query, json.loads(request.body)) == ({"name": "shop-blue-web-1"}, body)
    assert engine.commands == ["docker create --name shop-blue-web-1 shop:1"]


def test_a_network_is_created(server, engine):
    server.json("POST /networks/create", {"Id": "n1", "Warning": ""}, "201 Created")
    assert engine.create_network({"Name": "shop-blue_default", "Driver": "bridge"}) == "n1"
    assert json.loads(server.requests[0].body) == {"Name": "shop-blue_default", "Driver": "bridge"}
    assert engine.commands == ["docker network create shop-blue_default"]


@pytest.mark.parametrize("kind", ["network", "volume"])
def test_a_network_or_a_volume_that_is_gone_is_none(server, engine, kind):
    server.json(f"GET /{kind}s/shop-blue_x", {"Name": "shop-blue_x"})
    server.json(f"GET /{kind}s/none", {"message": f"{kind} none not found"}, "404 Not Found")
    assert getattr(engine, kind)("shop-blue_x") == {"Name": "shop-blue_x"}
    assert getattr(engine, kind)("none") is None


def test_reading_is_not_written_down(server, engine):
    server.json("GET /info", {})
    engine.info()
    assert engine.commands == []


def test_what_runs_already_is_no_error(server, engine):
    server.answers["POST /containers/c/start"] = http("304 Not Modified")
    engine.start("c")


def test_when_a_file_was_written(server, engine):
    stat = base64.b64encode(json.dumps({"name": "ticks", "mtime": "2026-11-23T13:00:00+01:00"}).encode())
    server.answers["HEAD /containers/c/archive"] = (
        b"HTTP/1.1 200 OK\r\nX-Docker-Container-Path-Stat: " + stat + b"\r\n\r\n"
    )
    assert engine.changed_at("c", "/srv/ticks") == "2026-11-23T13:00:00+01:00"
    assert server.requests[0].query == {"path": "/srv/ticks"}
    assert engine.changed_at("another", "/srv/ticks") is None
    server.answers["HEAD /containers/silent/archive"] = http("200 OK")
    assert engine.changed_at("silent", "/srv/ticks") is None
    server.answers["HEAD /containers/c/archive"] = http("500 Internal Server Error")
    with pytest.raises(EngineError):
        engine.changed_at("c", "/srv/ticks")


# Logs


@pytest.mark.parametrize("tty", [False, True])
def test_the_last_lines_of_both_streams_in_order(server, engine, tty):
    written = [(1, b"one\n"), (2, b"two \xff\n"), (1, b"thr"), (1, b"ee\n")]
    raw = b"".join(text if tty else frame(stream, text) for stream, text in written)
    server.answers["GET /containers/c/logs"] = http("200 OK", raw)
    server.json("GET /containers/c/json", {"Config": {"Tty": tty}})
    assert engine.logs("c", tail=3) == ["one", "two \ufffd", "three"]
    assert server.requests[0].query == {"stdout": "1", "stderr": "1", "tail": "3", "since": "0.000000"}
    engine.logs("c", since=1795952400.5)
    assert server.requests[-2].query["since"] == "1795952400.500000"


def test_a_frame_that_is_cut_off_gives_what_there_is(server, engine):
    server.answers["GET /containers/c/logs"] = http("200 OK", frame(1, b"whole\n") + frame(1, b"cut off")[:-4] + b"")
    server.json("GET /containers/c/json", {"Config": {"Tty": False}})
    assert engine.logs("c") == ["whole", "cut"]


@pytest.mark.parametrize(
    "remove, wait, lines",
    [
        (http("204 No Content"), http("500 Not Asked"), ["DELETE /containers/c"]),
        (http("404 Not Found"), http("500 Not Asked"), ["DELETE /containers/c"]),
        # It goes by itself at that very moment, and may be gone before the question.
        (http("409 Conflict"), http("404 Not Found"), ["DELETE /containers/c", "POST /containers/c/wait"]),
        (http("409 Conflict"), http("200 OK", b"{}"), ["DELETE /containers/c", "POST /containers/c/wait"]),
    ],
)
def test_removed_by_force_is_gone(server, engine, remove, wait, lines):
    server.answers.update({"DELETE /containers/c": remove, "POST /containers/c/wait": wait})
    engine.remove_by_force("c")
    assert [request.line for request in server.requests] == lines
    assert server.requests[0].query == {"v": "1", "force": "1"}


def test_what_cannot_be_removed_by_force_is_an_error(server, engine):
    server.answers["DELETE /containers/c"] = http("500 Internal Server Error", b'{"message": "device is busy"}')
    with pytest.raises(EngineError, match="device is busy"):
        engine.remove_by_force("c")
