# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import move as broker_move
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.move import Moved
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import (
    approval,
    finish as deployment_finish,
    settle as deployment_settle,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install import guard_units
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.fencing import Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx.drain import Drained
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import recover as recovery
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery.request import Request
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot import (
    file as snapshot_file,
    restore as snapshot_restore,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot.file import kept_color
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.bg_deployment import keep_new_color
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import ALWAYS, record

APPROVED = {"deployment_id": "dep-1", "epoch": 1, "release": ""}
WHICHEVER = {"deployment_id": "", "epoch": 0, "release": ""}


@pytest.fixture
def scene(monkeypatch, tmp_path):
    made = Scene(monkeypatch, tmp_path)
    made.color("blue", worker="exited", beat="exited")
    made.color("green")
    return made


def remember(scene):
    """What is written down when the deployment is opened."""
    containers = of_project(scene.engine, "shop-blue")
    snapshot_restore.remember(scene.host, scene.store, "blue", "1", containers, lambda container: dict(ALWAYS))


def close(scene, params=None, check_mode=False):
    return deployment_finish.close(scene.host, scene.store, params or WHICHEVER, check_mode, keep_new_color)


# Finishing

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
    (entry,) = scene.store.history()
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
        "The broker of blue, container shop-blue-redis-1, may hold tasks, but was down and does not start (no space left on "
        "device). So nothing was removed: mend that, then run finish.yml again, or remove that container yourself if its tasks "
        "may be lost."
    )
    assert scene.states()["blue-web"] == "running"
    # Whoever cannot mend it can still go back.
    assert scene.store.load()["step"] == "awaiting_approval"
    assert close(scene)["result"] == "committed"


def test_a_broker_that_falls_while_the_drain_is_waited_for_is_not_taken_for_empty(scene, monkeypatch):
    scene.brokers["blue"].tasks = {"celery": 2}
    scene.deployment("awaiting_approval")

    def fall(given):
        scene.engine.stop("blue-redis")
        return Drained(True, [], 0.1)

    record(monkeypatch, [], deployment_settle, "wait_drained", does=fall)
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
    assert any("shop-blue-db-1 of project shop-blue is left" in sentence for sentence in scene.host.warnings)


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


# The old color that is kept


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
    assert snapshot_restore.policies_of(kept) == {f"blue-{service}": ALWAYS for service in ("redis", "web", "worker", "beat")}
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


# What is never done


@pytest.mark.parametrize("served, words", [("blue", "it serves blue"), ("", "it serves neither color")])
def test_no_color_goes_without_the_proof_that_nginx_left_it(scene, served, words):
    scene.served = served
    scene.deployment("awaiting_approval")
    with pytest.raises(BluegreenError) as refusal:
        close(scene)
    assert refusal.value.message == (
        f"Nginx is not proved to serve green ({words}): nothing was removed. Look at Nginx, then run ansible-playbook "
        "smallfleet.bluegreen.finish again, or ansible-playbook smallfleet.bluegreen.rollback."
    )
    assert scene.effects() == []
    # A rollback is still possible.
    assert scene.store.load()["step"] == "awaiting_approval"


def test_a_broker_that_still_holds_tasks_is_not_stopped(scene, monkeypatch):
    scene.brokers["blue"].tasks = {"celery": 1, "mail": 2}
    scene.brokers["green"] = None
    scene.deployment("awaiting_approval")
    with pytest.raises(BluegreenError) as refusal:
        close(scene)
    assert refusal.value.message == (
        "The broker of the old color blue still holds tasks, and that of green does not answer: start it, then run "
        "finish.yml again."
    )
    assert scene.engine.state("blue-redis") == "running"
    assert not [call for call in scene.calls if call[0] == "remove"]


def test_tasks_that_cannot_be_moved_keep_the_old_broker(scene, monkeypatch):
    left = {"mail": 2, "celery": 1}
    record(monkeypatch, scene.calls, broker_move, "move", "move", lambda given: Moved(4, {}, left, 0, 1))
    scene.deployment("awaiting_approval")
    with pytest.raises(BluegreenError) as refusal:
        close(scene)
    assert refusal.value.message == (
        "The broker of the old color blue still holds tasks (1 in celery, 2 in mail), so it was not stopped: look at them, "
        "then run finish.yml again."
    )
    assert scene.engine.state("blue-redis") == "running"
    # The point of no return is behind: only forward from here.
    journal = scene.store.load()
    assert (journal["step"], journal["done"], journal["result"]) == ("finish", False, "")


def test_a_finish_that_was_cut_off_is_completed(scene, monkeypatch):
    scene.deployment("awaiting_approval")

    def cut(container, volumes=True):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scene.engine, "remove", cut)
        with pytest.raises(KeyboardInterrupt):
            close(scene)
    assert scene.store.load()["step"] == "finish"
    assert close(scene)["result"] == "committed"
    assert set(scene.states()) == {f"green-{service}" for service in ("redis", "web", "worker", "beat")}


