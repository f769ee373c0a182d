# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.filter.colors_asked_about import FilterModule


def host(name, idle, decides="prompt"):
    return {"inventory_hostname": name, "_bluegreen_open": {"idle": idle}, "_bluegreen_decides": decides}


@pytest.mark.parametrize(
    "batch, text",
    [
        ([host("a", "green")], "green on a"),
        ([host("a", "green"), host("b", "blue"), host("c", "green")], "blue on b; green on a, c"),
        # Neither a first deployment nor a host that the play left out is asked about.
        ([host("a", "blue", "automatic"), {"inventory_hostname": "b"}, host("c", "green")], "green on c"),
    ],
)
def test_colors_asked_about(batch, text):
    assert FilterModule().filters()["colors_asked_about"](batch) == text
