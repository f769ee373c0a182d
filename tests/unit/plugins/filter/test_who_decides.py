# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.filter.who_decides import FilterModule


@pytest.mark.parametrize(
    "approval, awaits, live, can_ask, decides",
    [
        ("prompt", True, "blue", True, "prompt"),
        # Without a terminal, and in check mode, silence is no approval.
        ("prompt", True, "blue", False, "manual"),
        ("manual", True, "blue", True, "manual"),
        ("manual", True, "blue", False, "manual"),
        ("automatic", True, "blue", True, "automatic"),
        ("automatic", True, "blue", False, "automatic"),
        # The first deployment has no old color that anybody could want to keep.
        ("prompt", True, "", True, "automatic"),
        ("manual", True, "", False, "automatic"),
        # Nothing to decide.
        *((approval, False, "blue", True, "") for approval in ("prompt", "manual", "automatic")),
        ("prompt", False, "", True, ""),
    ],
)
def test_who_decides(approval, awaits, live, can_ask, decides):
    assert FilterModule().filters()["who_decides"](approval, awaits, live, can_ask) == decides
