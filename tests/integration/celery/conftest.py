# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real engine, on which each test has a project of its own."""

from __future__ import annotations

import pytest
from compose_project import Project

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Host


@pytest.fixture(scope="session", autouse=True)
def image(lab_setup):
    lab_setup("app")


@pytest.fixture
def project():
    made = Project(Host())
    yield made
    made.close()
