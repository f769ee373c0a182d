# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.filter.last_deployment import FilterModule

OPEN = {"release": "3", "result": ""}
PAST = [{"release": "1", "result": "committed"}, {"release": "2", "result": "rolled_back"}]


@pytest.mark.parametrize(
    "info, shown",
    [
        ({"deployment": OPEN, "history": PAST}, ("open", "3", "")),
        ({"deployment": None, "history": PAST}, ("closed", "2", "rolled_back")),
        ({"deployment": None, "history": []}, ("closed", "", "")),
        # An earlier release of the collection may have answered.
        ({"deployment": OPEN}, ("open", "3", "")),
        # Releases may have no label.
        ({"deployment": None, "history": [{"release": "", "result": "committed"}]}, ("closed", "", "committed")),
        ({"failed": True, "msg": "no"}, ("unknown", "", "")),
        ({"unreachable": True}, ("unknown", "", "")),
        ({}, ("unknown", "", "")),
    ],
)
def test_last_deployment(info, shown):
    state, release, result = shown
    assert FilterModule().filters()["last_deployment"](info) == {"state": state, "release": release, "result": result}
