# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""awx/configure.yml: every object that it makes, against the modules of awx.awx and against the other objects."""

from __future__ import annotations

import importlib
from unittest import mock

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from objects import FILLED_IN, ROOT, configure

TEMPLATES = ("deploy", "finish", "rollback", "recover", "status", "needs approval", "not approved")
# Named by an option, made by a module.
REFERENCES = {
    "organization": "organization",
    "lookup_organization": "organization",
    "project": "project",
    "inventory": "inventory",
    "execution_environment": "execution_environment",
    "job_templates": "job_template",
    "workflow_job_template": "workflow_job_template",
    "workflows": "workflow_job_template",
    "teams": "team",
    "target_teams": "team",
}
# What has to be in AWX before: users and credentials.
YOURS = {
    "users": {*FILLED_IN["awx_deployers"], *FILLED_IN["awx_approvers"]},
    "credentials": {FILLED_IN["awx_machine_credential"]},
    "credential": {"the registry"},
}


class Told(Exception):
    """A module has said which arguments it takes."""


def imported(module):
    return importlib.import_module(f"ansible_collections.awx.awx.plugins.modules.{module}")


def specification(module):
    """The module's own, as it gives it to the class that would now call AWX."""
    with mock.patch.object(imported(module), "ControllerAPIModule", side_effect=Told) as told, pytest.raises(Told):
        imported(module).main()
    return told.call_args.kwargs["argument_spec"]


def test_every_argument_is_one_that_the_module_takes(configured):
    wrong = {
        f"{module} {arguments.get('name', '')}": errors
        for module, arguments in configured.requests
        if (errors := ArgumentSpecValidator(specification(module)).validate(arguments).error_messages)
    }
    assert wrong == {}
    assert len(configured.requests) > 20


def test_what_an_object_names_was_made_before_it(configured):
    made = {"organization": set()}
    for module, arguments in configured.requests:
        for option, kind in REFERENCES.items():
            named = arguments.get(option) or []
            for name in named if isinstance(named, list) else [named]:
                assert name in made[kind], f"{module} names the {kind} {name!r}"
        for option, known in YOURS.items():
            given = arguments.get(option) or []
            assert set(given if isinstance(given, list) else [given]) <= known
        if "name" in arguments:
            made.setdefault(module, set()).add(arguments["name"])


def steps(configured):
    """{step: its arguments}, and with which steps each one continues after a success and after a failure."""
    found = [arguments for module, arguments in configured.requests if module == "workflow_job_template_node"]
    made = {each["identifier"]: each for each in found if "success_nodes" not in each}
    return made, {each["identifier"]: (each["success_nodes"], each["failure_nodes"]) for each in found if "success_nodes" in each}


def test_the_workflow_deploys_waits_for_an_approval_and_finishes(configured):
    made, leads = steps(configured)
    assert leads == {
        "deploy": (["needs_approval"], ["not_approved"]),
        "needs_approval": (["approve"], ["status"]),
        "approve": (["finish"], ["not_approved"]),
    }
    assert set(made) == {*leads, "finish", "not_approved", "status"}
    assert made["approve"]["approval_node"]["timeout"] == 3600
    for name, arguments in made.items():
        assert {each["workflow_job_template"] for each in made.values()} == {"shop release"}
        if name != "approve":
            assert configured.named("job_template", arguments["unified_job_template"])


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_job_template(configured, name):
    template = configured.named("job_template", f"shop {name}")
    assert (template["job_slice_count"], template["allow_simultaneous"], template["timeout"]) == (1, False, 7200)
    # bluegreen_approval would be one of them.
    assert template["ask_variables_on_launch"] is False
    playbook = ROOT / template["playbook"]
    # AWX offers only files in which it finds such a line.
    assert any(line.lstrip(" -").startswith("hosts:") for line in playbook.read_text(encoding="utf-8").splitlines())


def test_there_are_no_other_job_templates(configured):
    made = [arguments["name"] for module, arguments in configured.requests if module == "job_template"]
    assert made == [f"shop {name}" for name in TEMPLATES]


@pytest.mark.parametrize(
    "module, name", [("job_template", "shop deploy"), ("job_template", "shop finish"), ("workflow_job_template", "shop release")]
)
def test_a_survey_asks_for_the_release_and_for_nothing_else(configured, module, name):
    made = configured.named(module, name)
    (question,) = made["survey_spec"]["spec"]
    assert made["survey_enabled"] is True
    assert (question["variable"], question["required"], question["default"]) == ("bluegreen_release", True, "")


def test_who_deploys_cannot_approve_and_everybody_reads_all_jobs(configured):
    granted = {}
    for module, arguments in configured.requests:
        if module == "role" and "teams" in arguments:
            for team in arguments["teams"]:
                objects = [*arguments.get("workflows", []), *arguments.get("job_templates", [])]
                granted.setdefault(team, set()).update((arguments["role"], each) for each in objects)
    both = {
        *(("execute", f"shop {name}") for name in ("status", "rollback", "recover")),
        *(("read", f"shop {name}") for name in ("deploy", "finish", "needs approval", "not approved")),
    }
    assert granted == {
        "shop deployers": {("execute", "shop release"), *both},
        "shop approvers": {("approval", "shop release"), ("execute", "shop finish"), *both},
    }
    members = {
        team: set(arguments["users"])
        for module, arguments in configured.requests
        if module == "role" and arguments["role"] == "member"
        for team in arguments["target_teams"]
    }
    assert members == {"shop deployers": {"alice"}, "shop approvers": {"bob"}}
    # A deployment that is launched there approves nothing, whatever somebody would like to give it.
    assert configured.named("job_template", "shop deploy")["extra_vars"] == {"bluegreen_approval": "manual"}


