# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import settle
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._health import gate as health_gate
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._http import Answer
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import NullJournal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources import (
    host as host_resources,
    killed as resources_killed,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources.disk import MIB
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import consuming
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost

BUDGET = {"free": 200 * MIB, "web": 90 * MIB, "support": 10 * MIB, "workers": 80 * MIB, "app": 30 * MIB, "oom_kills": 3}


@pytest.mark.parametrize(
    "status, code, told, kills, journal, killed",
    [
        ("exited", 137, False, 4, {"memory_budget": BUDGET}, True),
        # Somebody else's kill -9.
        ("exited", 137, False, 3, {"memory_budget": BUDGET}, False),
        ("exited", 1, False, 4, {"memory_budget": BUDGET}, False),
        ("running", 137, False, 4, {"memory_budget": BUDGET}, False),
        # Memory was not measured.
        ("exited", 137, False, 4, {}, False),
        ("exited", 137, False, 4, {"memory_budget": None}, False),
        ("exited", 137, True, 3, {}, True),
    ],
)
def test_what_was_killed_for_memory(monkeypatch, status, code, told, kills, journal, killed):
    host = FakeHost()
    monkeypatch.setattr(host_resources, "oom_kills", lambda: kills)
    ended = inspect_container(
        host.engine, host.engine.add("worker", status=status, State__ExitCode=code, State__OOMKilled=told)
    )
    assert resources_killed.judged(ended, journal).oom_killed is killed


SAID = (
    " The kernel of this host has killed 1 process for lack of memory since the plan. Going by the old containers, "
    "the plan expected 100 MiB for the new web and its support services and 80 MiB for the new workers, and 200 MiB "
    "were free then: this release needs more, or something else on this host used the memory."
)


def test_a_container_that_was_killed_for_memory_right_after_its_start_is_named_with_the_figures(monkeypatch):
    host = FakeHost()
    monkeypatch.setattr(host_resources, "oom_kills", lambda: 4)
    started = inspect_container(host.engine, host.engine.add("worker", color="green"))
    host.engine.inspected["green-worker"]["State"].update(Status="exited", ExitCode=137)
    with pytest.raises(BluegreenError) as failure:
        consuming.still_up(host, started, {"memory_budget": BUDGET})
    assert failure.value.message == (
        f"Container shop-green-worker-1 was killed for memory right after its start; its last log lines follow.{SAID}"
    )
    monkeypatch.setattr(host_resources, "oom_kills", lambda: 3)
    with pytest.raises(
        BluegreenError, match="ended with exit code 137 right after its start; its last log lines follow.$"
    ):
        consuming.still_up(host, started, {"memory_budget": BUDGET})


@pytest.mark.parametrize(
    "status, how", [("running", "did not become healthy within 3 s"), ("exited", "was killed for memory before")]
)
def test_a_web_whose_processes_are_killed_one_after_the_other_is_told_of_too(monkeypatch, status, how):
    """gunicorn starts its workers again and again, so the container goes on running."""
    host, journal = FakeHost(), NullJournal()
    journal.data = {"memory_budget": BUDGET}
    journal.get = journal.data.get
    monkeypatch.setattr(host_resources, "oom_kills", lambda: 4)
    monkeypatch.setattr(health_gate._http, "ask", lambda *given: Answer(0, "timed out after 2 s", 2.0))
    web = inspect_container(host.engine, host.engine.add("web", color="green"))
    host.engine.inspected["green-web"]["State"].update(Status=status, ExitCode=137)
    with pytest.raises(BluegreenError) as failure:
        health_gate.wait_healthy(
            host, journal, health_gate.HealthSettings("http://127.0.0.1:18002/", deadline=3.0), [web]
        )
    assert how in failure.value.message and failure.value.message.endswith(SAID)


def test_beats_that_fell_before_the_approval_are_told_apart(monkeypatch, tmp_path):
    scene = Scene(monkeypatch, tmp_path)
    scene.color("blue", worker="exited", beat="exited")
    scene.color("green", worker="exited", beat="exited")
    scene.engine.inspected["green-beat"]["State"]["ExitCode"] = 137
    journal = scene.deployment("start_workers", memory_budget=BUDGET)
    monkeypatch.setattr(host_resources, "oom_kills", lambda: 4)
    params = {"deployment_id": "dep-1", "epoch": journal["epoch"], "approval_timeout": 0, "on_timeout": "keep"}
    with pytest.raises(BluegreenError) as failure:
        settle.settle(scene.host, scene.store, params, check_mode=False)
    assert failure.value.message == (
        "shop-green-beat-1 (killed for memory) and shop-green-worker-1 of the new color exited after the start: their "
        f"last log lines follow. Correct the cause, then deploy again.{SAID}"
    )
