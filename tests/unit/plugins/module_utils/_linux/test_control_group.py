# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.control_group import memory_stats
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost

ID = "blue-web"
V1 = f"5:cpu,cpuacct:/docker/{ID}\n4:memory:/docker/{ID}\n1:name=systemd:/docker/{ID}\n0::/docker/{ID}\n"
V2 = f"0::/system.slice/docker-{ID}.scope\n"
CURRENT, STAT = {"memory.current": "100\n"}, {"memory.stat": "anon 60\ninactive_file 30\n"}
COUNTED = {"usage": 100, "stats": {"anon": 60, "inactive_file": 30}}


@pytest.mark.parametrize(
    "groups, folder, files, found",
    [
        (V2, f"system.slice/docker-{ID}.scope", {**CURRENT, **STAT}, COUNTED),
        (V1, f"memory/docker/{ID}", {"memory.usage_in_bytes": "100", "memory.stat": "total_inactive_file 30"},
         {"usage": 100, "stats": {"total_inactive_file": 30}}),
        # Its process made a group of its own, in which others of the container are not.
        (V2.replace("\n", "/init\n"), f"system.slice/docker-{ID}.scope", {**CURRENT, **STAT}, COUNTED),
        # A Raspberry Pi as it comes: the group is there, and its memory is not counted.
        (V2, f"system.slice/docker-{ID}.scope", {"cgroup.procs": "7\n"}, {}),
        # A view of the groups that is not the one of this process, an older process of another one, and nothing at all.
        ("0::/../../docker-blue-web.scope\n", "docker-blue-web.scope", CURRENT, None),
        ("0::/user.slice\n", "user.slice", CURRENT, None),
        (V2, "elsewhere", CURRENT, None),
        ("", "elsewhere", CURRENT, None),
    ],
)
def test_what_the_kernel_counts_for_a_container(tmp_path, groups, folder, files, found):
    process, group = tmp_path / "proc/7", tmp_path / "groups" / folder
    process.mkdir(parents=True)
    group.mkdir(parents=True)
    if groups:
        (process / "cgroup").write_text(groups)
    for name, text in files.items():
        (group / name).write_text(text)
    host = FakeHost()
    container = inspect_container(host.engine, host.engine.add("web", State__Pid=7))
    assert memory_stats(container, str(tmp_path / "proc"), str(tmp_path / "groups")) == found
