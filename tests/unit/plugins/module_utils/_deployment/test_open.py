# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What opening a deployment writes, refuses and recovers first."""

from __future__ import annotations

import copy
import errno
import json
import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _settings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._health import gate as health_gate
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import history_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import public_requests
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import recover as recovery
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery.request import Request
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import facts
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import LISTS
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.opening import (
    FINISH,
    PORTS,
    ROLLBACK,
    STATUS,
    earlier,
    pending,
)


@pytest.mark.parametrize("number", range(9))
def test_a_disk_that_fills_up_while_it_is_opened_leaves_nothing(scene, monkeypatch, number):
    """Whichever write it is that finds no room, nothing of the deployment stays, and no secret."""
    left, fsync = [number], os.fsync

    def fill(descriptor):
        # What is rendered before that lies elsewhere.
        if os.path.isdir(scene.store.folder):
            if not left[0]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            left[0] -= 1
        fsync(descriptor)

    with monkeypatch.context() as patch, pytest.raises(BluegreenError) as failure:
        patch.setattr(os, "fsync", fill)
        scene.open(broker={"url": "redis://:hunter2@redis:6379/0"})
    assert "(no space left on device): make room" in failure.value.message
    assert "\n" not in failure.value.message and "hunter2" not in failure.value.message
    assert not set(os.listdir(scene.store.folder)) - {"lock", "settings.json"}
    assert not os.path.exists(scene.store.lease_mark)
    assert scene.host.calls == []
    # With room again it is opened as if nothing had been.
    assert scene.open()["id"] == "dep-1"


def test_check_mode_shows_plan_and_diff_and_changes_nothing(scene):
    result = scene.open(check_mode=True)
    assert (result["changed"], result["id"], result["epoch"]) == (True, "", 0)
    assert [line.partition(":")[0] for line in result["plan"]] == [
        "plan",
        "plan",
        "fetch",
        "stop_workers",
        "start_candidate",
        "health",
        "cutover",
        "handover",
        "start_workers",
        "settle",
        "finish",
    ]
    assert result["diff"]["before"] == scene.file.read_text()
    assert "server 127.0.0.1:18002;" in result["diff"]["after"]
    assert "for release 2 (deployment dep-1)" in result["diff"]["after"]
    assert scene.untouched()


@pytest.mark.parametrize(
    "workers, limit", [({"stop_timeout": 90}, "90 s"), ({}, "the stop_grace_period of each"), (None, "the stop_")]
)
def test_the_plan_says_how_long_workers_get(scene, workers, limit):
    (line,) = [line for line in scene.open(check_mode=True, workers=workers)["plan"] if line.startswith("stop_workers")]
    assert f"(up to {limit}" in line


def test_an_open_deployment_has_all_that_going_back_needs(scene):
    result = scene.open(colors={"blue": {"env": {"SECRET": "hunter2"}}}, broker={"url": "redis://:hunter2@redis/0"})
    assert (result["changed"], result["id"], result["epoch"]) == (True, "dep-1", 1)
    journal = scene.store.load()
    assert (journal["step"], journal["done"], journal["from"], journal["to"]) == ("open", True, "blue", "green")
    assert (journal["release"], journal["release_from"], journal["who"]) == ("2", "", "ada@laptop")
    assert [each["id"] for each in journal["old_containers"]] == ["blue-beat", "blue-redis", "blue-web", "blue-worker"]
    assert journal["drain_timeout"] == 30.0 and journal["workers"] == scene.params["workers"]
    assert journal["worker_strategy"] == "stop"
    assert journal["unknown_tasks"] == "hold" and journal["keep_keys"] == ["session:*"]
    expected = _settings.settings_of({**scene.params, "services": LISTS, "broker": {"url": "redis://:hunter2@redis/0"}})
    assert _settings.from_journal(journal.data, scene.store.broker_url()) == expected
    for name in ("blue-dep-1.env", "green-dep-1.env", "broker.url"):
        assert os.stat(scene.store.path(name)).st_mode & 0o777 == 0o600
    with open(scene.store.path("deployment.json"), encoding="utf-8") as source:
        assert "hunter2" not in source.read()
    with open(scene.store.env_file("blue", "dep-1"), encoding="utf-8") as source:
        assert "SECRET='hunter2'\n" in source.read()


