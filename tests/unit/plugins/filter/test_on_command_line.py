# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.utils.vars import load_extra_vars

from ansible_collections.smallfleet.bluegreen.plugins.filter.on_command_line import FilterModule


@pytest.mark.parametrize("name, given", [("bluegreen_release", True), ("bluegreen_app", False)])
def test_what_the_command_gives(monkeypatch, name, given):
    monkeypatch.setattr(load_extra_vars, "extra_vars", {"bluegreen_release": ""}, raising=False)
    assert FilterModule().filters()["on_command_line"](name) is given