@pytest.mark.parametrize("step", ["health", "cutover", "settle"])
def test_only_what_awaits_approval_can_be_finished(scene, step):
    scene.deployment(step)
    with pytest.raises(Fenced) as refusal:
        close(scene)
    assert refusal.value.message == (
        "Deployment dep-1 by ada@laptop since 2026-11-23T12:00:00Z of app shop is in step "
        f"{step}, not awaiting approval: wait for it, or undo it with rollback.yml."
    )
    assert scene.calls == []


def test_what_goes_back_cannot_be_finished(scene):
    scene.deployment("health", back=True)
    with pytest.raises(Fenced) as refusal:
        close(scene)
    assert refusal.value.message.endswith(
        "of app shop is being undone, and nothing was finished: complete that with ansible-playbook smallfleet.bluegreen.rollback, "
        "then deploy again."
    )
    assert scene.calls == []


@pytest.mark.parametrize(
    "params, words",
    [
        ({**APPROVED, "deployment_id": "dep-0"}, "deployment_id dep-0 is not the open deployment of app shop"),
        ({**APPROVED, "epoch": 2}, "taken over meanwhile"),
        (
            {**WHICHEVER, "release": "3"},
            "bluegreen_release is '3', but the release of app shop that awaits approval is '2': nothing was finished",
        ),
    ],
)
def test_nothing_but_what_was_approved_is_finished(scene, params, words):
    scene.deployment("awaiting_approval")
    with pytest.raises(Fenced, match=words):
        close(scene, params)
    assert scene.calls == []


LATE = (
    "Release 2 of app shop could be approved for 600 s (bluegreen_approval_timeout), and the answer came later: nothing was "
    "finished. Run finish.yml to approve it all the same, or rollback.yml."
)


def pending_until(scene, seconds_ago):
    journal = scene.deployment("awaiting_approval", approval_timeout=600)
    approval.begin(journal)
    scene.host.clock.now += 600 + seconds_ago
    return journal


@pytest.mark.parametrize("check_mode", [False, True])
def test_an_answer_that_comes_too_late_finishes_nothing(scene, check_mode):
    pending_until(scene, 0)
    with pytest.raises(Fenced) as refusal:
        close(scene, APPROVED, check_mode)
    assert refusal.value.message == LATE
    assert scene.effects() == []


def test_an_answer_in_time_finishes(scene):
    pending_until(scene, -1)
    assert close(scene, APPROVED)["result"] == "committed"


def test_a_decision_of_its_own_is_never_too_late(scene):
    pending_until(scene, 10**6)
    assert close(scene)["result"] == "committed"


def test_what_was_approved_in_time_is_completed_at_any_time(scene):
    pending_until(scene, 10**6).begin("finish")
    assert close(scene, APPROVED)["result"] == "committed"


def test_check_mode_changes_nothing(scene):
    scene.deployment("awaiting_approval")
    before = scene.store.load().data
    assert close(scene, check_mode=True) == {"changed": True, "result": "committed", "id": "dep-1"}
    assert scene.calls == [] and scene.store.load().data == before