def test_a_secret_is_in_no_file_but_those_of_root_alone_and_in_no_command_line(scene, monkeypatch):
    secret, url = "hunter2-and-longer", "redis://me:p%40ssword@redis/0"
    ran = []
    run = scene.host.run
    monkeypatch.setattr(
        scene.host, "run", lambda argv, *given, **more: (ran.append((argv, more)), run(argv, *given, **more))[1]
    )
    colors = {color: {"env": {"SECRET": secret, "NESTED": {"inner": secret}}} for color in PORTS}
    result = scene.open(colors=colors, broker={"url": url})
    told = json.dumps([result, scene.host.commands, scene.host.warnings, ran], default=str)
    secrets = (secret, "p%40ssword", "p@ssword")
    assert ran and not [each for each in secrets if each in told]
    modes = {}
    for folder, dummy, names in os.walk(scene.folder):
        for name in names:
            path = os.path.join(folder, name)
            modes[name] = os.stat(path).st_mode & 0o777
            with open(path, encoding="utf-8") as source:
                text = source.read()
            assert modes[name] == 0o600 or not [each for each in secrets if each in text], name
    assert {name for name, mode in modes.items() if mode == 0o600} == {
        "blue-dep-1.env",
        "green-dep-1.env",
        "broker.url",
        "containers.json",
    }
    assert modes["deployment.json"] == 0o640 and modes["lock"] & ~0o640 == 0
    for folder in (scene.store.folder, os.path.dirname(scene.store.folder), os.path.dirname(scene.store.lease_mark)):
        assert os.stat(folder).st_mode & 0o777 == 0o750, folder


@pytest.mark.parametrize("version, refused", [("2.37.2", False), ("2.37.3", True), ("5.5.0", True)])
def test_what_only_a_start_by_compose_does_is_refused_in_the_plan(scene, version, refused):
    scene.host.programs["compose version"] = Completed(0, f"{version}\n", "")
    for rendered in scene.rendered.values():
        rendered["secrets"] = {"key": {"environment": "KEY"}}
        rendered["services"]["worker"]["secrets"] = [{"source": "key"}]
    begin = "Secret key of service worker is given by environment. Docker Compose "
    if refused:
        assert scene.refusal().startswith(f"{begin}{version} copies it into a container only when it starts")
    else:
        scene.open(check_mode=True)
        assert [each for each in scene.host.warnings if each.startswith(f"{begin}copies it into a container only once")]


def test_what_compose_is_given_ends_with_its_deployment(scene):
    """A controller may sleep before it runs Compose, while its deployment is undone and another one opened."""
    first = scene.open()
    undo = Request(prefer="rollback")
    recovery.recover(scene.host, scene.store, undo, False)
    second = scene.open(deployment_id="dep-2")
    assert first["idle"] == second["idle"] == "green"
    (gone,), (there,) = first["fetch"]["env_files"], second["fetch"]["env_files"]
    assert not os.path.exists(gone) and os.path.exists(there)
    assert sorted(name for name in os.listdir(scene.store.folder) if name.endswith(".env")) == [
        "blue-dep-2.env",
        "green-dep-2.env",
    ]


def test_the_same_open_again_changes_nothing(scene):
    first = scene.open()
    before = scene.store.load().data
    again = scene.open()
    assert (again["changed"], again["id"], again["epoch"]) == (False, "dep-1", 1)
    assert (again["live"], again["idle"]) == (first["live"], first["idle"])
    assert scene.store.load().data == before


