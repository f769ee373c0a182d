# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that are removed while they are stopped, and created again: the same in every field but what is the
engine's own.
"""

from __future__ import annotations

import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._snapshot import restore as snapshot_restore

SLEEP = ["/bin/sh", "-c", "trap 'exit 0' TERM; while sleep 0.1; do :; done"]
# What the engine chooses for each container anew: an id, addresses, the time, where its files lie.
OWN = {
    "Id",
    "Created",
    "State",
    "GraphDriver",
    "LogPath",
    "HostnamePath",
    "HostsPath",
    "ResolvConfPath",
    "SandboxID",
    "SandboxKey",
    "EndpointID",
    "NetworkID",
    "MacAddress",
    "IPAddress",
    "DNSNames",
    "Containers",
    # Which one was free.
    "HostPort",
}


def worker_of(shop):
    default = shop.network("default", Attachable=True, Options={"com.docker.network.bridge.enable_icc": "true"})
    subnet = shop.free_subnet()
    fixed = shop.network("fixed", Internal=True, IPAM={"Config": [{"Subnet": str(subnet)}]})
    worker = shop.create(
        "worker",
        {
            "Entrypoint": SLEEP,
            "Cmd": [],
            "Env": ["SECRET=a b=c $HOME", "EMPTY="],
            "User": "1000:1000",
            "WorkingDir": "/var",
            "Hostname": "named",
            "StopSignal": "SIGTERM",
            "StopTimeout": 70,
            "ExposedPorts": {"8000/tcp": {}, "9000/tcp": {}},
            "Volumes": {"/of-the-image": {}},
            "Healthcheck": {
                "Test": ["CMD-SHELL", "test -e /state"],
                "Interval": 7_000_000_000,
                "Timeout": 2_000_000_000,
                "Retries": 5,
                "StartPeriod": 3_000_000_000,
            },
            "HostConfig": {
                "NetworkMode": default,
                "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 4},
                "PortBindings": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]},
                "Binds": [f"{shop.volume('state')}:/state:rw", "/etc/hostname:/etc/given:ro"],
                "Mounts": [{"Type": "volume", "Target": "/anonymous", "VolumeOptions": {}}],
                "Tmpfs": {"/scratch": "size=1m"},
                "ExtraHosts": ["elsewhere:192.0.2.7"],
                "Dns": ["192.0.2.53"],
                "Memory": 96 * 1024 * 1024,
                "MemoryReservation": 48 * 1024 * 1024,
                "NanoCpus": 500_000_000,
                "CpuShares": 512,
                "PidsLimit": 64,
                "ShmSize": 16 * 1024 * 1024,
                # Not nofile: Go's runtime sets that when runc starts, and in one of thirty docker exec it is the last.
                "Ulimits": [{"Name": "core", "Soft": 1000, "Hard": 2000}],
                "CapDrop": ["NET_RAW"],
                "GroupAdd": ["4"],
                "SecurityOpt": ["no-new-privileges:true"],
                "ReadonlyRootfs": True,
                "Init": True,
                "Sysctls": {"net.core.somaxconn": "256"},
                "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
            },
            "NetworkingConfig": {"EndpointsConfig": {default: {"Aliases": ["worker", "queue-worker"]}}},
        },
    )
    shop.engine.connect(
        fixed, worker, {"Aliases": ["fixed-worker"], "IPAMConfig": {"IPv4Address": str(subnet[9])}}
    )
    shop.engine.start(worker)
    return worker


def remember(shop):
    containers = shop.color().containers
    snapshot_restore.remember(shop.host, shop.store, "blue", "1", containers, lambda container: container.restart_policy)


def restore(shop, journal):
    return snapshot_restore.restore_missing(shop.host, shop.store, journal, shop.color())


def differences(before, after, path=""):
    if isinstance(before, dict) and isinstance(after, dict):
        keys = {*before, *after} - OWN
        return [each for key in sorted(keys) for each in differences(before.get(key), after.get(key), f"{path}.{key}")]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [each for pair in zip(before, after) for each in differences(*pair, path)]
    return [] if before == after else [(path, before, after)]


def without_ids(data):
    """Inspect data without what names the container by its id, and with mounts in one order."""
    short = data["Id"][:12]
    for network in data["NetworkSettings"]["Networks"].values():
        network["Aliases"] = sorted(set(network["Aliases"] or ()) - {short})
    data["Mounts"].sort(key=lambda mount: mount["Destination"])
    for mount in data["Mounts"]:
        # What SELinux is told of a volume, where there is one, and another word for nothing.
        mount["Mode"] = mount["Mode"].replace("z", "")
    return data


def test_a_container_comes_back_the_same_in_every_field(shop):
    worker_of(shop)
    remember(shop)
    journal = shop.deployment()
    assert shop.execute("worker", "sh", "-c", "id -u; cat /proc/self/limits | grep -c '1000  *2000'") == (0, "1000\n1")
    before = without_ids(shop.inspected()["worker"])
    networks = {name: shop.engine.network(f"{shop.name}_{name}") for name in ("default", "fixed")}
    assert before["NetworkSettings"]["Ports"]["8000/tcp"]
    shop.stop("worker")
    shop.prune()
    assert shop.inspected() == {}
    assert shop.engine.network(f"{shop.name}_default") is None

    assert restore(shop, journal) is True
    created = shop.color().containers[0]
    assert (created.status, created.restart_policy) == ("created", {"Name": "on-failure", "MaximumRetryCount": 4})
    shop.engine.start(created.id)
    after = without_ids(shop.inspected()["worker"])
    # A volume that had no name is named now, or another one would be mounted; it is the same one.
    anonymous = {mount["Destination"]: mount["Name"] for mount in before["Mounts"] if "Name" in mount}
    assert after["HostConfig"].pop("Mounts") == [
        {"Type": "volume", "Target": "/anonymous", "VolumeOptions": {}, "Source": anonymous["/anonymous"]},
        {"Type": "volume", "Target": "/of-the-image", "Source": anonymous["/of-the-image"]},
    ]
    del before["HostConfig"]["Mounts"]
    assert differences(before, after) == []
    address = networks["fixed"]["IPAM"]["Config"][0]["Subnet"].replace(".0/24", ".9")
    assert after["NetworkSettings"]["Networks"][f"{shop.name}_fixed"]["IPAddress"] == address
    for name, network in networks.items():
        assert differences(network, shop.engine.network(f"{shop.name}_{name}")) == []
    assert shop.execute("worker", "sh", "-c", 'echo "$SECRET"; hostname; grep -c elsewhere /etc/hosts') == (
        0, "a b=c $HOME\nnamed\n1"
    )
    # Nobody reads the secret but root, and it is in no command line.
    assert os.stat(shop.store.path("containers.json")).st_mode & 0o777 == 0o600
    assert not [line for line in shop.host.commands if "a b=c" in line]


def test_a_second_time_and_after_a_restart_nothing_is_left_to_do(shop):
    worker_of(shop)
    remember(shop)
    journal = shop.deployment()
    shop.stop("worker")
    shop.prune()
    restore(shop, journal)
    ids = {each.id for each in shop.color().containers}
    # Created and never started, then started, then stopped: its networks are its own each time.
    for change in (lambda container: None, shop.engine.start, shop.engine.stop):
        change(next(iter(ids)))
        shop.host.commands.clear()
        assert restore(shop, journal) is False
        assert shop.host.commands == []
    assert {each.id for each in shop.color().containers} == ids


def test_what_was_in_a_volume_without_a_name_is_there_again(shop):
    shop.create("worker", {"Entrypoint": SLEEP, "User": "0", "Volumes": {"/data": {}}, "HostConfig": {}})
    remember(shop)
    journal = shop.deployment()
    shop.engine.start(shop.color().containers[0].id)
    assert shop.execute("worker", "sh", "-c", "echo tasks > /data/dump.rdb")[0] == 0
    shop.stop("worker")
    # It was not running yet when it was described.
    remember(shop)
    shop.prune()
    restore(shop, journal)
    shop.engine.start(shop.color().containers[0].id)
    assert shop.execute("worker", "cat", "/data/dump.rdb") == (0, "tasks")


def test_a_stopped_container_whose_network_is_gone_starts_in_the_new_one(shop):
    worker = worker_of(shop)
    remember(shop)
    journal = shop.deployment()
    before = without_ids(shop.inspected()["worker"])
    shop.stop("worker")
    for name in ("default", "fixed"):
        shop.engine.remove_network(f"{shop.name}_{name}")
    assert restore(shop, journal) is True
    shop.engine.start(worker)
    after = without_ids(shop.inspected()["worker"])
    assert after["Id"] == worker
    assert differences(before, after) == []


def test_who_lives_in_another_ones_network_follows_it(shop):
    worker = shop.create("worker", {"Entrypoint": SLEEP, "Hostname": "named", "HostConfig": {}})
    shop.create("beside", {"Entrypoint": SLEEP, "HostConfig": {"NetworkMode": f"container:{worker}"}})
    for container in (worker, *(each.id for each in shop.color().containers if each.service == "beside")):
        shop.engine.start(container)
    remember(shop)
    journal = shop.deployment()
    shop.stop("worker", "beside")
    shop.prune()
    restore(shop, journal)
    by_service = shop.inspected()
    assert by_service["beside"]["HostConfig"]["NetworkMode"] == f"container:{by_service['worker']['Id']}"
    for service in ("worker", "beside"):
        shop.engine.start(by_service[service]["Id"])
    assert shop.execute("beside", "hostname") == (0, "named")


def test_what_runs_keeps_its_container_and_its_network(shop):
    worker_of(shop)
    web = shop.create(
        "web", {"Entrypoint": SLEEP, "HostConfig": {"NetworkMode": f"{shop.name}_default"}}
    )
    shop.engine.start(web)
    remember(shop)
    journal = shop.deployment()
    network = shop.engine.network(f"{shop.name}_default")["Id"]
    shop.stop("worker")
    shop.prune()
    assert restore(shop, journal) is True
    assert shop.engine.network(f"{shop.name}_default")["Id"] == network
    assert journal["recreated"] == [f"{shop.name}-worker-1", f"network {shop.name}_fixed"]
    assert [each.id for each in shop.color().of("web")] == [web]


def test_an_image_that_is_gone_is_named(shop):
    image = shop.commit(shop.create("web", {"Entrypoint": SLEEP, "HostConfig": {}}))
    shop.create("worker", {"Entrypoint": SLEEP, "HostConfig": {}, "Image": image})
    remember(shop)
    journal = shop.deployment()
    shop.prune()
    shop.engine.remove_image(image)
    with pytest.raises(BluegreenError, match=f"Container {shop.name}-worker-1 was removed by somebody, and its image"):
        restore(shop, journal)
    assert [each.service for each in shop.color().containers] == ["web"]


def test_an_image_whose_tag_moved_on_is_the_one_that_comes_back(shop):
    image = shop.commit(shop.create("web", {"Entrypoint": SLEEP, "HostConfig": {}}))
    shop.create("worker", {"Entrypoint": SLEEP, "HostConfig": {}, "Image": image})
    remember(shop)
    journal = shop.deployment()
    was = shop.inspected()["worker"]["Image"]
    # The old one would be dangling, which a prune takes too, if it had no other name.
    shop.tag(was, "again")
    shop.commit(shop.inspected()["web"]["Id"])
    shop.prune()
    restore(shop, journal)
    assert shop.inspected()["worker"]["Image"] == was
    assert shop.engine.image(image)["Id"] != was
