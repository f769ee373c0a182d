# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/system/field/starts.py: which containers somebody touched."""

from __future__ import annotations

import pytest
import starts

WEB, WORKER = "1 /shop-green-web-1 12:00 0", "2 /shop-green-worker-1 12:01 0"


@pytest.mark.parametrize(
    ("after", "names"),
    [
        ([WEB, WORKER], []),
        ([WORKER, WEB], []),
        ([WEB], ["shop-green-worker-1"]),
        ([WEB, WORKER, "3 /shop-blue-web-1 12:02 0"], ["shop-blue-web-1"]),
        ([WEB, "2 /shop-green-worker-1 12:05 0"], ["shop-green-worker-1"]),
        # Another one under the same name.
        ([WEB, "9 /shop-green-worker-1 12:05 0"], ["shop-green-worker-1"]),
        # It ended by itself, and the engine started it again.
        ([WEB, "2 /shop-green-worker-1 12:05 1"], []),
        ([], ["shop-green-web-1", "shop-green-worker-1"]),
    ],
)
def test_who_was_made_or_started_anew(after, names):
    assert starts.touched("\n".join([WEB, WORKER]), "\n".join(after)) == names