def test_check_mode_refuses_too(scene):
    scene.deployment("health")
    with pytest.raises(Fenced):
        close(scene, check_mode=True)


def test_who_goes_back_before_the_lock_is_free_wins(scene, monkeypatch):
    journal = scene.deployment("awaiting_approval")
    lock = scene.store.lock
    monkeypatch.setattr(scene.store, "lock", lambda purpose, wait: (journal.note(back=True), lock(purpose, wait))[1])
    with pytest.raises(Fenced):
        close(scene)
    assert scene.calls == []


def test_who_finishes_before_the_lock_is_free_leaves_nothing_to_do(scene, monkeypatch):
    scene.deployment("awaiting_approval")
    lock = scene.store.lock
    entry = {"id": "dep-1", "result": "committed"}
    monkeypatch.setattr(scene.store, "lock", lambda purpose, wait: (scene.store.close(entry), lock(purpose, wait))[1])
    assert close(scene) == {"changed": False, "result": "committed"}
    assert scene.calls == []


def test_who_has_gone_back_before_the_lock_is_free_leaves_nothing_to_finish(scene, monkeypatch):
    scene.deployment("awaiting_approval")
    lock = scene.store.lock
    entry = {"id": "dep-1", "release": "2", "from": "", "result": "rolled_back"}
    monkeypatch.setattr(scene.store, "lock", lambda purpose, wait: (scene.store.close(entry), lock(purpose, wait))[1])
    with pytest.raises(Fenced, match="^Release 2 of app shop was rolled back meanwhile, and no color is live: nothing was finished"):
        close(scene)
    assert scene.calls == []


@pytest.mark.parametrize("served", ["blue", ""])
def test_an_end_that_had_begun_leads_nginx_to_the_new_color_again(scene, served):
    """Somebody has led it elsewhere since, and this command is the approval."""
    scene.served = served
    scene.deployment("finish", done=False)
    assert close(scene)["result"] == "committed"
    assert scene.effects()[:2] == ["wait for green", "switch to green"] and scene.served == "green"


@pytest.mark.parametrize(
    "served, gone, way",
    [
        ("blue", False, "; or go back to release 1 with ansible-playbook smallfleet.bluegreen.rollback -e bluegreen_release=1."),
        ("", True, "; or go back to release 1 with ansible-playbook smallfleet.bluegreen.rollback -e bluegreen_release=1."),
        # Visitors may be with it.
        ("", False, "."),
    ],
)
def test_an_end_that_had_begun_for_a_color_that_is_ill_names_the_way_back(scene, served, gone, way):
    scene.served, scene.unhealthy = served, {"green"}
    scene.deployment("finish", done=False)
    if gone:
        del scene.engine.inspected["green-web"]
    undo = Request(prefer="rollback", release="1")
    for attempt in (close, lambda scene: recovery.recover(scene.host, scene.store, undo, False)):
        with pytest.raises(BluegreenError) as refusal:
            attempt(scene)
        assert refusal.value.message.endswith(f"then run ansible-playbook smallfleet.bluegreen.finish again{way}")
    if way == ".":
        with pytest.raises(BluegreenError, match="was approved"):
            recovery.recover(scene.host, scene.store, undo, False)
        return
    assert recovery.recover(scene.host, scene.store, undo, False)["result"] == "rolled_back"
    assert scene.served == "blue" and scene.engine.state("blue-worker") == "running"


def test_the_last_move_ends_its_hop(scene, monkeypatch):
    record(monkeypatch, scene.calls, broker_move, "finish_hop", "end the hop")
    scene.deployment("awaiting_approval")
    close(scene)
    effects = scene.effects()
    assert effects.index("move shop-blue/redis to shop-green/redis") < effects.index("end the hop")
    assert effects.index("end the hop") < effects.index("stop blue-redis")


