# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import beat_schedule
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import BEAT, WORKER, WorkerHost


@pytest.mark.parametrize(
    "command, path",
    [
        (["celery", "-A", "shop", "beat"], ""),
        (["celery", "-A", "shop", "beat", "-s", "/data/ticks"], "/data/ticks"),
        (["celery", "-A", "shop", "beat", "--schedule=/data/ticks"], "/data/ticks"),
        (["celery", "-A", "shop", "worker", "-B", "--schedule-filename", "ticks"], "ticks"),
        (["sh", "-c", "sleep 1 && exec celery -A shop beat -s '/data/ticks'"], "/data/ticks"),
        (["celery", "beat", "-s"], ""),
    ],
)
def test_what_a_command_names(command, path):
    assert beat_schedule.path_in_command(command) == path


def inspected(*args, folder="/srv/shop", mounts=()):
    return {"Path": "celery", "Args": list(args), "Config": {"WorkingDir": folder}, "Mounts": list(mounts)}


def mount(destination, source="volume", writable=True):
    return {"Destination": destination, "Source": source, "RW": writable}


@pytest.mark.parametrize(
    "data, path",
    [
        (inspected("beat"), "/srv/shop/celerybeat-schedule"),
        (inspected("beat", folder=""), "/celerybeat-schedule"),
        (inspected("beat", "-s", "../run/ticks"), "/srv/run/ticks"),
        (inspected("beat", "-s", "/run/ticks"), "/run/ticks"),
    ],
)
def test_where_it_is_expected(data, path):
    assert beat_schedule.expected_path(data) == path


def test_files_are_found_wherever_they_lie():
    changed = [
        "/srv",
        "/srv/shop/celerybeat-schedule.db",
        "/tmp/nightly-beat_schedule",
        "/srv/shop/beat_schedule.py",
        "/srv/shop/celerybeat.pid",
    ]
    assert beat_schedule.files_to_carry(inspected("beat"), changed) == [
        "/srv/shop/celerybeat-schedule.db",
        "/tmp/nightly-beat_schedule",
    ]
    assert beat_schedule.files_to_carry(inspected("beat", "-s", "/data/ticks"), ["/data/ticks"]) == ["/data/ticks"]


def test_on_a_volume_it_is_looked_for_where_the_command_puts_it():
    data = inspected("beat", "-s", "/data/ticks", mounts=[mount("/data")])
    assert "/data/ticks" in beat_schedule.files_to_carry(data, [])
    assert beat_schedule.files_to_carry(inspected("beat", mounts=[mount("/database")]), []) == []


@pytest.mark.parametrize(
    "source, target, goal",
    [
        (inspected("beat"), inspected("beat"), "/srv/shop/celerybeat-schedule"),
        (inspected("beat"), inspected("beat", folder="/app"), "/app/celerybeat-schedule"),
        (inspected("beat"), inspected("beat", "-s", "/data/other"), ""),
        (inspected("beat", mounts=[mount("/srv")]), inspected("beat", mounts=[mount("/srv")]), ""),
        (
            inspected("beat", mounts=[mount("/srv", "blue")]),
            inspected("beat", mounts=[mount("/srv", "green")]),
            "/srv/shop/celerybeat-schedule",
        ),
        (inspected("beat"), inspected("beat", mounts=[mount("/srv", writable=False)]), ""),
    ],
    ids=["the same", "another folder", "another name", "one volume", "a volume each", "nothing to write to"],
)
def test_where_it_goes(source, target, goal):
    assert beat_schedule.target_of("/srv/shop/celerybeat-schedule", source, target) == goal


@pytest.fixture
def host():
    fake = WorkerHost()
    fake.engine.add("beat", status="exited", **BEAT)
    fake.engine.add("worker", status="exited", **WORKER)
    fake.engine.add("beat", color="green", status="created", **BEAT)
    fake.engine.add("worker", color="green", status="created", **WORKER)
    fake.engine.files["blue-beat"] = {"/celerybeat-schedule": "ticks"}
    return fake


def carry(host):
    return beat_schedule.carry_schedule(
        host, of_project(host.engine, "shop-blue"), of_project(host.engine, "shop-green")
    )


def test_from_beat_to_beat(host):
    assert carry(host) == ["/celerybeat-schedule"]
    assert host.engine.files["green-beat"] == {"/celerybeat-schedule": "ticks"}
    assert "green-worker" not in host.engine.files


def test_the_engine_compares_no_file_systems_where_it_lies_as_expected(host):
    carry(host)
    assert host.engine.listed == []


@pytest.mark.parametrize(
    "named", [{}, {"/celerybeat-schedule": "of the image"}], ids=["none there", "one of the image"]
)
def test_one_in_another_place_is_searched_for(host, named):
    host.engine.files["blue-beat"] = {**named, "/var/beat_schedule": "ticks"}
    host.engine.changed["/celerybeat-schedule"] = "2026-11-22T11:00:00+01:00"
    assert "/var/beat_schedule" in carry(host)
    assert host.engine.listed == ["blue-beat"]


def test_a_beat_under_another_name_is_the_same_when_it_is_the_only_one(host):
    host.engine.inspected["blue-beat"]["Config"]["Labels"]["com.docker.compose.service"] = "scheduler"
    assert carry(host) == ["/celerybeat-schedule"]


@pytest.mark.parametrize("running", ["blue-beat", "green-beat"])
def test_one_that_runs_is_left_alone(host, running):
    host.engine.inspected[running]["State"]["Status"] = "running"
    assert carry(host) == []


def test_without_a_file_there_is_nothing_to_do(host):
    host.engine.files.clear()
    assert (carry(host), host.calls, host.warnings) == ([], [], [])


def test_a_container_that_takes_nothing_is_a_warning(host):
    def refuse(_container, _folder, _archive):
        raise EngineError("container rootfs is marked read-only", 403)

    host.engine.unpack = refuse
    assert carry(host) == []
    assert "could not be copied to shop-green-beat-1 (container rootfs is marked read-only)" in host.warnings[0]
