# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
import yaml
from ansible.errors import AnsibleLookupError

from ansible_collections.smallfleet.bluegreen.plugins.lookup.unknown_variables import LookupModule, described

SPECS = os.path.join(os.path.dirname(__file__), *[".."] * 4, "roles", "bluegreen", "meta", "argument_specs.yml")


def test_the_names_are_found_in_the_text():
    with open(SPECS, encoding="utf-8") as source:
        text = source.read()
    assert described(text) == list(yaml.safe_load(text)["argument_specs"]["main"]["options"])


@pytest.mark.parametrize(
    "written, meant",
    [
        ("bluegreen_prots", "bluegreen_ports"),
        ("bluegreen_apps", "bluegreen_app"),
        ("bluegreen_project", "bluegreen_projects"),
        ("bluegreen_helth_path", "bluegreen_health_path"),
        ("bluegreen_x", "bluegreen_env"),
    ],
)
def test_the_name_that_was_meant(written, meant):
    assert LookupModule().run([SPECS], {written: 1, "bluegreen_app": "shop", "other": 1}) == [
        f"There is no variable {written}: did you mean {meant}? "
        "(meta/argument_specs.yml of the role describes all of them.)"
    ]


def test_what_is_known_or_belongs_to_others():
    known = ["app", "prepare_listen", "pending", "pending_x", "status"]
    assert LookupModule().run([SPECS], {f"bluegreen_{each}": 1 for each in known}) == []


def test_each_of_several_has_a_sentence():
    names = [each.split()[4] for each in LookupModule().run([SPECS], {"bluegreen_statuses": 1, "bluegreen_a": 1})]
    assert names == ["bluegreen_a:", "bluegreen_statuses:"]


def test_a_specification_that_cannot_be_read(tmp_path):
    with pytest.raises(AnsibleLookupError, match="cannot be read"):
        LookupModule().run([str(tmp_path / "none.yml")], {})
