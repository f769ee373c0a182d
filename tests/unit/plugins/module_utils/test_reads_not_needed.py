# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read only for people, or only to do something better, fails no deployment and no way back."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _http
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import move_checks, node_names
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.redis import RedisError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import (
    finish as deployment_finish,
    status as deployment_status,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker import logs as docker_logs
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import (
    inspect_container,
    of_project,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import journal as journals
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import log
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import recover as recovery
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery.request import Request
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources import host as host_resources, memory_use
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot import restore as snapshot_restore
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.deployment_states import keep_new_color
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import (
    beat_schedule,
    consuming,
    registered_tasks,
    unknown_tasks,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import LISTS
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import Notes


class Case:
    """A scene in which the engine refuses one kind of reading from :meth:`refuse` on."""

    def __init__(self, monkeypatch, folder):
        self.scene = Scene(monkeypatch, folder)
        self.host, self.engine = self.scene.host, self.scene.engine
        self.patch = monkeypatch

    def refuse(self, name):
        def read(*_given, **_more):
            raise EngineError("configured logging driver does not support reading", 500)

        self.patch.setattr(self.engine, name, read)


def status(case):
    case.patch.setattr(_http, "ask", lambda *given: _http.Answer(200, "", 0.01))
    params = {"app": "shop", "colors": {}, "services": LISTS, "broker": {}, "nginx": {"file": str(case.scene.file)}}
    return deployment_status.info(case.host, case.scene.store, params)["resources"]["disk"]["path"] == "/"


def disk(case):
    return host_resources.docker_root_of(case.engine) == ""


def size(case):
    return host_resources.size_of_image(case.engine, "sha256:web-1") == 0


def memory(case):
    case.scene.color("blue")
    return memory_use.memory_of(case.engine, of_project(case.engine, "shop-blue")) == 0


def finish(case):
    case.scene.color("blue")
    case.scene.color("green")
    images = {"sha256:old": "shop:1"}
    log(case.scene.store, {"id": "dep-0", "result": "committed", "images": images})
    case.scene.deployment("awaiting_approval", remove_volumes=True, keep_images=1)
    given = {"deployment_id": "dep-1", "epoch": 1, "release": "", "owner": ""}
    result = deployment_finish.finish_deployment(case.host, case.scene.store, given, False, keep_new_color)["result"]
    return result == "committed" and len(case.host.warnings) == 1


def undo(case, step, served, **candidate):
    case.scene.color("blue")
    case.scene.color("green", **candidate)
    case.scene.deployment(step)
    case.scene.served = served
    given = Request(prefer="rollback")
    return recovery.recover(case.host, case.scene.store, given, False)["result"] == "rolled_back"


def undo_fetch(case):
    return undo(case, "fetch", "blue", status="created")


def undo_health(case):
    return undo(case, "health", "blue", web="exited")


def undo_handover(case):
    return undo(case, "handover", "green", web="exited")


def log_lines(case):
    return docker_logs.lines_of(case.host, "any") == [] and "no logs" in str(
        docker_logs.last_lines(case.host, [case.container])
    )


def proof(case):
    # Without a broker that can be asked: it stands for a while.
    consuming.prove_consuming(case.host, Notes(case.host), None, [case.container], 60)
    return case.host.clock.now >= 1000 + consuming.STANDING


def skew(case):
    return unknown_tasks._same_code(case.host, [case.container], [case.container]) is False


def nodes(case):
    return node_names.nodes_of(case.host, [case.container]).owns(f"celery@{case.container.hostname}")


def registered(case):
    shells = {case.container.id: ("celery", "shell")}
    names = registered_tasks.of_containers(case.host, Notes(case.host), [case.container], shells=shells)
    return names is None and "Could not find out which tasks" in case.host.warnings[0]


def leftovers_of_names(case):
    registered_tasks._remove_leftovers(case.host, "shop-blue")
    return True


def schedule(case):
    beat = {"Path": "celery", "Args": ["-A", "shop", "beat"]}
    case.engine.inspected["blue-beat"] = {**case.engine.inspected[case.engine.add("beat", status="exited")], **beat}
    case.engine.inspected["green-beat"] = {
        **case.engine.inspected[case.engine.add("beat", "green", status="created")],
        **beat,
    }
    case.engine.files["blue-beat"] = {"/app/celerybeat-schedule": b"x"}
    beats = [inspect_container(case.engine, "blue-beat")], [inspect_container(case.engine, "green-beat")]
    case.late()
    copied = beat_schedule.carry_schedule(case.host, *beats)
    return copied == [] and "The schedule of beat could not be copied to shop-green-beat-1" in case.host.warnings[0]


def limit(case):
    return not move_checks._limit_of(case.host, case.container)


def remembered(case):
    snapshot_restore.remember(
        case.host, case.scene.store, "blue", "1", [case.container], lambda each: each.restart_policy
    )
    return True


READS = [
    ("info", status),
    ("info", disk),
    ("image", size),
    ("stats", memory),
    ("image_ids", finish),
    ("networks", finish),
    ("volumes", finish),
    ("networks", undo_fetch),
    ("logs", undo_health),
    ("logs", undo_handover),
    ("stats", undo_health),
    ("logs", log_lines),
    ("logs", proof),
    ("inspect", skew),
    ("inspect", nodes),
    ("inspect", registered),
    ("containers", leftovers_of_names),
    ("inspect", schedule),
    ("changes", schedule),
    ("archive", schedule),
    ("inspect", limit),
    ("network", remembered),
]


@pytest.mark.parametrize("name, act", READS, ids=[f"{name}-{act.__name__}" for name, act in READS])
def test_a_read_that_is_not_needed_fails_nothing(monkeypatch, tmp_path, name, act):
    case = Case(monkeypatch, tmp_path)
    case.container = inspect_container(
        case.engine, case.engine.add("worker", color="1", app="lone", Config__Hostname="0123456789ab")
    )
    case.late = lambda: case.refuse(name)
    if act is not schedule:
        case.refuse(name)
    assert act(case)


def test_a_container_that_goes_while_the_others_are_looked_at_is_gone(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.color("blue")
    summaries = scene.engine.containers(["com.docker.compose.project=shop-blue"])
    monkeypatch.setattr(scene.engine, "containers", lambda labels=(): summaries)
    del scene.engine.inspected["blue-worker"]
    assert [each.service for each in of_project(scene.engine, "shop-blue")] == ["beat", "redis", "web"]


@pytest.mark.parametrize("answer", [RedisError("NOPERM"), {"used_memory": "much"}, {}])
def test_a_redis_that_does_not_tell_its_memory_is_moved_to(monkeypatch, tmp_path, answer):
    def tell(_broker, _section):
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(move_checks, "_info", tell)
    scene = Scene(monkeypatch, tmp_path)
    assert move_checks._rooms(scene.host, scene.brokers["green"]) == []


@pytest.mark.parametrize("error", [OSError("gone"), KeyError("MemTotal"), ValueError("x")])
def test_a_journal_is_written_without_a_look_at_the_memory(monkeypatch, tmp_path, error):
    scene = Scene(monkeypatch, tmp_path)
    journal = scene.deployment("health")

    def fail():
        raise error

    monkeypatch.setattr(journals, "used_memory", fail)
    journal.note(reason="a way back")
    assert scene.store.load()["reason"] == "a way back"
