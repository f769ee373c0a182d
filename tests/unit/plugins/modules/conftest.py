# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fakes of the module utils serve the modules too."""

from __future__ import annotations

import os
import sys

import pytest

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(__file__)), "module_utils"))


@pytest.fixture
def host_with_containers():
    """A host whose engine the test adds containers to."""
    from fakes import FakeHost

    return FakeHost()
