# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.filter.lost_hosts import FilterModule

NEVER_PLANNED: dict = {}
WAITING = {"_bluegreen_open": {}}
BEGUN = {**WAITING, "_bluegreen_begun": True}
ENDED = {**BEGUN, "_bluegreen_ended": True}


@pytest.mark.parametrize(
    "hosts, batch, lost",
    [
        ({}, "", []),
        ({"a": ENDED, "b": BEGUN, "c": WAITING}, "b", []),
        # It began, did not end, and is no longer in the batch.
        ({"a": BEGUN, "b": WAITING}, "", ["a"]),
        # The play failed it in this batch.
        ({"a": BEGUN, "b": BEGUN}, "a", ["b"]),
        # Its turn has not come yet.
        ({"a": WAITING, "b": WAITING}, "a", []),
        # The plan lost it, so it is in no batch.
        ({"b": NEVER_PLANNED, "a": NEVER_PLANNED, "c": WAITING}, "c", ["a", "b"]),
        # A host that is up to date neither begins nor ends.
        ({"a": WAITING}, "", []),
        ({"c": BEGUN, "a": NEVER_PLANNED, "b": ENDED}, "", ["a", "c"]),
    ],
)
def test_lost_hosts(hosts, batch, lost):
    rollout = [{"inventory_hostname": host, **variables} for host, variables in hosts.items()]
    assert FilterModule().filters()["lost_hosts"](rollout, list(batch)) == lost
