# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store in a folder of its own, and a deployment that was just opened in it."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import facts
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost


@pytest.fixture
def host():
    return FakeHost()


@pytest.fixture
def store(host, tmp_path):
    made = Store("shop", host, root=str(tmp_path / "lib"), run_root=str(tmp_path / "run"))
    made.create()
    return made


@pytest.fixture
def journal(store):
    return create_journal(store, "dep-1", "ada@laptop", facts())