def test_the_same_open_again_after_it_was_undone_is_refused(scene):
    scene.open()
    scene.store.load().note(rolling_back=True)
    with pytest.raises(Fenced, match="is being undone: complete that with ansible-playbook smallfleet"):
        scene.open()


def test_a_deployment_is_opened_under_an_id(scene):
    assert scene.refusal(deployment_id="") == (
        "deployment_id is empty, but a deployment is opened under an id: give it one."
    )
    assert "deployment_id is 'a/b', but it must be" in scene.refusal(deployment_id="a/b")


OPEN = "Deployment dep-0 by eve@desk since 2026-11-23T12:00:00Z of app shop"


@pytest.mark.parametrize(
    "step, noted, later, sentence",
    [
        ("health", {}, 0, f"{OPEN} is open, in step health: wait for it, or undo it with {ROLLBACK}."),
        (
            "awaiting_approval",
            {},
            1000,
            f"{OPEN} awaits approval of release 1: approve it with {FINISH}, or undo it with {ROLLBACK}.",
        ),
        (
            "settle",
            {"result": "failed"},
            0,
            f"{OPEN} is open, in step settle: look at it ({STATUS}), then undo it with {ROLLBACK}, or keep "
            f"release 1, which Nginx may still serve, with {FINISH} -e bluegreen_release=1.",
        ),
    ],
)
def test_another_open_deployment_is_refused_with_the_way_out(scene, step, noted, later, sentence):
    scene.store.create()
    journal = create_journal(scene.store, "dep-0", "eve@desk", facts(release="1"))
    journal.begin(Step(step))
    journal.note(**noted)
    scene.host.clock.now += later
    before = copy.deepcopy(scene.store.load().data)
    for check_mode in (False, True):
        with pytest.raises(Fenced) as refusal:
            scene.open(check_mode=check_mode)
        assert refusal.value.message == sentence
    assert scene.store.load().data == before


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("pull", ["missing", "never", "always"])
def test_the_release_that_awaits_approval_is_deployed_already(scene, check_mode, pull):
    pending(scene)
    before = copy.deepcopy(scene.store.load().data)
    result = scene.open(check_mode=check_mode, pull=pull)
    assert (result["changed"], result["up_to_date"], result["pending"]) == (False, True, True)
    assert (result["id"], result["epoch"], result["live"], result["idle"]) == ("dep-0", 1, "blue", "green")
    assert result["plan"] == [] and result["undecided"] is False
    assert scene.store.load().data == before and scene.host.calls == []


def test_a_release_that_is_only_live_awaits_nothing(scene):
    scene.of_release("2")
    assert scene.open()["pending"] is False


@pytest.mark.parametrize(
    "differs",
    [
        lambda scene: scene.hashes.update(web="hash-of-another"),
        lambda scene: scene.engine.images["registry/web:1"].update(Id="sha256:another"),
        lambda scene: scene.engine.inspected["green-worker"]["State"].update(Status="exited"),
        lambda scene: scene.store.load().note(rolling_back=True),
        lambda scene: scene.store.load().note(result="failed"),
        lambda scene: scene.params.update(release="3"),
        lambda scene: scene.file.unlink(),
    ],
    ids=["configuration", "image", "a worker is down", "going back", "failed", "another release", "no file of Nginx"],
)
def test_anything_else_that_awaits_approval_keeps_the_next_one_out(scene, differs):
    pending(scene)
    differs(scene)
    before = copy.deepcopy(scene.store.load().data)
    with pytest.raises(Fenced, match=r"smallfleet\.bluegreen\.rollback"):
        scene.open()
    assert scene.store.load().data == before and scene.host.calls == []


@pytest.mark.parametrize("seconds", [-1, 10**9])
def test_a_time_for_the_approval_that_was_not_meant_is_refused(scene, seconds):
    assert scene.refusal(approval_timeout=seconds).startswith(
        f"bluegreen_approval_timeout is {seconds} s, but it must be"
    )


