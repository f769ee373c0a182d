# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the phases hand to the modules, where that depends on whether a release comes or goes back."""

from __future__ import annotations

import os

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

try:
    from ansible.template import trust_as_template
except ImportError:  # ansible-core before 2.19 asks for no trust.

    def trust_as_template(text):
        return text


PHASES = os.path.normpath(os.path.join(os.path.dirname(__file__), *[".."] * 3, "roles/bluegreen/tasks/phases"))


def handed(phase, module, option, **variables):
    loader = DataLoader()
    tasks = loader.load_from_file(os.path.join(PHASES, f"{phase}.yml"))
    [arguments] = [task[f"smallfleet.bluegreen.{module}"] for task in tasks if f"smallfleet.bluegreen.{module}" in task]
    return Templar(loader, variables=variables).template(trust_as_template(arguments[option]))


@pytest.mark.parametrize(
    "policy, prefer, handed_over",
    [
        ("fail", {}, "fail"),
        ("fail", {"_bluegreen_prefer": ""}, "fail"),
        # Going back never fails because of tasks that only the newer release knows.
        ("fail", {"_bluegreen_prefer": "rollback"}, "hold"),
        ("move", {"_bluegreen_prefer": "rollback"}, "move"),
        ("hold", {}, "hold"),
    ],
)
def test_unknown_tasks(policy, prefer, handed_over):
    found = handed("stop_workers", "bg_stop_workers", "unknown_tasks", bluegreen_unknown_tasks=policy, **prefer)
    assert found.strip() == handed_over


@pytest.mark.parametrize("prefer, empty", [("", True), ("rollback", False)])
def test_a_broker_that_is_created_anew_has_to_be_empty(prefer, empty):
    assert handed("fetch", "bg_move_tasks", "empty", _bluegreen_prefer=prefer) is empty


@pytest.mark.parametrize(
    "undone, gone_back",
    [
        ({"a": {"found": True}, "b": {"found": False}, "c": None}, ["a"]),
        # One that is off, and one whose undoing failed, keep no other host from its kept color.
        ({"a": {"found": False}, "b": {"unreachable": True}, "c": {"failed": True, "msg": "no"}}, []),
    ],
)
def test_hosts_that_have_gone_back(undone, gone_back):
    loader = DataLoader()
    text = loader.load_from_file(os.path.join(PHASES, "../../vars/main.yml"))["_bluegreen_gone_back"]
    hosts = [{"inventory_hostname": name, **({"_bluegreen_undone": each} if each else {})} for name, each in undone.items()]
    assert Templar(loader, variables={"_bluegreen_rollout": hosts}).template(trust_as_template(text)) == gone_back
