# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._verdict import DEGRADED, HEALTHY, IN_PROGRESS, judge
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.plugin_utils.fleets import (
    FAILED,
    UNREACHABLE,
    absent,
    awaiting,
    color,
    container,
    deployment,
    ended,
    of,
    whole,
)

WAITS = "release 1.5.0 by ada@laptop awaits approval since 2026-11-25T17:07:39Z"


def empty(**changes):
    """A host without a live color."""
    colors = {name: absent(name) for name in ("blue", "green")}
    return whole(**{"live": "", "idle": "", "release": "", "history": [], "colors": colors, **changes})


def test_a_whole_host():
    assert judge(whole()) == (HEALTHY, [])


def test_nothing_is_deployed():
    assert judge(empty()) == (HEALTHY, ["nothing is deployed"])


# Hosts that told nothing


def test_an_unreachable_host():
    told = "Failed to connect to the host via ssh: ssh: connect to host pi-5.lan port 22: No route to host"
    assert judge(UNREACHABLE) == (DEGRADED, [told])
    assert judge({"unreachable": True}) == (DEGRADED, ["it does not answer"])


def test_a_module_that_failed():
    assert judge(FAILED) == (DEGRADED, ["The Docker Engine at unix:///var/run/docker.sock does not answer: start it."])


def test_a_host_that_the_play_gave_up():
    assert judge({}) == (DEGRADED, ["its state could not be read; the error is shown above"])


# What is served


@pytest.mark.parametrize("health", ["stopped", "unhealthy"])
def test_a_live_web_that_does_not_serve(health):
    info = whole()
    info["colors"]["green"]["health"] = health
    assert judge(info) == (DEGRADED, [f"the web of green is {health}"])


def test_a_live_color_without_a_web():
    info = whole()
    info["colors"]["green"].update(health="absent", missing=[{"service": "web", "role": "web"}])
    assert judge(info) == (DEGRADED, ["green has no web"])


def test_no_color_is_live_while_containers_exist():
    info = empty(colors={"blue": color("blue", "1"), "green": color("green", "2", "exited")})
    assert judge(info) == (DEGRADED, ["no color is live, while there are containers of blue and green"])


def test_the_first_deployment_has_containers_and_no_live_color():
    colors = {"blue": color("blue", "1.5.0", "created"), "green": absent("green")}
    assert judge(empty(colors=colors, deployment=deployment("fetch"))).state == IN_PROGRESS


# What runs


@pytest.mark.parametrize("service", ["worker", "beat", "redis"])
@pytest.mark.parametrize("status", ["exited", "restarting", "created", "paused", "dead"])
def test_what_the_live_color_needs_does_not_run(service, status):
    info = whole()
    of(info, service)["status"] = status
    assert judge(info) == (DEGRADED, [f"{service} of green is {status}"])


def test_a_worker_that_its_own_check_calls_unhealthy():
    info = whole()
    of(info, "worker")["health"] = "unhealthy"
    assert judge(info) == (DEGRADED, ["worker of green is unhealthy"])


@pytest.mark.parametrize("health", ["", "healthy", "starting"])
def test_a_worker_that_runs(health):
    info = whole()
    of(info, "worker")["health"] = health
    assert judge(info).state == HEALTHY


def test_a_worker_that_runs_without_its_celery():
    info = whole()
    of(info, "worker").update(without_celery=True, health="unhealthy")
    assert judge(info) == (
        DEGRADED, ["shop-green-worker-1 runs, but no Celery in it (docker restart shop-green-worker-1)"]
    )
    assert judge({**info, "deployment": deployment("start_workers")}).state == IN_PROGRESS


def test_a_service_without_a_container():
    info = whole()
    info["colors"]["green"]["missing"] = [{"service": "beat", "role": "workers"}]
    assert judge(info) == (DEGRADED, ["green has no beat"])


def test_init_has_done_its_work_and_may_have_no_policy():
    info = whole()
    info["colors"]["green"]["containers"].append(container("green", "migrate", "init", "exited", policy="no"))
    assert judge(info).state == HEALTHY


def test_a_container_that_a_boot_would_not_bring_back():
    info = whole()
    for service in ("web", "redis"):
        of(info, service)["restart_policy"] = "no"
    assert judge(info) == (DEGRADED, ["redis, web of green would not start after a boot: no restart policy"])


