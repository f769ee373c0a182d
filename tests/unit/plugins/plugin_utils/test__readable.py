# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._readable import moment, size

AT = "2026-11-25T20:15:00Z"


@pytest.mark.parametrize(
    "count, shown", [(0, "0 MiB"), (410 * 1024**2, "410 MiB"), (1024**3, "1.0 GiB"), (12.34 * 1024**3, "12.3 GiB")]
)
def test_size(count, shown):
    assert size(count) == shown


@pytest.mark.parametrize(
    "stamp, shown",
    [("2026-11-20T09:15:24Z", "11-20 09:15"), ("2025-12-31T23:59:59Z", "2025-12-31"), ("", "")],
)
def test_moment(stamp, shown):
    assert moment(stamp, AT) == shown
