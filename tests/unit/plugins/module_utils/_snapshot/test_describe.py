# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot import describe as snapshot_describe
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost

POLICY = {"Name": "always", "MaximumRetryCount": 0}
ID = "0123456789abcdef" * 4


def inspected(**changes):
    """A worker as an engine of version 20.10 shows it; ``changes`` are ``section__key=value``."""
    engine = FakeHost().engine
    data = engine.inspected[engine.add("worker", status="exited", **changes)]
    data["Id"] = ID
    return data


def described(**changes):
    return snapshot_describe.describe(inspected(**changes), POLICY)


def body(ids=None, volumes=(), **changes):
    return snapshot_describe.create_body(described(**changes), "registry/worker:1", ids or {}, volumes)


def test_what_is_needed_and_which_one_it_is():
    found = described(Config__Env=["SECRET=a=b"], HostConfig__Memory=1024)
    assert {key: found[key] for key in ("id", "name", "service", "image", "config_hash", "ran")} == {
        "id": ID,
        "name": "shop-blue-worker-1",
        "service": "worker",
        "image": "sha256:worker-1",
        "config_hash": "hash-worker",
        "ran": True,
    }
    assert found["body"]["Env"] == ["SECRET=a=b"]
    assert found["body"]["Labels"]["com.docker.compose.config-hash"] == "hash-worker"
    assert found["body"]["HostConfig"]["Memory"] == 1024
    assert found["body"]["HostConfig"]["RestartPolicy"] == POLICY


def test_the_source_is_left_as_it_was():
    data = inspected(Config__Hostname=ID[:12])
    before = copy.deepcopy(data)
    snapshot_describe.describe(data, POLICY)
    assert data == before


@pytest.mark.parametrize("status, code, ran", [("exited", 0, True), ("exited", 1, False), ("running", 0, False)])
def test_who_has_done_its_work(status, code, ran):
    state = {"Status": status, "Pid": 0, "ExitCode": code, "OOMKilled": False, "StartedAt": "2026-11-23T10:00:00Z"}
    assert described(State=state)["ran"] is ran


@pytest.mark.parametrize("name, kept", [("named", True), (ID[:12], False)])
def test_a_hostname_that_the_engine_made_of_the_id_is_made_again(name, kept):
    assert ("Hostname" in described(Config__Hostname=name)["body"]) is kept


def test_addresses_go_and_what_was_chosen_stays():
    networks = {
        "shop-blue_default": {
            "IPAMConfig": {"IPv4Address": "198.18.0.9"},
            "Links": ["shop-blue-redis-1:cache"],
            "Aliases": ["worker", "queue-worker", ID[:12]],
            "NetworkID": "abc",
            "IPAddress": "198.18.0.9",
            "MacAddress": "02:42:c6:12:00:09",
            "DriverOpts": None,
        },
        "outside": {"IPAMConfig": {}, "Links": None, "Aliases": [ID[:12]], "NetworkID": "def"},
        "bridge": {"NetworkID": "ghi"},
    }
    found = described(NetworkSettings__Networks=networks)
    chosen = {
        "IPAMConfig": {"IPv4Address": "198.18.0.9"},
        "Links": ["shop-blue-redis-1:cache"],
        "Aliases": ["worker", "queue-worker"],
    }
    assert found["endpoints"] == {"shop-blue_default": chosen, "outside": {}}
    # Before API 1.44 a request may name one network alone.
    made = snapshot_describe.create_body(found, "registry/worker:1", {}, ())
    assert made["NetworkingConfig"] == {"EndpointsConfig": {"shop-blue_default": chosen}}


@pytest.mark.parametrize("mode", ["host", "none", "default", "bridge"])
def test_the_engines_own_networks_take_no_settings(mode):
    made = body(HostConfig__NetworkMode=mode, NetworkSettings__Networks={mode: {"NetworkID": "ghi"}})
    assert "NetworkingConfig" not in made
    assert made["HostConfig"]["NetworkMode"] == mode


