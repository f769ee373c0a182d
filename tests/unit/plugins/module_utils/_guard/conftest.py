# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._guard.guarded import Guarded
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._guard.watched import Pending


@pytest.fixture
def scene(monkeypatch, tmp_path):
    return Guarded(monkeypatch, tmp_path)


@pytest.fixture
def pending(monkeypatch, tmp_path):
    return Pending(monkeypatch, tmp_path)
