# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._compose import (
    rules as compose_rules,
    volumes as compose_volumes,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.compose_case import Case


def empty_database(case):
    case.set("redis", volumes=[])
    case.color_volumes = []
    case.set(
        "db", image="postgres:16", restart="always", volumes=[{"type": "volume", "source": "data", "target": "/d"}]
    )
    for color in ("blue", "green"):
        case.colors[color]["volumes"]["data"] = {"name": f"shop-{color}_data"}
    case.services["support"] = ["redis", "db"]


def unknown_color_volume(case):
    case.color_volumes = ["queue", "que"]


def unknown_color_volume_without_any(case):
    case.set("redis", volumes=[])
    case.color_volumes = ["queue"]
    for color in ("blue", "green"):
        case.colors[color]["volumes"] = None


def mounts(case, service, **mount):
    case.set(service, volumes=[{"target": "/data", **mount}])


def data_folder(case):
    mounts(case, "redis", type="bind", source="/srv/shop/redis-data/")


def bound_volume(case):
    for volume in case.each("volumes", "queue"):
        volume["driver_opts"] = {"type": "none", "o": "bind", "device": "/srv/shop/redis-data"}


def bound_volume_in_no_list(case):
    bound_volume(case)
    case.color_volumes = []


def nfs_volume(case):
    for volume in case.each("volumes", "queue"):
        volume["driver_opts"] = {"type": "nfs", "o": "addr=10.0.0.2,rw", "device": ":/redis"}


def named_volume(case):
    for volume in case.each("volumes", "queue"):
        volume["name"] = "one-for-both"


def external_volume(case):
    case.color_volumes = []
    for volume in case.each("volumes", "queue"):
        volume.update({"external": True, "name": "redis-data"})


def two_servers(case):
    case.set(
        "db", image="postgres:16", restart="always", volumes=[{"type": "bind", "source": "/srv/data", "target": "/db"}]
    )
    case.services["support"].append("db")
    mounts(case, "redis", type="bind", source="/srv/data")


END = "or add :ro if the service only reads it, or run redis once, in a Compose project of its own."
ERRORS = [
    (
        empty_database,
        "Volume data of db would be a separate, empty volume in each color: if it contains data, make it external, "
        "or run db in a Compose project of its own; if each color may have its own, name it in "
        "bluegreen_color_volumes.",
    ),
    (
        unknown_color_volume,
        "bluegreen_color_volumes names 'que', but the Compose file has no such volume: did you mean 'queue'?",
    ),
    (
        unknown_color_volume_without_any,
        "bluegreen_color_volumes names 'queue', but the Compose file has no such volume (it has none): correct "
        "the name.",
    ),
    (
        data_folder,
        "/srv/shop/redis-data is mounted into redis of both colors, which would write to it at the same time: give "
        "each color its own (/srv/shop/redis-data-${BG_COLOR}), " + END,
    ),
    (
        bound_volume,
        "Volume queue (/srv/shop/redis-data) is the same for both colors, and redis of both would write to it at the "
        "same time: write ${BG_COLOR} into its device, " + END,
    ),
    (
        bound_volume_in_no_list,
        "Volume queue (/srv/shop/redis-data) is the same for both colors, and redis of both would write to it at the "
        "same time: write ${BG_COLOR} into its device and add queue to bluegreen_color_volumes, " + END,
    ),
    (
        nfs_volume,
        "Volume queue (addr=10.0.0.2,rw :/redis) is the same for both colors, and redis of both would write to it at "
        "the same time: write ${BG_COLOR} into its device, " + END,
    ),
    (
        named_volume,
        "Volume queue (one-for-both) is the same for both colors, and redis of both would write to it at the same "
        "time: remove name: from the volume, " + END,
    ),
    (
        external_volume,
        "Volume queue (redis-data) is the same for both colors, and redis of both would write to it at the same time: "
        "remove external: (and name:) from the volume and add queue to bluegreen_color_volumes, " + END,
    ),
    (
        two_servers,
        "/srv/data is mounted into redis and db of both colors, which would write to it at the same time: give each "
        "color its own (/srv/data-${BG_COLOR}), "
        "or add :ro if the services only read it, or run redis and db once, in a Compose project of their own.",
    ),
]


