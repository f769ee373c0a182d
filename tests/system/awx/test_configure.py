# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""awx/configure.yml with the modules of awx.awx, on an AWX that is empty, configured already, or configured otherwise."""

from __future__ import annotations

import json

import awx_api
import pytest
from objects import FILLED_IN, apply

# It needs no host, so another worker than the one of the other tests may run it.
pytestmark = pytest.mark.xdist_group("awx_configure")
INVENTORY = {
    "bluegreen_app": "shop", "bluegreen_project_src": "/srv/shop", "bluegreen_health_path": "/health/",
    "bluegreen_env": {"DJANGO_SECRET_KEY": "{{ shop_secret_key }}", "SITE": "{{ inventory_hostname }}.example.com"},
}


@pytest.fixture(scope="module")
def awx():
    """The same one for all tests, which find it in this order as the one before leaves it."""
    with awx_api.running(
        users=("alice", "bob", "carol"), credentials=(FILLED_IN["awx_machine_credential"], "the registry")
    ) as (running, address):
        running.address = address
        yield running


def run(awx, *arguments, **variables):
    """How many tasks changed something."""
    rc, changed, text = apply(awx.address, *arguments, **{"awx_inventory_variables": INVENTORY, **variables})
    assert rc == 0, text
    return changed


@pytest.fixture(scope="module")
def configured_awx(awx):
    # The first sync fails, so AWX knows no playbook yet.
    awx.git_answers = False
    rc, _changed, text = apply(awx.address, awx_inventory_variables=INVENTORY)
    assert rc == 2 and "Project update failed" in text and awx.names("job_templates") == []
    awx.git_answers = True
    assert run(awx, awx_ee_credential="the registry") > 10
    return awx


def test_a_project_whose_sync_failed_is_synced_again(configured_awx):
    assert configured_awx.one("projects", "shop bluegreen")["status"] == "successful"


def test_the_steps_of_the_workflow_follow_on_each_other(configured_awx):
    ends = dict.fromkeys(("finish", "not_approved", "status"), [])
    steps = configured_awx.names("workflow_job_template_nodes")
    assert {name: configured_awx.after(name, "success") for name in steps} == {
        "deploy": ["needs_approval"], "needs_approval": ["approve"], "approve": ["finish"], **ends,
    }
    assert {name: configured_awx.after(name, "failure") for name in steps} == {
        "deploy": ["not_approved"], "needs_approval": ["status"], "approve": ["not_approved"], **ends,
    }
    (approval,) = configured_awx.names("workflow_approval_templates")
    assert configured_awx.one("workflow_approval_templates", approval)["timeout"] == 3600


def test_templates_reach_awx_as_they_are_written(configured_awx):
    variables = json.loads(configured_awx.one("inventories", "shop")["variables"])
    assert variables == {"ansible_python_interpreter": "auto_silent", **INVENTORY}


def test_the_image_is_pulled_with_its_credential(configured_awx):
    environment = configured_awx.one("execution_environments", "shop bluegreen")
    assert environment["credential"] == configured_awx.one("credentials", "the registry")["id"]


def test_a_second_run_changes_nothing(configured_awx):
    # And it does not sync: AWX launches no job of a project whose last sync failed, rollback and recover neither.
    configured_awx.git_answers = False
    before = json.dumps(configured_awx.objects)
    assert run(configured_awx, awx_ee_credential="the registry") == 0
    assert json.dumps(configured_awx.objects) == before


def test_members_and_hosts_are_what_the_variables_say(configured_awx):
    awx = configured_awx
    # Alice is moved, pi-1 is replaced.
    moved = {"awx_deployers": ["carol"], "awx_approvers": ["bob", "alice"], "awx_hosts": {"pi-2": None, "pi-3": {}}}
    assert run(awx, "--check", **moved) > 0
    assert (awx.team("shop deployers"), awx.team("shop approvers")) == (["alice"], ["bob"])
    assert awx.names("hosts") == ["pi-1", "pi-2"]
    run(awx, **moved)
    assert (awx.team("shop deployers"), awx.team("shop approvers")) == (["carol"], ["alice", "bob"])
    assert awx.names("hosts") == ["pi-2", "pi-3"]
    # null: they come from a directory. An empty list is nobody.
    run(awx, **{**moved, "awx_deployers": None, "awx_approvers": []})
    assert (awx.team("shop deployers"), awx.team("shop approvers")) == (["carol"], [])
