# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import facts

SERVICES = {"web": ["web"], "support": ["redis"], "init": [], "workers": ["worker"]}


@pytest.fixture
def host(host_with_containers):
    return host_with_containers


@pytest.fixture
def store(request, host, monkeypatch, tmp_path):
    """The app's folder, also for the step that the file of tests is about (test_bg_start.py: bg_start)."""

    def make(app, host):
        return Store(app, host, str(tmp_path / "lib"), str(tmp_path / "run"))

    step = getattr(request.module, request.path.stem.removeprefix("test_"))
    monkeypatch.setattr(step, "Store", make)
    return make("shop", host)


@pytest.fixture
def deployment(store):
    store.create()
    return create_journal(store, "dep-1", "me", facts(SERVICES))
