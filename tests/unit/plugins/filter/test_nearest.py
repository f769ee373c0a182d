# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.filter.nearest import FilterModule

NAMES = ["bluegreen_app", "bluegreen_ports", "bluegreen_projects", "bluegreen_health_path", "bluegreen_health_timeout"]


@pytest.fixture
def nearest():
    return FilterModule().filters()["nearest"]


@pytest.mark.parametrize(
    "written, meant",
    [
        ("bluegreen_prots", "bluegreen_ports"),
        ("bluegreen_apps", "bluegreen_app"),
        ("bluegreen_project", "bluegreen_projects"),
        ("bluegreen_health_url", "bluegreen_health_path"),
        ("bluegreen_timeout", "bluegreen_health_timeout"),
        ("bluegreen_ports", "bluegreen_ports"),
    ],
)
def test_the_name_that_was_meant(nearest, written, meant):
    assert nearest(written, NAMES) == meant


def test_without_names_there_is_none(nearest):
    assert nearest("x", []) == ""
