# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several tests begin with."""

from __future__ import annotations

import random

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _progress
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import turn as nginx_turn
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost


@pytest.fixture(autouse=True)
def own_lock_of_nginx(tmp_path_factory, monkeypatch):
    """The lock of Nginx that this machine may have is left alone."""
    monkeypatch.setattr(nginx_turn, "RUN_ROOT", str(tmp_path_factory.getbasetemp() / "run"))


@pytest.fixture
def host_with_containers():
    """A host whose engine the test adds containers to."""
    return FakeHost()


@pytest.fixture
def reported():
    """What waits report of how far they are, the same only once."""
    sentences = {}
    _progress.listen(sentences.setdefault)
    yield sentences
    _progress.listen(None)


@pytest.fixture
def rng():
    """Random values that are the same in every run."""
    return random.Random(20261125)
