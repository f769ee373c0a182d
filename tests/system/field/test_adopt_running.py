# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running app is adopted by what the plan says alone, without a failed request: adoption.py.

    .venv/bin/pytest tests/system/field -k adopt-running
"""

from __future__ import annotations

import pytest
from adoption import SITES, Adoption

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("field-2")]


@pytest.mark.parametrize("name", SITES, ids=list(SITES))
def test_adoption(bed, name):
    result = Adoption(bed, name).run()
    assert result["wrong"] == [], result