def test_a_second_finish_changes_nothing(scene):
    scene.deployment("awaiting_approval")
    close(scene, APPROVED)
    del scene.calls[:]
    assert close(scene, APPROVED) == {"changed": False, "result": "committed"}
    assert close(scene) == {"changed": False, "result": ""}
    assert scene.calls == []


def test_what_was_rolled_back_while_a_human_thought_is_not_finished(scene):
    """The guard went back while the playbook asked: a yes must not end as if the release were live."""
    scene.deployment("awaiting_approval")
    given = Request(prefer="rollback", reason="guard: green failed 3 times in a row", guard=True)
    recovery.recover(scene.host, scene.store, given, check_mode=False)
    del scene.calls[:]
    for check_mode in (False, True):
        with pytest.raises(Fenced) as refusal:
            close(scene, APPROVED, check_mode)
        assert refusal.value.message == (
            "Release 2 of app shop was rolled back meanwhile (guard: green failed 3 times in a row), and blue is live: nothing "
            "was finished. Deploy again."
        )
    assert scene.calls == []


def ended(scene, **entry):
    history = {"id": "dep-0", "release": "2", "release_from": "1", "from": "blue", "reason": "", **entry}
    scene.store.log(history)


@pytest.mark.parametrize(
    "entry, release, sentence",
    [
        (
            {"result": "rolled_back", "reason": "rollback.yml"},
            "2",
            "Release 2 of app shop was rolled back meanwhile (rollback.yml), and blue is live: nothing was finished. Deploy "
            "again.",
        ),
        (
            {"result": "rolled_back"},
            "3",
            "bluegreen_release is '3', but nothing awaits approval, and release 1 of app shop is live: nothing was finished. "
            "Deploy it first.",
        ),
        (
            {"result": "committed"},
            "1",
            "bluegreen_release is '1', but nothing awaits approval, and release 2 of app shop is live: nothing was finished. "
            "Deploy it first.",
        ),
        (
            None,
            "1",
            "bluegreen_release is '1', but nothing awaits approval and no deployment of app shop was noted here: nothing was "
            "finished. Deploy it first.",
        ),
    ],
)
def test_a_release_that_is_not_live_is_not_finished(scene, entry, release, sentence):
    if entry:
        ended(scene, **entry)
    for check_mode in (False, True):
        with pytest.raises(Fenced) as refusal:
            close(scene, {**WHICHEVER, "release": release}, check_mode)
        assert refusal.value.message == sentence
    assert scene.calls == []


@pytest.mark.parametrize("result, release", [("committed", "2"), ("rolled_back", "1")])
def test_a_release_that_is_live_needs_no_finish(scene, result, release):
    ended(scene, result=result)
    assert close(scene, {**WHICHEVER, "release": release}) == {"changed": False, "result": ""}


def test_a_deployment_that_never_was_is_not_finished(scene):
    with pytest.raises(Fenced) as refusal:
        close(scene, APPROVED)
    assert refusal.value.message == (
        "deployment_id dep-1 names no open deployment of app shop: nothing was finished. Look at status.yml."
    )


# The last lines


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
            deployment_finish.end(scene.store, journal, "rolled_back")
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


# Images


def committed(scene, *releases):
    with open(scene.store.path("history.jsonl"), "w", encoding="utf-8") as history:
        for number, images in enumerate(releases):
            history.write(json.dumps({"id": f"old-{number}", "result": "committed", "images": images}) + "\n")


def image(scene, image_id, name, now=None):
    scene.engine.images[name] = {"Id": now or image_id, "Size": 1}
    return {image_id: name}


@pytest.mark.parametrize("keep, gone", [(1, {"a:1", "a:2", "a:3"}), (2, {"a:1", "a:2"}), (3, {"a:1"}), (4, set()), (9, set())])
def test_the_images_of_the_last_releases_are_kept(scene, keep, gone):
    names = {"a:1", "a:2", "a:3"}
    committed(scene, *(image(scene, f"sha256:{name}", name) for name in sorted(names)))
    scene.deployment("awaiting_approval", keep_images=keep)
    close(scene)
    assert names - set(scene.engine.images) == gone


