# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the phases hand to the modules, where that depends on whether a release comes or goes back."""

from __future__ import annotations

import os
import re

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import counting

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
    variables["_bluegreen_goes_back"] = role_var("_bluegreen_goes_back")
    return Templar(loader, variables=variables).template(trust_as_template(arguments[option]))


def role_var(name):
    return trust_as_template(DataLoader().load_from_file(os.path.join(PHASES, "../../vars/main.yml"))[name])


def loaded(path):
    return DataLoader().load_from_file(os.path.join(PHASES, path))


# These two have no figures of their own: the first runs on the controller, the second is a part of the cutover.
WITHOUT_FIGURES = {"preflight", "copy_keys"}


def test_each_file_is_a_phase():
    names = {name.removesuffix(".yml") for name in os.listdir(PHASES)}
    assert names - WITHOUT_FIGURES < set(counting.PHASES)


# Whatever stands here costs the host's users time: a process of the controller at least, also where it is skipped.
WHILE_NO_WORKER_RUNS = [
    ("stop_workers", "bg_stop_workers", "where there are old workers"),
    ("start_candidate", "bg_start", ""),
    ("start_candidate", "bg_health", ""),
    # In the list only where there are keys to copy.
    ("copy_keys", "bg_copy_keys", ""),
    ("cutover", "bg_switch", ""),
    ("start_workers", "bg_start", "where there are new workers"),
]


def test_nothing_is_found_out_while_no_worker_runs():
    [change] = loaded("../change_colors.yml")
    [steps] = [task["vars"]["_bluegreen_steps"] for task in change["block"] if "vars" in task]
    files = [found[1] for found in (re.search(r"phases/(\w+)\.yml", step) for step in steps) if found]
    gap = files[files.index("stop_workers"):files.index("start_workers") + 1]
    tasks = [(name, module_of(task), "when" in task) for name in gap for task in loaded(f"{name}.yml")]
    assert tasks == [(name, module, bool(when)) for name, module, when in WHILE_NO_WORKER_RUNS]


def module_of(task):
    return next((key.rpartition(".")[2] for key in task if key.startswith("smallfleet.bluegreen.")), "another")


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
    "tasks, prefer, release",
    [
        ("../undo", {}, "0.9"),
        ("open", {"_bluegreen_prefer": "rollback"}, "0.9"),
        ("open", {"_bluegreen_prefer": ""}, "2"),
        ("open", {}, "2"),
    ],
)
def test_a_way_back_goes_by_the_release_that_was_named(tasks, prefer, release):
    """What stands in the inventory is for deployments."""
    variables = {"bluegreen_release": "2", "_bluegreen_named": "0.9", **prefer}
    assert handed(tasks, "bg_deployment", "release", **variables).strip() == release


LEFT = {"found": False, "already": False, "kept": "0.9"}
AGAIN = {"found": False, "already": False, "again": True, "kept": "0.9"}


def stays(gone_back, undone, named=""):
    """Whether a host with this result of bg_deployment stays as it is, where these hosts have gone back."""
    variables = {"_bluegreen_gone_back": gone_back, "_bluegreen_undone": undone, "_bluegreen_named": named}
    return str(Templar(DataLoader(), variables=variables).template(role_var("_bluegreen_stays"))) == "True"


@pytest.mark.parametrize(
    "gone_back, undone, named, expected",
    [
        ([], LEFT, "", False),
        (["a"], LEFT, "", True),
        # Somebody names what was kept here, so it is meant.
        (["a"], LEFT, "2", True),
        (["a"], LEFT, "0.9", False),
        # A host that tries again does not stay.
        (["a"], AGAIN, "", False),
        # Without a kept color no empty release names it.
        (["a"], {**LEFT, "kept": ""}, "", True),
    ],
)
def test_which_host_stays_where_another_one_has_gone_back(gone_back, undone, named, expected):
    assert stays(gone_back, undone, named) is expected