def test_every_host_has_its_variables(configured):
    made = {arguments["name"]: arguments["variables"] for module, arguments in configured.requests if module == "host"}
    assert made == yaml.safe_load((ROOT / "awx/vars.example.yml").read_text(encoding="utf-8"))["awx_hosts"]


def test_only_finish_may_ask_awx_who_approved(tmp_path):
    ran = configure(tmp_path, awx_controller_credential="an auditor", awx_further_credentials=["the vault"])
    all_have = [FILLED_IN["awx_machine_credential"], "the vault"]
    for name in TEMPLATES:
        expected = [*all_have, "an auditor"] if name == "finish" else all_have
        assert ran.named("job_template", f"shop {name}")["credentials"] == expected


def test_jobs_run_with_the_forks_and_where_somebody_says(tmp_path):
    ran = configure(tmp_path, awx_forks=50, awx_instance_groups=["south"])
    made = [ran.named("job_template", f"shop {name}") for name in TEMPLATES]
    assert [(each["forks"], each["instance_groups"]) for each in made] == [(50, ["south"])] * len(TEMPLATES)


def test_without_users_the_teams_stay_empty(tmp_path):
    ran = configure(tmp_path, awx_deployers=[], awx_approvers=[])
    assert ran.rc == 0, ran.text
    assert not [each for each in ran.requests if each.arguments.get("role") == "member"]


@pytest.mark.parametrize(
    "variable, value, sentence",
    [
        ("awx_ee_image", "", 'awx_ee_image is "": give the image of the execution environment with its tag'),
        ("awx_ee_image", None, 'awx_ee_image is "": give the image'),
        ("awx_ee_image", "example/ee", 'awx_ee_image is "example/ee": give the image'),
        ("awx_ee_image", "example:5000/ee", 'awx_ee_image is "example:5000/ee": give the image'),
        ("awx_machine_credential", "", "awx_machine_credential is empty: make a credential of the kind Machine in AWX"),
        ("awx_hosts", {}, "awx_hosts is empty: give each host a name"),
        ("awx_inventory_variables", {"bluegreen_health_path": "/"}, "awx_inventory_variables has no bluegreen_app: give"),
        ("awx_forks", 0, "awx_forks is 0: give how many hosts a job works on at the same time, 1 or more"),
        ("awx_job_timeout", 0, "awx_job_timeout is 0: give at least 1800 seconds"),
        ("awx_approval_timeout", 0, "awx_approval_timeout is 0: give at least 60 seconds"),
        # Both have the same default.
        ("awx_inventory_variables", {"bluegreen_app": "shop", "bluegreen_on_timeout": "rollback"},
         "bluegreen_approval_timeout is 3600 for pi-1, where bluegreen_on_timeout is rollback: give more than "
         "awx_approval_timeout (3600) and the time of a rollout together"),
        ("awx_hosts", {"pi-1": None, "pi-2": {"bluegreen_on_timeout": "rollback", "bluegreen_approval_timeout": 600}},
         "bluegreen_approval_timeout is 600 for pi-2, where bluegreen_on_timeout is rollback"),
    ],
)
def test_a_missing_value_is_said_in_one_sentence_before_anything_is_made(tmp_path, variable, value, sentence):
    ran = configure(tmp_path, **{variable: value})
    assert (ran.rc, ran.requests) == (2, [])
    assert sentence in ran.text
    assert "Traceback" not in ran.text and "undefined" not in ran.text


@pytest.mark.parametrize("seconds", [0, 7200])
def test_a_host_may_go_back_by_itself_after_awx_has_stopped_to_wait(tmp_path, seconds):
    variables = {"bluegreen_app": "shop", "bluegreen_on_timeout": "rollback", "bluegreen_approval_timeout": seconds}
    ran = configure(tmp_path, awx_inventory_variables=variables)
    assert ran.rc == 0, ran.text


@pytest.mark.parametrize("image", ["example:5000/team/ee:1.2", "localhost/ee:1", "example/ee@sha256:" + "0" * 64])
def test_an_image_with_a_tag_or_a_digest_is_taken(tmp_path, image):
    ran = configure(tmp_path, awx_ee_image=image)
    assert ran.named("execution_environment", "shop bluegreen")["image"] == image


def test_an_image_is_pulled_with_a_credential_if_there_is_one(configured, tmp_path):
    assert "credential" not in configured.named("execution_environment", "shop bluegreen")
    ran = configure(tmp_path, awx_ee_credential="the registry")
    assert ran.named("execution_environment", "shop bluegreen")["credential"] == "the registry"
