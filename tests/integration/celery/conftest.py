# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real engine, on which each test has a project of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from compose_project import IMAGE, Project

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.engine import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Host

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    try:
        reason = "" if Host().engine.image(IMAGE) else f"there is no image {IMAGE} (lab/setup app)"
    except EngineError as error:
        reason = error.message
    for item in items if reason else ():
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def project():
    made = Project(Host())
    yield made
    made.close()