def test_a_release_that_was_live_again_and_again_counts_once(scene):
    first, second, third = (image(scene, f"sha256:{name}", name) for name in ("a:1", "a:2", "a:3"))
    committed(scene, first, second, third, second, third, {}, second, third)
    scene.deployment("awaiting_approval", keep_images=4)
    close(scene)
    assert {"a:1", "a:2", "a:3"} <= set(scene.engine.images)
    scene.deployment("awaiting_approval", keep_images=3)
    close(scene)
    assert {"a:1", "a:2", "a:3"} - set(scene.engine.images) == {"a:1"}


def test_a_release_that_was_rolled_back_is_none_of_them(scene):
    entries = [("committed", "a:1"), ("rolled_back", "b:1")]
    with open(scene.store.path("history.jsonl"), "w", encoding="utf-8") as history:
        for number, (result, name) in enumerate(entries):
            images = image(scene, f"sha256:{name}", name)
            history.write(json.dumps({"id": f"old-{number}", "result": result, "images": images}) + "\n")
    scene.deployment("awaiting_approval", keep_images=2)
    close(scene)
    assert {"a:1", "b:1"} <= set(scene.engine.images)


def test_an_image_that_the_new_release_runs_too_is_kept(scene):
    committed(scene, image(scene, "sha256:redis-1", "redis:7"))
    scene.deployment("awaiting_approval", keep_images=1)
    close(scene)
    assert "redis:7" in scene.engine.images


def test_a_name_that_means_another_image_by_now_is_left_alone(scene):
    committed(scene, image(scene, "sha256:old", "shop:latest", now="sha256:somebody-elses"))
    scene.deployment("awaiting_approval", keep_images=1)
    close(scene)
    assert "shop:latest" in scene.engine.images


def test_an_image_that_another_container_uses_stays(scene, monkeypatch):
    def refuse(reference):
        raise EngineError("image is being used", 409)

    monkeypatch.setattr(scene.engine, "remove_image", refuse)
    committed(scene, image(scene, "sha256:old", "shop:1"))
    scene.deployment("awaiting_approval", keep_images=1)
    assert close(scene)["result"] == "committed"


def test_images_that_went_long_ago_cost_no_question(scene, monkeypatch):
    asked = []
    for name in ("image", "image_ids"):
        ask = getattr(scene.engine, name)
        monkeypatch.setattr(scene.engine, name, lambda *given, ask=ask, name=name: (asked.append((name, *given)), ask(*given))[1])
    releases = [{f"sha256:{number}-{each}": f"{each}:{number}" for each in "abc"} for number in range(300)]
    committed(scene, *releases, image(scene, "sha256:old", "shop:1"))
    scene.deployment("awaiting_approval", keep_images=1)
    close(scene)
    assert asked == [("image_ids",), ("image", "shop:1")]
    assert "shop:1" not in scene.engine.images


@pytest.mark.parametrize("question", ["image", "image_ids"])
def test_an_engine_that_does_not_show_its_images_keeps_no_deployment_open(scene, monkeypatch, question):
    def refuse(*given):
        raise EngineError("boom", 500)

    committed(scene, image(scene, "sha256:old", "shop:1"))
    monkeypatch.setattr(scene.engine, question, refuse)
    scene.deployment("awaiting_approval", keep_images=1)
    assert close(scene)["result"] == "committed"
    assert scene.host.warnings == [
        "Images of earlier releases stay, because the engine does not show them (boom): the next finish removes them."
    ]


def test_images_of_an_ignored_service_are_the_users_own(scene):
    scene.color("green")
    scene.engine.add("db", color="green")
    scene.deployment("awaiting_approval")
    close(scene)
    assert "registry/db:1" not in scene.store.history()[-1]["images"].values()