@pytest.mark.parametrize("spoil, sentence", ERRORS, ids=[spoil.__name__ for spoil, sentence in ERRORS])
def test_volumes_that_two_colors_cannot_share_are_refused(spoil, sentence):
    case = Case()
    spoil(case)
    assert case.findings().errors == [sentence]


@pytest.mark.parametrize(
    "spoil", [data_folder, bound_volume, nfs_volume, named_volume, external_volume], ids=lambda each: each.__name__
)
def test_a_server_that_only_reads_is_no_conflict(spoil):
    case = Case()
    spoil(case)
    for redis in case.each("services", "redis"):
        redis["volumes"][0]["read_only"] = True
    assert case.findings() == compose_rules.Findings([], [])


@pytest.mark.parametrize("role", ["web", "worker", "beat"])
@pytest.mark.parametrize(
    "spoil", [data_folder, bound_volume, named_volume, external_volume], ids=lambda each: each.__name__
)
def test_what_web_and_workers_share_is_meant(spoil, role):
    case = Case()
    spoil(case)
    mount = case.colors["blue"]["services"]["redis"]["volumes"]
    case.set("redis", volumes=[])
    case.set(role, volumes=mount)
    assert case.findings() == compose_rules.Findings([], [])


@pytest.mark.parametrize(
    "source",
    [
        "/var/run/docker.sock",
        "/run/dbus",
        "/etc/localtime",
        "/etc/redis",
        "/proc",
        "/sys/class",
        "/dev/gpiomem",
        "/var/log",
        "/boot",
        "/",
        "/srv/redis.conf",
    ],
)
def test_files_and_what_belongs_to_the_system_are_not_data(source):
    case = Case()
    case.files = ["/srv/redis.conf"]
    mounts(case, "redis", type="bind", source=source)
    assert case.findings() == compose_rules.Findings([], [])


def test_a_socket_is_not_data_but_a_path_that_is_not_there_becomes_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("pg.sock")
        found = [compose_volumes.is_file(str(tmp_path / name)) for name in ("pg.sock", "not-there", "")]
    assert found == [True, False, False]


def test_a_folder_for_each_color_is_not_shared():
    case = Case()
    for color in ("blue", "green"):
        case.colors[color]["services"]["redis"]["volumes"] = [
            {"type": "bind", "source": f"/srv/shop/redis-data-{color}", "target": "/data"},
            {"type": "volume", "target": "/anonymous"},
            {"type": "tmpfs", "target": "/tmp"},
        ]
    assert case.findings() == compose_rules.Findings([], [])


@pytest.mark.parametrize(
    "options",
    [
        {"type": "tmpfs", "device": "tmpfs", "o": "size=100m"},
        {"type": "none", "o": "bind,ro", "device": "/srv/shop/seed"},
    ],
    ids=["tmpfs", "read-only"],
)
def test_a_volume_in_memory_or_to_read_is_not_written_to_by_both(options):
    case = Case()
    for volume in case.each("volumes", "queue"):
        volume["driver_opts"] = options
    assert case.findings() == compose_rules.Findings([], [])


def test_a_folder_of_a_volume_for_each_color_is_not_shared():
    case = Case()
    named_volume(case)
    for color in ("blue", "green"):
        case.colors[color]["services"]["redis"]["volumes"][0]["volume"] = {"subpath": color}
    assert case.findings() == compose_rules.Findings([], [])


@pytest.mark.parametrize(
    "definition", [{"external": True, "name": "data"}, {"name": "shared-by-name"}], ids=["external", "named"]
)
def test_a_volume_that_is_the_same_in_both_colors_is_no_empty_database(definition):
    case = Case()
    case.set("web", volumes=[{"type": "volume", "source": "media", "target": "/media"}])
    for volume in case.each("volumes", "media"):
        volume.update(definition)
    assert case.findings() == compose_rules.Findings([], [])


def test_a_bind_mount_is_no_volume():
    case = Case()
    case.set("web", volumes=[{"type": "bind", "source": "/srv/media", "target": "/media"}])
    assert case.findings() == compose_rules.Findings([], [])
