# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.filter.rolled_back_hosts import FilterModule

LEFT = {"found": False, "already": False, "kept": "0.9"}
UNDONE = {"found": True, "already": False, "kept": ""}
ALREADY = {"found": False, "already": True, "again": False, "kept": "0.9"}
AGAIN = {"found": False, "already": False, "again": True, "kept": "0.9"}


@pytest.mark.parametrize(
    "undone, rolled_back",
    [
        ({"a": UNDONE, "b": LEFT, "c": None}, ["a"]),
        # The guard of one of them was faster.
        ({"a": ALREADY, "b": LEFT, "c": UNDONE}, ["a", "c"]),
        ({"a": AGAIN, "b": LEFT}, ["a"]),
        # A host that is off, and one whose rollback failed, keep no other host from its kept color.
        ({"a": LEFT, "b": {"unreachable": True}, "c": {"failed": True, "msg": "no"}}, []),
    ],
)
def test_rolled_back_hosts(undone, rolled_back):
    hosts = [
        {"inventory_hostname": host, **({"_bluegreen_undone": each} if each else {})} for host, each in undone.items()
    ]
    assert FilterModule().filters()["rolled_back_hosts"](hosts) == rolled_back