# A new color of which a part has gone down since it settled


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
        f"Container {name} of the new color is down and does not start (no space left on device), so nothing was removed: "
        "correct that, then run ansible-playbook smallfleet.bluegreen.finish."
    )
    assert scene.effects() == [] and scene.store.load()["step"] == "awaiting_approval"


# Settling


def settle(scene, check_mode=False, approval_timeout=3600, on_timeout="keep", approval_follows=False):
    given = {
        **APPROVED, "approval_follows": approval_follows, "approval_timeout": approval_timeout, "on_timeout": on_timeout
    }
    return deployment_settle.settle(scene.host, scene.store, given, check_mode)


def test_after_the_drain_late_tasks_move_and_approval_is_pending(scene):
    scene.brokers["blue"].tasks = {"celery": 3}
    scene.deployment("start_workers")
    result = settle(scene)
    assert scene.effects() == ["drain", "move shop-blue/redis to shop-green/redis", "wait for green"]
    assert result["changed"] is True and result["figures"]["tasks_moved"] == 3
    assert result["message"].startswith("Release 2 of shop is live (green). It took ")
    assert "3 tasks moved" in result["message"]
    journal = scene.store.load()
    assert (journal["step"], journal["done"], journal["held_by"]) == ("awaiting_approval", True, [])


def test_a_drain_that_runs_out_of_time_is_no_failure(scene):
    scene.held_by = ["worker process 7 of Nginx serves a websocket"]
    scene.deployment("start_workers")
    settle(scene)
    assert scene.store.load()["held_by"] == scene.held_by
    assert scene.store.load()["step"] == "awaiting_approval"


def test_the_time_for_the_approval_begins_when_it_has_settled_and_anew_when_it_is_asked_for(scene):
    scene.deployment("start_workers", approval_timeout=600)
    scene.host.clock.now += 60
    settle(scene)
    assert approval.seconds_left(scene.store.load()) == 600
    scene.host.clock.now += 400
    assert settle(scene, approval_timeout=600)["changed"] is False
    assert approval.seconds_left(scene.store.load()) == 600


def test_whoever_asks_again_says_for_how_long(scene):
    scene.deployment("start_workers", approval_timeout=3, on_timeout="rollback")
    settle(scene)
    scene.host.clock.now += 4
    assert approval.is_over(scene.store.load())
    settle(scene, approval_timeout=60, on_timeout="keep")
    journal = scene.store.load()
    assert (approval.seconds_left(journal), journal["on_timeout"]) == (60, "keep")
    settle(scene, approval_timeout=0)
    scene.host.clock.now += 10**6
    assert approval.seconds_left(scene.store.load()) is None


def test_settling_twice_changes_nothing(scene):
    scene.deployment("start_workers")
    settle(scene)
    del scene.calls[:]
    assert settle(scene)["changed"] is False
    assert scene.calls == []


def test_what_fell_after_its_start_is_no_release_to_approve(scene):
    scene.engine.stop("green-beat")
    scene.deployment("start_workers")
    with pytest.raises(BluegreenError) as failure:
        settle(scene)
    assert failure.value.message.startswith("shop-green-beat-1 of the new color fell after the start")
    assert list(failure.value.details["logs"]) == ["shop-green-beat-1"]
    assert scene.store.load()["step"] == "settle" and not scene.store.load()["done"]


def test_a_color_that_fell_ill_after_the_cutover_is_no_release_to_approve(scene):
    scene.unhealthy = {"green"}
    scene.deployment("start_workers")
    with pytest.raises(BluegreenError, match="green is not healthy"):
        settle(scene)
    assert scene.store.load()["step"] == "settle" and not scene.store.load()["done"]


def test_settling_in_check_mode_changes_nothing(scene):
    assert settle(scene, check_mode=True)["changed"] is True
    assert scene.calls == [] and scene.store.load() is None


