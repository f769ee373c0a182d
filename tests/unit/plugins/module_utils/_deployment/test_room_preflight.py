# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory and disk, and what they decide."""

from __future__ import annotations

import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources import (
    disk as host_disk,
    memory_use,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.opening import (
    MIB,
    SERVICES,
    Scene,
)


def test_not_enough_memory_for_a_second_web_is_refused_with_the_figures(scene):
    scene.memory = 50 * MIB
    scene.engine.memory = {
        "blue-web": 100 * MIB,
        "blue-redis": 20 * MIB,
        "blue-worker": 30 * MIB,
        "blue-beat": 10 * MIB,
    }
    assert scene.refusal() == (
        "Not enough memory for a second web: it needs 184 MiB (as much as the live color's web and support services "
        "use now, and a reserve of 64 MiB), but 50 MiB are free, and 40 MiB more once the old workers have stopped. "
        "Free memory on this host, or give the app fewer web processes."
    )


def test_stopping_the_old_workers_makes_room(scene):
    scene.memory = 149 * MIB
    scene.engine.memory = {"blue-web": 100 * MIB, "blue-redis": 20 * MIB, "blue-worker": 35 * MIB}
    assert scene.open()["changed"] is True


@pytest.fixture
def roomy(scene):
    """A live color that holds 100 MiB, of which 40 are its workers'."""
    scene.engine.memory = {"blue-web": 50 * MIB, "blue-redis": 10 * MIB, "blue-worker": 30 * MIB, "blue-beat": 10 * MIB}
    return scene


def workers(strategy):
    return {"stop_timeout": None, "on_timeout": "fail", "strategy": strategy}


@pytest.mark.parametrize("free, strategy", [(164, "throttle"), (163, "stop")])
def test_auto_goes_by_what_the_host_can_hold_and_says_so(roomy, free, strategy):
    roomy.memory = free * MIB
    result = roomy.open(workers=workers("auto"))
    assert result["worker_strategy"] == roomy.store.load()["worker_strategy"] == strategy
    assert (
        f"plan: worker strategy: auto chose {strategy}, because the new color needs 164 MiB (including a reserve "
        f"of 64 MiB), and {free} MiB are free while the old color runs"
    ) in result["plan"]


def test_what_was_chosen_stays_when_the_memory_changes(roomy):
    roomy.open(workers=workers("auto"))
    roomy.memory = 0
    assert roomy.open(workers=workers("auto"))["worker_strategy"] == "throttle"


@pytest.mark.parametrize(
    "wanted, free, chosen",
    [("auto", 124, "running"), ("auto", 123, "stopped"), ("stopped", 500, "stopped"), ("running", 124, "running")],
)
def test_an_old_web_that_does_not_fit_is_to_stop(roomy, wanted, free, chosen):
    roomy.memory = free * MIB
    result = roomy.open(old_web=wanted)
    journal = roomy.store.load()
    assert result["old_web"] == journal["old_web"] == chosen
    assert journal["memory_budget"] == {
        "free": free * MIB,
        "web": 50 * MIB,
        "support": 10 * MIB,
        "workers": 40 * MIB,
        "app": 0,
        "oom_kills": journal["memory_budget"]["oom_kills"],
    }
    why = [line for line in result["plan"] if line.startswith("plan: old web: auto chose to stop it before the ")]
    assert bool(why) is (wanted == "auto" and chosen == "stopped")
    assert (
        f"start_candidate: the new web needs 124 MiB of memory, and {free + 40} MiB are free once the old workers have "
        "stopped" in (result["plan"])
    )


def test_what_was_decided_about_the_old_web_stays(roomy):
    roomy.open(old_web="stopped")
    assert roomy.open(old_web="running")["old_web"] == "stopped"


def test_an_old_web_that_is_to_run_where_it_does_not_fit_is_refused(roomy):
    roomy.memory = 123 * MIB
    assert roomy.refusal(old_web="running") == (
        "bluegreen_old_web: running leaves the old web in memory, but the Celery of the new color needs 104 MiB "
        "of memory, and 103 MiB are free while two webs run: set bluegreen_old_web to stopped or auto, or "
        "free memory on this host."
    )


@pytest.mark.parametrize("old_web, backup", [("stopped", False), ("running", True)])
def test_a_web_that_stops_is_no_backup(roomy, old_web, backup):
    nginx = {**roomy.params["nginx"], "backup": True}
    result = roomy.open(old_web=old_web, nginx=nginx)
    assert roomy.store.load()["settings"]["nginx"]["backup"] is backup
    assert ("18001 backup" in result["diff"]["after"]) is backup
    assert bool(roomy.host.warnings) is not backup


INIT = {"services": {"init": ["collect", "migrate", "seed"]}, "init_before_stop": ["seed", "collect"]}


@pytest.fixture
def with_init(roomy, monkeypatch):
    """A live color whose workers hold 30 MiB each once they have loaded the app."""
    monkeypatch.setattr(memory_use, "app_of", lambda workers: 30 * MIB)
    for service in INIT["services"]["init"]:
        roomy.add_init(service)
    return roomy


def test_init_services_that_need_not_wait_run_before_the_stop(with_init):
    # 30 of the app, 10 of Redis, 64 to spare.
    with_init.memory = 104 * MIB
    result = with_init.open(**INIT)
    # In the order of all.
    assert result["init_before_stop"] == with_init.store.load()["init_before_stop"] == ["collect", "seed"]
    assert (
        "before_stop: start redis, then run collect, seed of shop-green while worker, beat of shop-blue work"
        in result["plan"]
    )
    assert (
        "before_stop: an init service of the new release needs 104 MiB of memory, and 104 MiB are free now"
        in result["plan"]
    )
    assert "start_candidate: start migrate, web of shop-green" in result["plan"]
    # Repeated, as when the images decide.
    with_init.memory = 0
    assert with_init.open(**INIT)["init_before_stop"] == ["collect", "seed"]


def test_where_they_do_not_fit_they_wait_for_the_stop(with_init):
    with_init.memory = 103 * MIB
    result = with_init.open(**INIT)
    assert result["init_before_stop"] == with_init.store.load()["init_before_stop"] == []
    assert (
        "plan: init after the stop: collect, seed, because an init service of the new release needs 104 MiB of memory, "
        "and 103 MiB are free now" in result["plan"]
    )
    assert "start_candidate: start redis, collect, migrate, seed, web of shop-green" in result["plan"]


def test_without_workers_that_work_there_is_no_stop_to_wait_for(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    for service in INIT["services"]["init"]:
        scene.add_init(service)
    scene.file.unlink()
    assert scene.open(check_mode=True, **INIT)["init_before_stop"] == []
    scene.point_to(18001)
    scene.live(worker="exited", beat="exited")
    assert scene.open(**INIT)["init_before_stop"] == []


def test_one_that_is_no_init_service_is_refused_in_the_plan(scene):
    scene.add_init("migrate")
    assert scene.refusal(services={"init": ["migrate"]}, init_before_stop=["migrat"]) == (
        "bluegreen_init_before_stop names 'migrat', but bluegreen_init_services does not: did you mean 'migrate'?"
    )


def test_without_figures_nothing_is_reckoned_with(scene):
    scene.memory = 0
    assert scene.open()["old_web"] == "running"
    assert scene.store.load()["memory_budget"]["web"] == 0


def test_throttle_without_room_is_refused(roomy):
    roomy.memory = 163 * MIB
    assert roomy.refusal(workers=workers("throttle")).startswith("bluegreen_worker_strategy is throttle, which leaves")
    assert roomy.open(workers=workers("stop"))["worker_strategy"] == "stop"


def test_throttle_at_one_broker_is_warned_of(roomy):
    result = roomy.open(workers=workers("throttle"), broker={"mode": "shared"})
    assert result["worker_strategy"] == "throttle"
    assert "both colors use one broker" in roomy.host.warnings[0]


def test_the_first_deployment_has_nobody_to_throttle(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.file.unlink()
    scene.memory = 0
    assert scene.open(workers=workers("throttle"))["worker_strategy"] == "stop"


def test_not_enough_disk_for_new_images_is_refused_with_the_figures(scene):
    scene.engine.root = "/var/lib/docker"
    scene.disk = {"/var/lib/docker": 100 * MIB}
    del scene.engine.images["registry/web:1"]
    for service in SERVICES:
        scene.engine.images[f"sha256:{service}-1"] = {"Id": f"sha256:{service}-1", "Size": 100 * MIB}
    assert scene.refusal() == (
        "Not enough disk space for images and layers: 464 MiB are needed, and 100 MiB are free at /var/lib/docker. "
        "Remove files or images there that you do not need (docker image prune), or use a larger disk."
    )


def test_images_that_are_here_need_no_room(scene):
    scene.engine.root = "/var/lib/docker"
    scene.disk = {"/var/lib/docker": 100 * MIB}
    assert scene.open()["changed"] is True


@pytest.mark.parametrize("place", ["lib", "run", "nginx"])
def test_a_disk_that_is_read_only_is_refused_with_nothing_made(scene, monkeypatch, place):
    path = {"lib": scene.store.folder, "run": os.path.dirname(scene.store.lease_mark), "nginx": str(scene.folder)}[
        place
    ]
    monkeypatch.setattr(
        host_disk, "writing_finding", lambda asked, why: f"{path} is read-only, and {why}" if asked == path else ""
    )
    before = sorted(os.listdir(scene.folder))
    assert f"{path} is read-only" in scene.refusal()
    assert sorted(os.listdir(scene.folder)) == before


def test_a_full_disk_under_the_journal_is_refused(scene):
    scene.disk = {scene.store.folder: 1 * MIB}
    assert "Not enough disk space for the journal: 4 MiB are needed, and 1 MiB are free" in scene.refusal()
