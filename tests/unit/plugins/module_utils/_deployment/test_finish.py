# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the old color is removed or kept, and what is started first."""

from __future__ import annotations

import contextlib
import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import (
    finish as deployment_finish,
    transfer,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.end import end
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import history_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.drain import Drained
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import recover as recovery
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery.request import Request
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot import (
    file as snapshot_file,
    restore as snapshot_restore,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot.file import kept_color
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import ALWAYS, record
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.finishing import (
    APPROVED,
    WHICHEVER,
    both_colors,
    close,
    remember,
)


@pytest.fixture
def scene(monkeypatch, tmp_path):
    return both_colors(monkeypatch, tmp_path)


ORDER = [
    "drain",
    "stop blue-web",
    "move shop-blue/redis to shop-green/redis",
    "stop blue-redis",
    "remove blue-beat",
    "remove blue-redis",
    "remove blue-web",
    "remove blue-worker",
    "remove network shop-blue_default",
]


@pytest.mark.parametrize("params", [APPROVED, WHICHEVER, {**WHICHEVER, "release": "2"}])
def test_the_old_color_goes_in_the_order_that_loses_no_task(scene, params):
    scene.engine.project_networks["shop-blue"] = ["shop-blue_default"]
    scene.engine.project_volumes["shop-blue"] = ["shop-blue_queue"]
    scene.brokers["blue"].tasks = {"celery": 2}
    scene.deployment("awaiting_approval")
    result = close(scene, params)
    assert scene.calls[0] == "ask nginx"
    assert scene.effects() == ORDER
    assert scene.brokers["green"].tasks == {"celery": 2}
    assert (result["changed"], result["result"], result["id"]) == (True, "committed", "dep-1")
    assert result["figures"]["tasks_moved"] == 2
    assert scene.store.load() is None


def test_the_old_color_is_no_backup_any_more_when_it_goes(scene):
    journal = scene.deployment("awaiting_approval")
    journal.data["settings"]["nginx"]["backup"] = True
    journal.note()
    close(scene)
    assert scene.effects()[:2] == ["switch to green", "drain"]


def test_the_line_of_the_history(scene):
    scene.deployment("awaiting_approval")
    close(scene)
    (entry,) = history_of(scene.store)
    memory = entry.pop("memory")
    assert 0 < memory["before"] <= memory["peak"]
    assert entry == {
        "id": "dep-1",
        "who": "ada@laptop",
        "release": "2",
        "release_from": "1",
        "from": "blue",
        "to": "green",
        "result": "committed",
        "reason": "",
        "started": "2026-11-23T12:00:00Z",
        "ended": "2026-11-23T12:00:00Z",
        "images": {f"sha256:{service}-1": f"registry/{service}:1" for service in ("beat", "redis", "web", "worker")},
        "init": [],
        "took": 0,
        "waited": 0,
        "seconds": {},
        "tasks_moved": 0,
        "worker_gap": None,
    }


def test_the_history_names_who_approved(scene):
    scene.deployment("awaiting_approval")
    close(scene, {**WHICHEVER, "owner": "bob@awx-job-17"})
    (entry,) = history_of(scene.store)
    assert (entry["who"], entry["approved_by"]) == ("ada@laptop", "bob@awx-job-17")


def test_who_runs_an_interrupted_finish_again_did_not_approve_it(scene):
    journal = scene.deployment("finish")
    journal.note(approved_by="bob@awx-job-17")
    close(scene, {**WHICHEVER, "owner": "ada@laptop"})
    assert history_of(scene.store)[0]["approved_by"] == "bob@awx-job-17"


def test_a_worker_that_still_finished_its_task_is_stopped_too(scene):
    scene.engine.inspected["blue-worker"]["State"]["Status"] = "running"
    scene.deployment("awaiting_approval")
    close(scene)
    assert scene.effects()[:4] == ["drain", "stop workers", "stop blue-worker", "stop blue-web"]


def test_nothing_of_the_old_color_comes_back_at_a_boot_in_between(scene):
    scene.deployment("awaiting_approval")
    close(scene)
    assert scene.calls.index(("policy no", "blue-web")) < scene.calls.index(("stop", "blue-web"))
    # The broker only once nothing is left in it: until then it has to be there.
    emptied = scene.calls.index("move shop-blue/redis to shop-green/redis")
    assert emptied < scene.calls.index(("policy no", "blue-redis")) < scene.calls.index(("stop", "blue-redis"))


@pytest.mark.parametrize("step", ["awaiting_approval", "finish"])
def test_a_broker_that_went_down_is_not_taken_for_empty(scene, step):
    """A boot, or a restart of the engine, leaves one down that has no restart policy."""
    scene.engine.stop("blue-redis")
    scene.brokers["blue"].tasks = {"celery": 2}
    scene.deployment(step)
    assert close(scene)["result"] == "committed"
    assert scene.brokers["green"].tasks == {"celery": 2}
    assert scene.host.warnings == ["Container shop-blue-redis-1 was down and was started again."]


def test_a_broker_that_does_not_start_any_more_is_not_removed(scene, monkeypatch):
    scene.engine.stop("blue-redis")
    scene.deployment("awaiting_approval")
    start = scene.engine.start

    def refuse(container):
        if container == "blue-redis":
            raise EngineError("no space left on device.", 500)
        start(container)

    with monkeypatch.context() as patch:
        patch.setattr(scene.engine, "start", refuse)
        with pytest.raises(BluegreenError) as failure:
            close(scene)
    assert failure.value.message == (
        "The broker of blue, container shop-blue-redis-1, may hold tasks, but was down and does not start (no space "
        "left on device). Look at its log (docker logs shop-blue-redis-1). Nothing was removed: correct the cause, "
        "then run ansible-playbook smallfleet.bluegreen.finish again, or remove that container yourself if you do not "
        "need those tasks."
    )
    assert scene.states()["blue-web"] == "running"
    # A user who cannot fix it can still go back.
    assert scene.store.load()["step"] == "awaiting_approval"
    assert close(scene)["result"] == "committed"


def test_a_broker_that_falls_while_the_drain_is_waited_for_is_not_taken_for_empty(scene, monkeypatch):
    scene.brokers["blue"].tasks = {"celery": 2}
    scene.deployment("awaiting_approval")

    def fall(given):
        scene.engine.stop("blue-redis")
        return Drained(True, [], 0.1)

    record(monkeypatch, [], transfer, "wait_drained", does=fall)
    assert close(scene)["result"] == "committed"
    assert scene.brokers["green"].tasks == {"celery": 2}


def test_a_new_broker_that_was_down_takes_the_tasks(scene):
    scene.engine.stop("green-redis")
    scene.brokers["blue"].tasks = {"celery": 2}
    scene.deployment("awaiting_approval")
    assert close(scene)["result"] == "committed"
    assert scene.brokers["green"].tasks == {"celery": 2}


def test_a_broker_that_silently_lost_its_container_is_not_looked_for_elsewhere(scene):
    """As after a finish that was cut off while it removed the old color."""
    del scene.engine.inspected["blue-redis"]
    journal = scene.deployment("finish")
    scene.brokers["blue"].container = None
    journal.data["settings"]["broker"]["url"] = "redis://redis:6379/0"
    assert close(scene)["result"] == "committed"


@pytest.mark.parametrize("wanted", [False, True])
def test_volumes_go_only_on_request(scene, wanted):
    scene.engine.project_volumes["shop-blue"] = ["shop-blue_queue"]
    scene.deployment("awaiting_approval", remove_volumes=wanted)
    close(scene)
    assert (("remove volume", "shop-blue_queue") in scene.calls) is wanted


def test_an_ignored_service_of_the_old_project_is_left_alone(scene):
    scene.engine.project_networks["shop-blue"] = ["shop-blue_default"]
    scene.engine.add("db")
    policy = scene.engine.policy("blue-db")
    scene.deployment("awaiting_approval", remove_volumes=True)
    close(scene)
    assert (scene.engine.state("blue-db"), scene.engine.policy("blue-db")) == ("running", policy)
    assert "blue-worker" not in scene.engine.inspected
    assert not [call for call in scene.calls if call[0] in ("remove network", "remove volume")]
    assert (
        "shop-blue-db-1 was not removed with project shop-blue, because it belongs to no color. The networks and "
        "volumes of shop-blue were kept too."
    ) in scene.host.warnings


@pytest.mark.parametrize("kind, names", [("network", ["shop-blue_default"]), ("volume", ["shop-blue_queue"])])
def test_what_somebody_else_uses_is_left_and_keeps_nothing_open(scene, monkeypatch, kind, names):
    getattr(scene.engine, f"project_{kind}s")["shop-blue"] = names

    def refuse(name):
        raise EngineError(f"error while removing {kind}: {kind} {name} has active endpoints", 403)

    monkeypatch.setattr(scene.engine, f"remove_{kind}", refuse)
    scene.deployment("awaiting_approval", remove_volumes=True)
    assert close(scene)["result"] == "committed"
    assert scene.store.load() is None
    assert any(f"docker {kind} rm {names[0]}" in sentence for sentence in scene.host.warnings)


def test_the_first_deployment_has_no_old_color(scene):
    scene.deployment("awaiting_approval", **{"from": "", "release_from": ""})
    assert close(scene)["result"] == "committed"
    assert scene.effects() == []


def test_the_old_color_is_kept_stopped_with_what_brings_it_back(scene):
    scene.deployment("awaiting_approval", old_color="stopped")
    close(scene)
    assert scene.effects() == [
        "drain",
        "stop blue-web",
        "move shop-blue/redis to shop-green/redis",
        "stop blue-redis",
    ]
    kept = kept_color(scene.store)
    assert (kept["color"], kept["release"]) == ("blue", "1")
    assert snapshot_restore.policies_of(kept) == {
        f"blue-{service}": ALWAYS for service in ("redis", "web", "worker", "beat")
    }
    assert {scene.engine.policy(f"blue-{service}") for service in ("redis", "web", "worker", "beat")} == {"no"}
    assert os.stat(scene.store.path("containers.json")).st_mode & 0o777 == 0o600


def test_what_was_kept_is_forgotten_when_the_next_old_color_is_removed(scene):
    scene.deployment("awaiting_approval")
    snapshot_file.put(scene.store, "green", {"release": "0", "containers": [], "networks": []})
    snapshot_file.keep(scene.store, "green", ["worker"])
    close(scene)
    assert kept_color(scene.store) is None
    # It holds environments.
    assert not os.path.exists(scene.store.path("containers.json"))


def test_what_somebody_removed_while_the_approval_was_waited_for_is_kept_too(scene):
    remember(scene)
    scene.deployment("awaiting_approval", old_color="stopped")
    scene.engine.prune()
    close(scene)
    assert scene.engine.state("blue-web") == "exited"
    assert "blue-worker" not in scene.engine.inspected
    assert snapshot_restore.policies_of(kept_color(scene.store))["blue-worker"] == ALWAYS


def test_what_goes_while_the_last_requests_are_waited_for_is_not_missed(scene, monkeypatch):
    scene.deployment("awaiting_approval")
    record(monkeypatch, scene.calls, deployment_finish, "drain", does=lambda given: scene.engine.prune())
    assert close(scene)["result"] == "committed"
    assert [container for container in scene.engine.inspected if container.startswith("blue")] == []


class PowerCut(BaseException):
    """Ends a run at once, past every ``except Exception``."""


def test_no_secret_outlives_a_deployment_wherever_its_end_is_cut_off(scene, monkeypatch):
    secrets = ("blue-dep-1.env", "green-dep-1.env", "green.env", "broker.url")
    unlink, left = os.unlink, 0

    def until_the_cut(path, **folder):
        nonlocal left
        if not left:
            raise PowerCut
        left -= 1
        unlink(path, **folder)

    for number in range(9):
        journal = scene.deployment("settle")
        for name in secrets:
            with open(scene.store.path(name), "w", encoding="utf-8") as target:
                target.write("secret")
        left = number
        with monkeypatch.context() as patch, contextlib.suppress(PowerCut):
            patch.setattr(os, "unlink", until_the_cut)
            end(scene.store, journal, "rolled_back")
        scene.host.clock.now += 1000
        undo = Request(prefer="rollback")
        recovery.recover(scene.host, scene.store, undo, False)
        assert scene.store.load() is None
        assert not set(secrets).intersection(os.listdir(scene.store.folder)), f"cut off after {number} removals"


def test_nothing_is_left_beside_the_file_of_nginx(scene, tmp_path):
    kept = tmp_path / ".bluegreen-shop.conf.before-dep-1"
    kept.write_text("upstream shop { server 127.0.0.1:18001; }\n")
    scene.deployment("awaiting_approval")
    close(scene)
    assert not kept.exists()


@pytest.mark.parametrize("container", ["green-redis", "green-web", "green-worker", "green-beat"])
def test_what_has_gone_down_is_up_again_before_the_old_color_goes(scene, container):
    scene.deployment("awaiting_approval")
    scene.engine.stop(container)
    scene.calls.clear()
    assert close(scene)["result"] == "committed"
    assert scene.states()[container] == "running"
    assert scene.effects()[0] == f"start {container}"
    assert len(scene.host.warnings) == 1 and "was down and was started again." in scene.host.warnings[0]


def test_a_beat_that_does_not_start_keeps_the_old_color(scene, monkeypatch):
    def refuse(container):
        raise EngineError("no space left on device", 500)

    scene.deployment("awaiting_approval")
    scene.engine.stop("green-beat")
    scene.calls.clear()
    monkeypatch.setattr(scene.engine, "start", refuse)
    with pytest.raises(BluegreenError) as refusal:
        close(scene)
    name = scene.engine.inspected["green-beat"]["Name"].lstrip("/")
    assert refusal.value.message == (
        f"Container {name} of the new color is down and does not start (no space left on device), so nothing was "
        "removed: correct that, then run ansible-playbook smallfleet.bluegreen.finish."
    )
    assert scene.effects() == [] and scene.store.load()["step"] == "awaiting_approval"