def test_two_sets_of_workers():
    info = whole()
    info["colors"]["blue"] = color("blue", "1.4.1")
    assert judge(info) == (DEGRADED, ["workers of both colors run: worker, beat of blue beside those of green"])


def test_a_kept_color_is_stopped():
    info = whole()
    info["colors"]["blue"] = color("blue", "1.4.1", "exited")
    assert judge(info).state == HEALTHY


# Deployments


def test_a_deployment_that_awaits_approval():
    assert judge(awaiting()) == (IN_PROGRESS, [WAITS])


def test_one_that_was_not_taken_back_says_why():
    info = awaiting()
    info["deployment"]["not_taken_back"] = "the old color blue does not answer: connection refused"
    past = "after its timeout; not rolled back, because the old color blue does not answer: connection refused"
    assert judge(info) == (IN_PROGRESS, [f"{WAITS}, {past}"])


def test_one_that_goes_back_does_not_await_approval():
    info = awaiting()
    info["deployment"].update(going_back=True)
    assert "is being rolled back since" in judge(info).reasons[-1]


def test_an_old_web_that_is_stopped_for_want_of_memory_is_not_wrong():
    info = awaiting()
    info["deployment"]["old_web"] = "stopped"
    of(info, "web", "blue").update(status="exited", restart_policy="no")
    info["colors"]["blue"]["health"] = "stopped"
    assert judge(info) == (IN_PROGRESS, [WAITS])


def test_an_old_worker_that_finishes_its_tasks_while_approval_is_pending():
    info = awaiting()
    of(info, "worker", "blue")["status"] = "running"
    assert judge(info).state == IN_PROGRESS
    of(info, "worker", "blue")["restart_policy"] = "unless-stopped"
    assert judge(info) == (DEGRADED, ["workers of both colors run: worker of blue beside those of green", WAITS])


def test_what_is_wrong_while_approval_is_pending_comes_first():
    info = awaiting()
    of(info, "worker")["status"] = "exited"
    assert judge(info) == (DEGRADED, ["worker of green is exited", WAITS])


def test_in_the_middle_of_a_deployment_workers_may_stand_still():
    info = whole(deployment=deployment("health"))
    for service in ("worker", "beat"):
        of(info, service).update(status="exited", restart_policy="no")
    info["colors"]["blue"] = color("blue", "1.5.0")
    assert judge(info) == (IN_PROGRESS, ["release 1.5.0 by ada@laptop is in step health since 2026-11-25T17:07:39Z"])
    info["colors"]["green"]["health"] = "stopped"
    assert judge(info).state == DEGRADED


def test_a_deployment_whose_controller_is_gone():
    (reason,) = judge(whole(deployment=deployment("health", owner_alive=False))).reasons
    assert reason.endswith("is in step health since 2026-11-25T17:07:39Z, and its controller is gone")


def test_a_move_that_takes_long():
    (reason,) = judge(whole(deployment=deployment("handover", progress={"moved": 41200, "of": 100000}))).reasons
    assert reason.endswith("is in step handover since 2026-11-25T17:07:39Z, 41200 of 100000 tasks moved")


def test_a_deployment_that_goes_back_has_no_owner():
    (reason,) = judge(whole(deployment=deployment("cutover", owner_alive=False, going_back=True, release=""))).reasons
    assert reason == "release (none) by ada@laptop is being rolled back since 2026-11-25T17:07:39Z"


def test_a_deployment_that_failed_and_is_still_open():
    state, reasons = judge(whole(deployment=deployment("settle", result="failed", reason="Neither color is whole.")))
    assert (state, reasons[0]) == (DEGRADED, "the last deployment failed and needs attention: Neither color is whole.")
    assert len(reasons) == 2


def test_the_last_deployment_failed():
    info = whole(history=[ended(12, "1.4.1", "green"), ended(20, "1.4.2", "blue", "failed")])
    assert judge(info) == (DEGRADED, ["the last deployment failed and needs attention: no reason was recorded"])
    info["history"].append(ended(21, "1.4.3", "blue", "rolled_back"))
    assert judge(info).state == HEALTHY


def test_what_could_not_be_read():
    assert judge(whole(problems=["The journal cannot be read."])) == (DEGRADED, ["The journal cannot be read."])
