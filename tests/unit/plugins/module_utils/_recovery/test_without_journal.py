# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _settings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker import cpu_shares
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install import guard_units
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import settings_file
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import history_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import recover as recovery
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery.request import Request
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import (
    start as workers_start,
    stop as workers_stop,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import HEALTH, Scene, facts
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import LISTS, NO_RESTART, record

LOOK = Request(reason="recover.yml")
ALWAYS = {"Name": "always", "MaximumRetryCount": 0}
STAMP = "20261123T120000Z"
KEPT = [f"deployment.json.corrupt-{STAMP}", f"deployment.json.previous.corrupt-{STAMP}"]


class Damaged(Scene):
    """A deployment in the middle of the cutover with a damaged journal; all workers run, those of blue throttled."""

    def __init__(self, monkeypatch, folder):
        super().__init__(monkeypatch, folder)
        self.color("blue")
        self.color("green")
        settings = _settings.settings_of(
            {"app": "shop", "colors": {}, "services": LISTS, "broker": {}, "health": HEALTH, "nginx": {}}
        )
        settings = settings._replace(nginx=settings.nginx._replace(file=str(self.file)))
        self.settings = settings
        for container in of_project(self.engine, "shop-blue", ["web", "worker"]):
            self.engine.inspected[container.id]["HostConfig"]["RestartPolicy"] = dict(ALWAYS)
        self.remember()
        self.deployment("handover").note(tasks_moved=3)
        for worker in ("blue-worker", "blue-beat"):
            self.engine.inspected[worker]["HostConfig"].update(
                RestartPolicy=dict(NO_RESTART), CpuShares=cpu_shares.LOWEST
            )
        self.damage()

    def remember(self, **workers):
        live = of_project(self.engine, "shop-blue")
        policies = {container.service: container.restart_policy for container in live}
        settings_file.write(self.store, self.settings.journaled(), policies, workers.get("stop_timeout"))

    def damage(self):
        for name in ("deployment.json", "deployment.json.previous"):
            with open(self.store.path(name), "w", encoding="utf-8") as target:
                target.write("{torn")

    def write(self, name, text):
        with open(self.store.path(name), "w", encoding="utf-8") as target:
            target.write(text)

    def recover(self, check_mode=False, **params):
        return recovery.recover(self.host, self.store, LOOK._replace(**params), check_mode)

    def files(self):
        return sorted(name for name in os.listdir(self.store.folder) if name != "lock")


@pytest.fixture
def scene(monkeypatch, tmp_path):
    return Damaged(monkeypatch, tmp_path)


# What is remembered


def test_the_settings_are_kept_apart_from_the_journal(scene):
    with open(scene.store.path("settings.json"), encoding="utf-8") as source:
        known = json.load(source)
    always, unless_stopped = ALWAYS, {"Name": "unless-stopped", "MaximumRetryCount": 0}
    assert known == {
        "settings": scene.settings.journaled(),
        "policies": {"web": always, "worker": always, "redis": unless_stopped, "beat": unless_stopped},
        "stop_timeout": None,
    }


def test_a_password_of_the_broker_is_not_among_them(scene):
    broker = scene.settings.broker._replace(url="redis://:geheim@redis:6379/0")
    scene.settings = scene.settings._replace(broker=broker)
    scene.remember(stop_timeout=45)
    with open(scene.store.path("settings.json"), encoding="utf-8") as source:
        text = source.read()
    assert "geheim" not in text
    assert json.loads(text)["stop_timeout"] == 45


# What runs afterwards


@pytest.mark.parametrize("served, idle", [("blue", "green"), ("green", "blue")])
def test_only_the_workers_of_the_served_color_run(scene, served, idle):
    scene.served = served
    scene.recover()
    working = {container for container, state in scene.states().items() if state == "running"}
    # Both webs and both Redis stay as they are: nobody knows what is in them.
    assert working == {"blue-web", "blue-redis", "green-web", "green-redis", f"{served}-worker", f"{served}-beat"}


def test_the_other_color_s_workers_end_before_those_of_the_served_one_start(scene):
    scene.served = "blue"
    scene.engine.stop("blue-worker")
    scene.calls.clear()
    scene.recover()
    assert scene.effects() == [
        "stop workers",
        "stop green-beat",
        "stop green-worker",
        "weight 1024 blue-beat",
        "weight 1024 blue-worker",
        "restart workers",
        "start blue-beat",
        "start blue-worker",
    ]


def test_nothing_is_switched_or_removed(scene):
    for served in ("blue", "green"):
        scene.served = served
        scene.recover()
        scene.damage()
    assert not [effect for effect in scene.effects() if effect.split()[0] in ("remove", "switch", "create", "move")]
    assert len(scene.engine.inspected) == 8


def test_the_served_color_has_the_policies_that_the_user_gave_it(scene):
    scene.served = "blue"
    scene.recover()
    policies = scene.policies()
    assert (policies["blue-worker"], policies["blue-beat"]) == ("always", "unless-stopped")


def test_the_new_color_gets_the_policies_of_the_services_before_it(scene):
    scene.served = "green"
    for worker in ("green-worker", "green-beat"):
        scene.engine.inspected[worker]["HostConfig"]["RestartPolicy"] = dict(NO_RESTART)
    scene.recover()
    policies = scene.policies()
    assert (policies["green-worker"], policies["green-beat"]) == ("always", "unless-stopped")


def test_a_service_that_is_new_keeps_the_policy_that_it_has(scene):
    scene.served = "green"
    scene.settings.services["workers"] = ["worker", "beat", "mailer"]
    scene.remember()
    scene.engine.add("mailer", color="green", HostConfig__RestartPolicy=dict(ALWAYS))
    scene.recover()
    assert scene.policies()["green-mailer"] == "always"


def test_what_is_served_and_fell_runs_again(scene):
    scene.served = "green"
    for container in ("green-redis", "green-web", "green-worker", "blue-web"):
        scene.engine.stop(container)
    scene.calls.clear()
    scene.recover()
    assert [effect for effect in scene.effects() if effect.startswith("start")] == [
        "start green-redis",
        "start green-web",
        "start green-beat",
        "start green-worker",
    ]


def test_throttled_workers_of_the_served_color_work_at_full_weight(scene):
    scene.served = "blue"
    scene.engine.inspected["blue-beat"]["HostConfig"]["CpuShares"] = 512
    scene.recover()
    weights = {
        name: scene.engine.inspected[name]["HostConfig"].get("CpuShares") for name in ("blue-worker", "blue-beat")
    }
    # The user's own weight is the user's.
    assert weights == {"blue-worker": cpu_shares.DEFAULT, "blue-beat": 512}


def test_workers_get_the_time_that_the_user_gives_them(scene, monkeypatch):
    given = []
    for module, name in ((workers_stop, "stop_workers"), (workers_start, "restart_workers")):
        record(monkeypatch, [], module, name, does=lambda call: given.append(call["timeout"]))
    scene.served = "green"
    scene.recover()
    scene.damage()
    scene.remember(stop_timeout=45)
    scene.recover()
    assert given == [None, workers_start.RESTART_TIMEOUT, 45, 45]


def test_workers_that_do_not_end_are_left_finishing(scene, monkeypatch):
    given = []
    record(monkeypatch, scene.calls, workers_stop, "stop_workers", does=given.append)
    scene.served = "green"
    scene.recover()
    (call,) = given
    assert (call["on_timeout"], call["restore"]) == ("leave", False)
    assert [container.id for container in call["containers"]] == ["blue-beat", "blue-worker"]


def test_a_color_without_workers_that_run_is_told_nothing(scene):
    scene.served = "green"
    for worker in ("blue-worker", "blue-beat"):
        scene.engine.stop(worker)
    scene.recover()
    assert "stop workers" not in scene.effects()


# What is left behind


def test_the_journal_is_kept_aside_and_the_history_tells_of_it(scene):
    scene.served = "green"
    scene.write("broker.url", "redis://:geheim@redis:6379/0")
    for color in ("blue", "green"):
        scene.write(f"{color}-dep-1.env", "SECRET_KEY='geheim'\n")
    scene.file.with_name(".bluegreen-shop.conf.before-dep-1").write_text("kept")
    scene.host.clock.now = 1000.0
    assert scene.recover() == {
        "changed": True,
        "found": True,
        "already": False,
        "kept": "",
        "id": "",
        "epoch": 0,
        "result": "failed",
        "message": (
            f"The journal was damaged and is kept as {KEPT[1]} and {KEPT[0]}. Nginx serves green, and only the workers "
            "of green run; nothing was removed. Check both colors with ansible-playbook smallfleet.bluegreen.status, "
            "stop the web of blue (docker compose -p shop-blue stop web), then deploy again."
        ),
        "logs": {},
    }
    assert scene.files() == [*KEPT, "history.jsonl", "settings.json"]
    assert history_of(scene.store) == [
        {
            "id": f"damaged-{STAMP}",
            "who": "",
            "release": "",
            "release_from": "",
            "from": "",
            "to": "green",
            "result": "failed",
            "reason": "the journal was damaged",
            "started": "2026-11-23T12:00:00Z",
            "ended": "2026-11-23T12:00:00Z",
            "images": {},
        }
    ]
    assert not os.path.exists(scene.store.lease_mark)
    assert [path.name for path in scene.file.parent.iterdir() if path.is_file()] == ["bluegreen-shop.conf"]
    assert scene.store.load() is None


def test_the_timer_is_stopped(scene, monkeypatch, tmp_path):
    stopped = []
    monkeypatch.setattr(guard_units, "RUNS_HERE", str(tmp_path))
    scene.host.programs["systemctl"] = lambda argv: stopped.append(" ".join(argv)) or Completed(0, "", "")
    scene.recover()
    assert stopped == ["systemctl stop bluegreen-shop-guard.timer"]


def test_the_next_deployment_can_be_opened(scene):
    scene.recover()
    scene.deployment("open")
    assert scene.store.load()["id"] == "dep-1"


def test_a_recovery_that_was_cut_off_is_taken_up_again(scene, monkeypatch):
    set_aside = scene.store.set_aside

    def cut_off(stamp):
        raise KeyboardInterrupt

    monkeypatch.setattr(scene.store, "set_aside", cut_off)
    with pytest.raises(KeyboardInterrupt):
        scene.recover()
    monkeypatch.setattr(scene.store, "set_aside", set_aside)
    assert scene.recover()["changed"] is True
    assert scene.store.load() is None
    assert len(history_of(scene.store)) == 1


# When nothing is done


def untouched(scene):
    return scene.effects() == [] and "deployment.json" in scene.files() and history_of(scene.store) == []


def test_check_mode_changes_nothing(scene):
    scene.served = "blue"
    scene.calls.clear()
    assert scene.recover(check_mode=True) == {
        "changed": True,
        "found": True,
        "already": False,
        "kept": "",
        "id": "",
        "epoch": 0,
        "result": "failed",
        "message": "The journal is damaged. Color blue is live, and only the workers of blue would run.",
        "logs": {},
    }
    assert untouched(scene)


@pytest.mark.parametrize("served", [None, ""])
@pytest.mark.parametrize("check_mode", [True, False])
def test_where_nobody_knows_which_color_is_live_nothing_is_done(scene, served, check_mode):
    scene.served = served
    with pytest.raises(BluegreenError) as refusal:
        scene.recover(check_mode)
    assert refusal.value.message == (
        f"The journal {scene.store.path('deployment.json')} cannot be read (deployment.json and "
        "deployment.json.previous are damaged), and it could not be verified which color Nginx serves. So nothing was "
        "done: repair Nginx, then run ansible-playbook smallfleet.bluegreen.recover again."
    )
    assert untouched(scene)


@pytest.mark.parametrize("text", [None, "", "{torn", "[]", '{"settings": {}}', "null", '{"settings": {"app": "shop"}}'])
def test_where_nothing_tells_what_the_app_is_made_of_nothing_is_done(scene, text):
    os.remove(scene.store.path("settings.json"))
    if text is not None:
        scene.write("settings.json", text)
    with pytest.raises(BluegreenError) as refusal:
        scene.recover()
    assert refusal.value.message == (
        f"The journal of app shop is damaged, and {scene.store.path('settings.json')} does not tell which services the "
        "app has. Check both colors with ansible-playbook smallfleet.bluegreen.status, start the missing containers "
        f"of the live one, stop the workers of the other one, and then move {scene.store.path('deployment.json')} away."
    )
    assert untouched(scene)


def test_what_a_later_release_remembers_besides_is_passed_over(scene):
    with open(scene.store.path("settings.json"), encoding="utf-8") as source:
        known = json.load(source)
    known["more"] = known["settings"]["more"] = known["settings"]["nginx"]["more"] = known["settings"]["broker"][
        "more"
    ] = 1
    scene.write("settings.json", json.dumps(known))
    assert scene.recover()["changed"] is True


def test_a_journal_that_was_mended_meanwhile_counts(scene, monkeypatch):
    acquire = scene.store._acquire

    def repaired(descriptor, wait):
        acquire(descriptor, wait)
        for name in ("deployment.json", "deployment.json.previous"):
            os.remove(scene.store.path(name))
        create_journal(scene.store, "dep-2", "ada@laptop", facts())

    monkeypatch.setattr(scene.store, "_acquire", repaired)
    with pytest.raises(Fenced) as refusal:
        scene.recover()
    assert refusal.value.message == (
        "The journal of app shop was repaired in the meantime: run ansible-playbook smallfleet.bluegreen.recover again."
    )
    assert scene.effects() == []