GONE = "An earlier deployment was still open, but its controller is gone. "


@pytest.mark.parametrize(
    "step, later, noted",
    [
        ("open", 1000, {}),
        ("fetch", 1000, {}),
        # Nobody goes on with what goes back, or is decided, however fresh its lease is.
        ("fetch", 0, {"rolling_back": True}),
        ("fetch", 0, {"guard": True}),
        ("fetch", 0, {"result": "rolled_back"}),
    ],
)
def test_what_was_abandoned_is_brought_to_an_end_first(scene, step, later, noted):
    scene.engine.add("web", color="green", status="created")
    earlier(scene, step, later=later, **noted)
    result = scene.open()
    assert (result["changed"], result["id"]) == (True, "dep-1")
    assert scene.host.warnings == [f"{GONE}Release 1 was rolled back: blue is live with release 1."]
    (entry,) = history_of(scene.store)
    assert (entry["id"], entry["result"], entry["reason"]) == (
        "dep-0",
        "rolled_back",
        "its controller was gone when the next one was deployed",
    )
    assert (scene.store.load()["id"], scene.store.load()["epoch"]) == ("dep-1", 1)


def test_what_was_abandoned_is_only_planned_for_in_check_mode(scene):
    scene.engine.add("web", color="green", status="created")
    earlier(scene, "fetch")
    before = copy.deepcopy(scene.store.load().data)
    result = scene.open(check_mode=True)
    assert (result["changed"], result["id"], result["live"], result["idle"]) == (True, "", "blue", "green")
    assert result["fetch"] == {"leftover": False} and result["up_to_date"] is False
    assert result["plan"] == [
        "recover: complete or roll back deployment dep-0 by eve@desk since 2026-11-23T12:00:00Z, whose controller is "
        "gone (step fetch)",
        "deploy: check the host again, then deploy",
    ]
    assert scene.store.load().data == before and scene.host.calls == []
    assert scene.host.warnings == [] and scene.seen_env == {}


def test_what_turns_out_to_be_whole_is_left_to_a_human(scene, monkeypatch):
    """The release of before is live and well: only finish or rollback may end that, not the next deployment."""
    scene.host.programs["systemctl"] = Completed(0, "", "")
    monkeypatch.setattr(health_gate, "wait_healthy", lambda *given: None)
    monkeypatch.setattr(public_requests, "served_color", lambda host, nginx: "green")
    scene.live("green")
    for worker in ("blue-worker", "blue-beat"):
        scene.engine.inspected[worker]["State"]["Status"] = "exited"
    scene.point_to(18002)
    earlier(scene, "settle")
    with pytest.raises(Fenced) as refusal:
        scene.open()
    assert refusal.value.message == (
        f"{OPEN} awaits approval of release 1: approve it with {FINISH}, or undo it with {ROLLBACK}."
    )
    journal = scene.store.load()
    assert (journal["id"], journal["step"], journal["result"]) == ("dep-0", "awaiting_approval", "")
    assert scene.host.warnings[0] == (
        f"{GONE}Release 1 is live and healthy, and awaits approval: run "
        "ansible-playbook smallfleet.bluegreen.finish or ansible-playbook smallfleet.bluegreen.rollback."
    )


def test_what_cannot_be_brought_to_an_end_keeps_the_next_one_out(scene, monkeypatch):
    scene.live("green")
    monkeypatch.setattr(public_requests, "served_color", lambda host, nginx: "green")
    monkeypatch.setattr(health_gate, "wait_healthy", unhealthy)
    earlier(scene, "settle")
    with pytest.raises(BluegreenError, match="stopped in step settle, and neither color is healthy"):
        scene.open()
    # The next one finds that a human must look, and does not try it again.
    with pytest.raises(Fenced, match="look at it"):
        scene.open()
    assert scene.store.load()["id"] == "dep-0"


def unhealthy(*_given):
    raise BluegreenError("It is not healthy.")
