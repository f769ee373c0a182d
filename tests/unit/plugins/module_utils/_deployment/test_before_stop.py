# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import before_stop
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.before_stop import run_before_stop
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.start_candidate import start
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources import memory_budget
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources.disk import MIB
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import Notes, WorkerHost

# 30 MiB of a loaded app and 10 of Redis, and 64 to spare.
BUDGET = memory_budget.record(memory_budget.Room(0, 90 * MIB, 10 * MIB, 80 * MIB, 30 * MIB), oom_kills=0)


@pytest.fixture
def host(monkeypatch):
    fake = WorkerHost()
    monkeypatch.setattr(before_stop, "available_memory", lambda: fake.memory * MIB)
    fake.memory = 104
    fake.engine.add("redis", status="created", Path="redis-server")
    for service in ("collect", "migrate"):
        fake.engine.add(service, status="created")
        ends(fake, service, after=4)
    fake.engine.add("web", status="created")
    return fake


def ends(host, service, after, code=0):
    """What such a container does once it has been started."""
    begin = host.engine.start

    def start_it(container):
        begin(container)
        if container == f"blue-{service}":
            host.engine.ends[container] = (host.clock.now + after, code)

    host.engine.start = start_it


@pytest.fixture
def journal(host):
    notes = Notes(host)
    notes.data["memory_budget"] = BUDGET
    return notes


def roles(host, **services):
    services = services or {"support": ["redis"], "init": ["collect", "migrate"]}
    return {role: of_project(host.engine, "shop-blue", names) for role, names in services.items()}


def run(host, journal, timeout=20):
    return run_before_stop(host, journal, roles(host), timeout, None)


def test_the_order_and_the_weights(host, journal):
    assert run(host, journal).started == ["shop-blue-redis-1", "shop-blue-collect-1", "shop-blue-migrate-1"]
    assert [call for call in host.calls if call[0].startswith(("note", "weight", "start"))] == [
        # Written down before the first weight is lowered, and before the first start.
        ("note", "cpu_shares"),
        ("weight 256", "blue-collect"),
        ("weight 256", "blue-migrate"),
        ("start", "blue-redis"),
        ("start", "blue-collect"),
        ("start", "blue-migrate"),
        ("weight 1024", "blue-collect"),
        ("weight 1024", "blue-migrate"),
        ("note", "cpu_shares"),
    ]
    assert set(journal.policies) == {"blue-redis", "blue-collect", "blue-migrate"}


def test_what_has_run_does_not_run_again_with_the_rest(host, journal):
    run(host, journal)
    everything = roles(host, support=["redis"], init=["collect", "migrate"], web=["web"])
    assert start(host, journal, everything).started == ["shop-blue-web-1"]


def test_one_that_its_owner_gave_less_keeps_that(host, journal):
    host.engine.inspect("blue-migrate")["HostConfig"]["CpuShares"] = 100
    run(host, journal)
    assert [name for verb, name in host.calls if verb == "weight 256"] == ["blue-collect"]


def test_a_low_weight_keeps_none_from_its_end(host, journal):
    ends(host, "collect", after=30)
    assert len(run(host, journal).started) == 3
    # It gets its own weight back while it runs.
    assert host.calls.index(("weight 1024", "blue-collect")) < host.calls.index(("start", "blue-migrate"))


def test_where_the_memory_does_not_suffice_any_more_nothing_starts(host, journal):
    host.memory = 103
    assert run(host, journal).started == []
    assert not [call for call in host.calls if call[0] != "note"]
    assert host.warnings == [
        "An init service of the new release needs 104 MiB of memory, and 103 MiB are free now, so the old workers stop "
        "before the start of shop-blue-collect-1, shop-blue-migrate-1."
    ]


def test_what_nobody_has_measured_is_not_too_much(host, journal):
    host.memory, journal.data["memory_budget"] = 0, None
    assert len(run(host, journal).started) == 3


def test_one_that_fails_fails_the_step_and_leaves_the_weights_to_the_way_back(host, journal):
    ends(host, "collect", after=1, code=3)
    with pytest.raises(BluegreenError, match="shop-blue-collect-1 ended with exit code 3") as caught:
        run(host, journal)
    assert caught.value.details["logs"] == {"shop-blue-collect-1": ["last line of blue-collect"]}
    assert ("start", "blue-migrate") not in host.calls
    assert set(journal.data["cpu_shares"]) == {"blue-collect", "blue-migrate"}
