# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._process import Process
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import container_roles
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers.start import restart_workers
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers.stop import stop_workers
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import (
    BEAT,
    WORKER,
    Notes,
    WorkerBroker,
    WorkerHost,
    workers_of,
)


@pytest.fixture
def host():
    fake = WorkerHost()
    fake.engine.add("beat", **BEAT)
    fake.engine.add("worker", **WORKER)
    return fake


@pytest.fixture
def journal(host):
    return Notes(host)


def running(host):
    return [container.name for container in workers_of(host) if container.running]


def test_the_very_same_containers_run_again_workers_first(host, journal):
    stop_workers(host, journal, workers_of(host), 30)
    host.calls.clear()
    broker = WorkerBroker(consumes=["10.0.0.2"])
    assert restart_workers(host, journal, workers_of(host), 30, broker) == ["shop-blue-worker-1", "shop-blue-beat-1"]
    assert [call for call in host.calls if call[0] != "note"] == [
        ("start", "blue-worker"),
        ("policy unless-stopped", "blue-worker"),
        ("start", "blue-beat"),
        ("policy unless-stopped", "blue-beat"),
    ]
    assert journal.data["signalled"] == []


def test_one_that_still_finishes_is_waited_for_and_then_started(host, journal):
    host.engine.finishes_after["blue-worker"] = 50
    with pytest.raises(BluegreenError):
        stop_workers(host, journal, workers_of(host), 30)
    before = host.engine.inspect("blue-worker")["State"]["StartedAt"]
    restart_workers(host, journal, workers_of(host), 120, WorkerBroker(consumes=["10.0.0.2"]))
    assert running(host) == ["shop-blue-beat-1", "shop-blue-worker-1"]
    assert host.engine.inspect("blue-worker")["State"]["StartedAt"] != before


def test_one_that_never_ends_is_named_and_all_others_run(host, journal):
    host.engine.finishes_after["blue-worker"] = None
    with pytest.raises(BluegreenError):
        stop_workers(host, journal, workers_of(host), 30)
    with pytest.raises(BluegreenError, match="shop-blue-worker-1 was told to finish and still runs after 60 s"):
        restart_workers(host, journal, workers_of(host), 60)
    assert "shop-blue-beat-1" in running(host)
    assert journal.data["signalled"] == ["blue-worker"]
    # It has had its signal. Once it has ended, the next run starts it.
    host.calls.clear()
    host.engine.ends["blue-worker"] = (host.clock.now + 1, 0)
    assert restart_workers(host, journal, workers_of(host), 60) == ["shop-blue-worker-1"]
    assert not [call for call in host.calls if call[0].startswith("kill")]


def test_one_that_was_never_signalled_only_gets_its_policy_back(host, journal):
    container = workers_of(host)[1]
    journal.note_policy(container)
    host.engine.set_restart_policy(container.id, {"Name": "no"})
    host.calls.clear()
    assert restart_workers(host, journal, workers_of(host), 30) == []
    assert [call for call in host.calls if call[0] != "note"] == [("policy unless-stopped", "blue-worker")]


def test_recorded_but_not_sent_is_signalled_again(host, journal):
    journal.note(signalled=["blue-worker", "blue-beat"])
    restart_workers(host, journal, workers_of(host), 30, WorkerBroker(consumes=["10.0.0.2"]))
    assert ("kill SIGTERM", "blue-worker") in host.calls
    assert running(host) == ["shop-blue-beat-1", "shop-blue-worker-1"]


@pytest.fixture
def four(host):
    """Beside worker and beat two more workers, all stopped by a deployment."""
    for service in ("printer", "zips"):
        host.engine.add(service, **WORKER)
    return host


def stopped_by_a_deployment(host, journal):
    stop_workers(host, journal, workers_of(host), 30)
    host.calls.clear()


@pytest.mark.parametrize("trouble", ["does not start", "crashes at its start", "does not consume"])
def test_one_that_fails_keeps_no_other_and_no_beat_down(four, journal, monkeypatch, trouble):
    host = four
    stopped_by_a_deployment(host, journal)
    broker = WorkerBroker(consumes=["10.0.0.2"])
    addresses = {name: f"10.0.1.{number}" for number, name in enumerate(("beat", "printer", "worker", "zips"))}
    for name, address in addresses.items():
        networks = host.engine.inspect(f"blue-{name}")["NetworkSettings"]["Networks"]
        next(iter(networks.values()))["IPAddress"] = address
    broker = WorkerBroker(consumes=[addresses["worker"], addresses["zips"]])
    if trouble == "does not start":
        host.engine.refuse = {"blue-printer"}
    elif trouble == "crashes at its start":
        host.engine.crashes_after["blue-printer"] = 0.2
    with pytest.raises(BluegreenError, match="shop-blue-printer-1"):
        restart_workers(host, journal, workers_of(host), 20, broker)
    expected = ["shop-blue-beat-1", "shop-blue-worker-1", "shop-blue-zips-1"]
    assert [name for name in running(host) if name != "shop-blue-printer-1"] == expected
    assert [host.engine.policy(f"blue-{name}") for name in ("beat", "worker", "zips")] == ["unless-stopped"] * 3
    assert host.engine.policy("blue-printer") == "no"
    # The next try signals none of those that work, and brings back what is missing.
    before = len(host.calls)
    host.engine.refuse, host.engine.crashes_after = set(), {}
    broker.consumes.append(addresses["printer"])
    restart_workers(host, journal, workers_of(host), 20, broker)
    assert not [call for call in host.calls[before:] if call[0].startswith("kill")]
    assert running(host) == sorted([*expected, "shop-blue-printer-1"])
    assert host.engine.policy("blue-printer") == "unless-stopped"


def test_one_that_was_started_right_before_its_module_was_killed_is_not_told_to_finish(host, journal):
    stopped_by_a_deployment(host, journal)
    told, signalled = dict(journal.data["told"]), list(journal.data["signalled"])
    host.engine.start("blue-worker")
    journal.data.update(told=told, signalled=signalled)
    host.calls.clear()
    restart_workers(host, journal, workers_of(host), 20, WorkerBroker(consumes=["10.0.0.2"]))
    assert not [call for call in host.calls if call[0].startswith("kill")]


def test_what_a_script_runs_is_known_when_it_has_stopped(host, journal, monkeypatch):
    host.engine.add("jobs", Path="/entry.sh", Args=[])
    host.engine.inspect("blue-jobs")["State"]["Pid"] = 70
    beat = Process(70, 1, "celery", ["celery", "-A", "shop", "beat"])
    monkeypatch.setattr(container_roles, "processes_of", lambda pid: [beat] if pid == 70 else [])
    stop_workers(host, journal, workers_of(host), 30)
    assert journal.data["worker_roles"] == {"beat": "beat", "worker": "worker", "jobs": "beat"}
    host.calls.clear()
    restart_workers(host, journal, workers_of(host), 20, WorkerBroker(consumes=["10.0.0.2"]))
    assert [call[1] for call in host.calls if call[0] == "start"] == ["blue-worker", "blue-beat", "blue-jobs"]
