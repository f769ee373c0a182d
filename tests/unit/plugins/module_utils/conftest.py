# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several tests begin with."""

from __future__ import annotations

import pytest
from fakes import FakeHost


@pytest.fixture
def host_with_containers():
    """A host whose engine the test adds containers to."""
    return FakeHost()