def test_without_a_broker_of_its_own_no_color_has_tasks_to_move(scene):
    journal = scene.deployment("start_workers")
    journal.note(settings={**journal["settings"], "broker": {"mode": "shared", "service": "redis", "url": ""}})
    settle(scene)
    assert scene.effects() == ["drain", "wait for green"]


# The guard


STOP_TIMER = ["systemctl", "stop", "bluegreen-shop-guard.timer"]
WATCH = ["systemctl", "start", "--no-block", "bluegreen-shop-guard.service"]


@pytest.fixture
def systemd(scene, monkeypatch):
    """A host that systemd runs; what it was told, with the state of the journal then, and what it answers."""

    class Told(list):
        code = 0

    told = Told()

    def answer(argv):
        journal = scene.store.load()
        told.append((argv, journal and (journal["step"], journal["done"], journal["result"])))
        return Completed(told.code, "", "Unit is masked.\n" if told.code else "")

    monkeypatch.setattr(guard_units, "has_systemd", lambda: True)
    scene.host.programs = {"systemctl": answer}
    return told


def test_a_deployment_that_awaits_approval_is_watched_instead_of_timed(scene, systemd):
    scene.deployment("start_workers", armed=True)
    settle(scene)
    pending = ("awaiting_approval", True, "")
    assert systemd == [(STOP_TIMER, pending), (WATCH, pending)]
    assert scene.store.load()["armed"] is False


def test_where_the_approval_follows_the_timer_stays(scene, systemd):
    scene.deployment("start_workers", armed=True)
    settle(scene, approval_follows=True)
    assert systemd == [] and scene.store.load()["armed"] is True
    close(scene)
    assert [argv for argv, _journal in systemd] == [STOP_TIMER]


def test_where_the_approval_follows_and_there_is_no_timer_the_guard_watches(scene, systemd):
    scene.deployment("start_workers", armed=False)
    settle(scene, approval_follows=True)
    assert [argv for argv, _journal in systemd] == [STOP_TIMER, WATCH]


def test_nobody_is_told_twice(scene, systemd):
    scene.deployment("start_workers", armed=True)
    settle(scene)
    settle(scene)
    close(scene)
    # The guard sees by the journal that nothing is pending any more, and ends.
    assert len(systemd) == 2


def test_a_guard_that_does_not_start_is_a_warning(scene, systemd):
    systemd.code = 1
    scene.deployment("start_workers", armed=True)
    assert settle(scene)["changed"] is True
    assert scene.store.load()["step"] == "awaiting_approval"
    assert scene.host.warnings == [
        "The guard does not watch the new color while approval is pending: bluegreen-shop-guard.service did not start (Unit is "
        "masked.)."
    ]


def test_what_did_not_settle_keeps_its_timer(scene, systemd):
    scene.engine.stop("green-beat")
    scene.deployment("start_workers", armed=True)
    with pytest.raises(BluegreenError, match="fell after the start"):
        settle(scene)
    assert systemd == [] and scene.store.load()["armed"] is True


def test_without_systemd_nobody_is_told(scene, monkeypatch):
    monkeypatch.setattr(guard_units, "has_systemd", lambda: False)
    scene.deployment("start_workers")
    settle(scene)
    close(scene)
    assert scene.store.history()[-1]["result"] == "committed" and scene.host.warnings == []


@pytest.mark.parametrize("armed, told", [(True, [(STOP_TIMER, ("health", True, "rolled_back"))]), (False, [])])
def test_the_timer_ends_with_the_deployment(scene, systemd, armed, told):
    """Before the journal goes: whoever is cut off in between comes back for it."""
    journal = scene.deployment("health", armed=armed)
    deployment_finish.end(scene.store, journal, "rolled_back", "health: no answer")
    assert systemd == told
    assert scene.store.load() is None


def test_a_timer_that_cannot_be_stopped_keeps_no_deployment_open(scene, systemd):
    """It finds no journal when it fires."""
    systemd.code = 1
    deployment_finish.end(scene.store, scene.deployment("health", armed=True), "rolled_back")
    assert scene.store.load() is None and scene.host.warnings == []
