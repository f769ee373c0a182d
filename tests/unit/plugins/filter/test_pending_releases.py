# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.filter.pending_releases import FilterModule


def test_pending_releases():
    hosts = [
        {"inventory_hostname": "a", "_bluegreen_open": {"id": "1"}, "_bluegreen_awaits": True, "bluegreen_release": 2},
        {"inventory_hostname": "b", "_bluegreen_open": {"id": "2"}, "_bluegreen_awaits": False},
        # Never reached.
        {"inventory_hostname": "c", "bluegreen_release": 2},
        {"inventory_hostname": "d", "_bluegreen_open": {"id": "4"}, "_bluegreen_awaits": True},
    ]
    found = FilterModule().filters()["pending_releases"](hosts)
    assert found == {"a": {"id": "1", "release": "2"}, "d": {"id": "4", "release": ""}}
