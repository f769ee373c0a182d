# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.filter.plan_message import FilterModule

OPENED = {"up_to_date": True, "pending": False, "live": "blue", "idle": "green", "plan": ["1. fetch"]}


@pytest.mark.parametrize(
    "opened, release, message",
    [
        ({"up_to_date": False}, "2", ["1. fetch"]),
        ({}, "2", "shop is up to date: blue is live with release 2."),
        ({}, "", "shop is up to date: blue is live with release (none)."),
        ({"pending": True}, "2", "shop has release 2 already (green), which awaits approval."),
    ],
)
def test_plan_message(opened, release, message):
    assert FilterModule().filters()["plan_message"]({**OPENED, **opened}, "shop", release) == message