def test_who_lives_in_another_containers_namespaces_follows_it():
    changes = {
        "HostConfig__NetworkMode": "container:old",
        "HostConfig__PidMode": "container:other",
        "HostConfig__IpcMode": "shareable",
        "HostConfig__VolumesFrom": ["old:ro", "by-name"],
        "NetworkSettings__Networks": {},
        "Config__Hostname": "of-the-other",
        "Config__ExposedPorts": {"8000/tcp": {}},
    }
    assert snapshot_describe.depends_on(described(**changes)) == {"old", "other", "by-name"}
    made = body({"old": "new"}, **changes)
    assert made["HostConfig"]["NetworkMode"] == "container:new"
    assert made["HostConfig"]["PidMode"] == "container:other"
    assert made["HostConfig"]["IpcMode"] == "shareable"
    assert made["HostConfig"]["VolumesFrom"] == ["new:ro", "by-name"]
    # The engine refuses both in another one's network.
    assert "Hostname" not in made and "ExposedPorts" not in made


def test_who_has_namespaces_of_its_own_depends_on_nobody():
    assert snapshot_describe.depends_on(described()) == set()


def mount(target, name, kind="volume"):
    source = f"/var/lib/docker/volumes/{name}/_data"
    return {"Type": kind, "Name": name, "Source": source, "Destination": target, "RW": True}


VOLUMES = {
    "Config__Volumes": {"/of-the-image": {}, "/named-too": {}},
    "HostConfig__Binds": ["shop-blue_data:/named-too:rw", "/etc/app:/etc/app:ro"],
    "HostConfig__Mounts": [
        {"Type": "volume", "Target": "/of-compose", "VolumeOptions": {}},
        {"Type": "volume", "Source": "shop-blue_state", "Target": "/state"},
        {"Type": "tmpfs", "Target": "/scratch"},
    ],
    "Mounts": [
        mount("/of-the-image", "aaa"),
        mount("/named-too", "shop-blue_data"),
        mount("/of-compose", "bbb"),
        mount("/state", "shop-blue_state"),
        {"Type": "bind", "Source": "/etc/app", "Destination": "/etc/app", "RW": False},
        {"Type": "tmpfs", "Source": "", "Destination": "/scratch", "RW": True},
    ],
}


def test_a_volume_without_a_name_comes_back_with_what_is_in_it():
    made = body(volumes={"aaa", "bbb"}, **VOLUMES)
    assert made["HostConfig"]["Mounts"] == [
        {"Type": "volume", "Target": "/of-compose", "VolumeOptions": {}, "Source": "bbb"},
        {"Type": "volume", "Source": "shop-blue_state", "Target": "/state"},
        {"Type": "tmpfs", "Target": "/scratch"},
        {"Type": "volume", "Source": "aaa", "Target": "/of-the-image"},
    ]
    assert made["HostConfig"]["Binds"] == VOLUMES["HostConfig__Binds"]


def test_a_volume_that_is_gone_too_is_made_anew_by_the_engine():
    assert body(volumes={"bbb"}, **VOLUMES)["HostConfig"]["Mounts"][0]["Source"] == "bbb"
    assert len(body(volumes={"bbb"}, **VOLUMES)["HostConfig"]["Mounts"]) == 3
    assert body(**VOLUMES)["HostConfig"]["Mounts"] == VOLUMES["HostConfig__Mounts"]


def test_a_network_is_asked_for_as_it_was():
    shown = {
        "Name": "shop-blue_default",
        "Id": "abc",
        "Created": "2026-11-23T10:00:00Z",
        "Scope": "local",
        "Driver": "bridge",
        "EnableIPv6": False,
        "IPAM": {
            "Driver": "default",
            "Options": None,
            "Config": [{"Subnet": "172.20.0.0/16", "Gateway": "172.20.0.1"}],
        },
        "Internal": False,
        "Attachable": True,
        "Ingress": False,
        "Containers": {"c": {}},
        "Options": {"com.docker.network.bridge.enable_icc": "true"},
        "Labels": {"com.docker.compose.network": "default"},
    }
    asked = snapshot_describe.describe_network(
        {**shown, "IPAM": {**shown["IPAM"], "Config": [{**shown["IPAM"]["Config"][0], "IPRange": ""}]}}
    )
    left_out = {"Id", "Created", "Scope", "Containers", "Ingress"}
    assert asked == {"CheckDuplicate": True, **{key: value for key, value in shown.items() if key not in left_out}}
