# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import builtins
import io
import os
from types import SimpleNamespace

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux import memory as host_memory
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources import (
    disk as host_disk,
    host as host_resources,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources.disk import MIB
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost

MEMINFO = "MemTotal:        1014568 kB\nMemFree:          100000 kB\nMemAvailable:     512000 kB\n"
V2, V1 = "/sys/fs/cgroup/", "/sys/fs/cgroup/memory/"


def files(monkeypatch, **by_name):
    """Let the host have these files, and nothing else in /proc and /sys."""
    present = {"/proc/meminfo": MEMINFO, **{path.replace("__", "/"): text for path, text in by_name.items()}}
    real = builtins.open

    def fake(path, *args, **kwargs):
        if str(path).startswith(("/proc/", "/sys/")):
            if path not in present:
                raise FileNotFoundError(path)
            return io.StringIO(present[path])
        return real(path, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", fake)


def v2(limit, usage, inactive, active=0):
    stat = f"anon 5\ninactive_file {inactive}\nactive_file {active}\n"
    return {V2 + "memory.max": limit, V2 + "memory.current": usage, V2 + "memory.stat": stat}


def v1(limit, usage, inactive, active=0):
    return {
        V1 + "memory.limit_in_bytes": limit,
        V1 + "memory.usage_in_bytes": usage,
        V1 + "memory.stat": (
            f"cache 5\ninactive_file 7\nactive_file 7\ntotal_inactive_file {inactive}\ntotal_active_file {active}\n"
        ),
    }


@pytest.mark.parametrize(
    "present, expected",
    [
        ({}, 500 * MIB),
        # The host is a container itself, with less room than the kernel has memory.
        (v2(str(1024 * MIB), str(900 * MIB), 50 * MIB), 174 * MIB),
        (v2(str(4096 * MIB), str(900 * MIB), 0), 500 * MIB),
        (v2("max\n", str(900 * MIB), 0), 500 * MIB),
        (v1(str(1024 * MIB), str(900 * MIB), 50 * MIB), 174 * MIB),
        # Files that were read twice are given back just as well, as in the kernel's own estimate.
        (v2(str(1024 * MIB), str(900 * MIB), 50 * MIB, 100 * MIB), 274 * MIB),
        (v1(str(1024 * MIB), str(900 * MIB), 50 * MIB, 100 * MIB), 274 * MIB),
        # The root cgroup of a real machine shows usage, and no limit.
        ({V2 + "memory.stat": "inactive_file 0\n"}, 500 * MIB),
    ],
    ids=[
        "no cgroup",
        "v2",
        "v2 with much room",
        "v2 without a limit",
        "v1",
        "v2 with a busy cache",
        "v1 with a busy cache",
        "v2 at the root",
    ],
)
def test_memory_that_new_processes_can_have(monkeypatch, present, expected):
    files(monkeypatch, **present)
    assert host_memory.available_memory() == expected


def test_resources_where_there_is_the_least_room(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_frsize=4096, f_blocks=1000, f_bavail=400))
    files(monkeypatch, **v2(str(1024 * MIB), str(900 * MIB), 50 * MIB))
    assert host_resources.resources(str(tmp_path)) == {
        "memory": {"total": 1024 * MIB, "available": 174 * MIB},
        "disk": {"path": str(tmp_path), "total": 4096000, "available": 1638400},
    }


def test_how_often_the_kernel_has_killed_for_memory(monkeypatch):
    files(monkeypatch, **{"/proc/vmstat": "pgfault 5\noom_kill 3\n"})
    assert host_resources.oom_kills() == 3
    # Kernels before 4.13 do not count, and some containers show nothing of the kernel.
    files(monkeypatch, **{"/proc/vmstat": "pgfault 5\n"})
    assert host_resources.oom_kills() == 0
    files(monkeypatch)
    assert host_resources.oom_kills() == 0


def test_free_disk_of_a_folder_that_will_be_made(tmp_path):
    assert host_disk.free_disk(str(tmp_path / "a" / "b")) == pytest.approx(
        host_disk.free_disk(str(tmp_path)), rel=0.05
    )


def file_system(monkeypatch, **changes):
    values = {"f_flag": 0, "f_files": 1000, "f_favail": 500, **changes}
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(**values))


def test_a_file_system_that_takes_files(monkeypatch, tmp_path):
    assert host_disk.writing_finding(str(tmp_path / "a" / "b"), "the journal") == ""
    file_system(monkeypatch, f_files=0, f_favail=0)
    assert host_disk.writing_finding("/var", "the journal") == ""


def test_a_file_system_that_takes_no_file(monkeypatch):
    file_system(monkeypatch, f_flag=os.ST_RDONLY | os.ST_NOSUID)
    assert host_disk.writing_finding("/var", "the journal") == (
        "/var is on a read-only file system, but the journal must be written there: find the cause (dmesg), and "
        "remount it for writing."
    )
    file_system(monkeypatch, f_favail=3)
    assert host_disk.writing_finding("/var", "the journal") == (
        "/var is on a file system with room for only 3 more files (df -i), but the journal must be written there: "
        "remove files that you do not need."
    )


def test_disk():
    assert host_disk.disk_finding("/var", 64 * MIB, 64 * MIB, "images") == ""
    assert host_disk.disk_finding("/var", 63 * MIB, 64 * MIB, "images") == (
        "Not enough disk space for images: 64 MiB are needed, and 63 MiB are free at /var. Remove files or images "
        "there that you do not need (docker image prune), or use a larger disk."
    )


def test_what_is_overdrawn_is_none():
    assert host_disk.mib(-5 * MIB) == 0


@pytest.mark.parametrize(
    "file, root",
    [
        ("/srv/docker/containers/blue-web/resolv.conf", "/srv/docker"),
        ("/var/lib/docker/100000.100000/containers/blue-web/resolv.conf", "/var/lib/docker/100000.100000"),
        # One that never ran, and an engine that keeps it elsewhere.
        ("", "/"),
        ("/run/elsewhere/resolv.conf", "/"),
    ],
)
def test_the_folder_of_the_engine_by_a_container_of_it(file, root):
    engine = FakeHost().engine
    container = engine.add("web", ResolvConfPath=file)
    assert host_resources.docker_root_of(engine, container) == root
    assert host_resources.docker_root_of(engine) == "/"
