# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stat bluegreen_pending, which AWX hands on, by Ansible itself: also of a rollout whose later batch fails."""

from __future__ import annotations

import json
import os
import sys

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
TASKS = os.path.join(ROOT, "roles/bluegreen/tasks")


def role(part):
    return {"ansible.builtin.include_role": {"name": "smallfleet.bluegreen.bluegreen", "tasks_from": part}}


PLAYS = [
    {
        "hosts": "all",
        "gather_facts": False,
        "serial": 1,
        "tasks": [
            {"ansible.builtin.fail": {"msg": "it failed"}, "when": "inventory_hostname in fails"},
            {
                "ansible.builtin.set_fact": {
                    "_bluegreen_open": {
                        "id": "{{ inventory_hostname }}-1", "live": "{{ live }}", "idle": "green", "pending": False,
                    },
                    "_bluegreen_awaits": "{{ inventory_hostname not in up_to_date }}",
                },
            },
            role("parts/tell_awx"),
        ],
    },
    {"hosts": "all", "gather_facts": False, "tasks": [role("approve")]},
]  # fmt: skip


@pytest.fixture
def pending(tmp_path, ansible_playbook):
    def run(names, **given):
        variables = {
            "ansible_connection": "local", "ansible_python_interpreter": sys.executable, "bluegreen_app": "shop",
            "bluegreen_project_src": "/srv/shop", "bluegreen_release": "2", "fails": [], "up_to_date": [], "live": "blue",
            **given,
        }  # fmt: skip
        (tmp_path / "play.yml").write_text(yaml.safe_dump(PLAYS), encoding="utf-8")
        hosts = ",".join([*names, ""])
        done = ansible_playbook(
            tmp_path, "-i", hosts, "play.yml", "-e", json.dumps(variables), ANSIBLE_SHOW_CUSTOM_STATS="1"
        )
        _unused, found, stats = done.stdout.partition("RUN: ")
        return json.loads(stats)["bluegreen_pending"] if found else None, done.stdout + done.stderr

    return run


@pytest.mark.parametrize(
    "names, given, hosts",
    [
        ("abc", {"bluegreen_approval": "manual"}, "abc"),
        # The last batch fails as a whole, so no other play runs.
        ("abc", {"bluegreen_approval": "manual", "fails": ["c"]}, "ab"),
        ("abc", {"bluegreen_approval": "automatic", "fails": ["c"]}, "ab"),
        ("abc", {"bluegreen_approval": "manual", "up_to_date": ["a"]}, "bc"),
        ("abc", {"bluegreen_approval": "manual", "up_to_date": ["a", "b", "c"]}, None),
        # Of several hosts, this would ask each of them to begin its time anew.
        ("a", {"bluegreen_approval": "automatic"}, ""),
        # A first deployment has nothing to approve.
        ("a", {"bluegreen_approval": "manual", "live": ""}, ""),
    ],
    ids=str,
)
def test_it_names_the_hosts_that_await_approval(pending, names, given, hosts):
    found, text = pending(names, **given)
    expected = None if hosts is None else {name: {"id": f"{name}-1", "release": "2"} for name in hosts}
    assert found == expected, text


@pytest.mark.parametrize(
    "template, way",
    [
        ("", "To approve it: ansible-playbook smallfleet.bluegreen.finish. To go back:"),
        ("shop deploy", 'To approve it: the template "shop finish". To go back: the template "shop rollback".'),
    ],
)
def test_the_way_to_approve_is_a_template_in_awx(pending, template, way):
    _unused, text = pending("a", bluegreen_approval="manual", awx_job_template_name=template)
    assert way in " ".join(text.replace("\\", "").split())


@pytest.mark.parametrize("name", ["plan", "make_live"])
def test_a_host_tells_it_before_another_batch_begins(name):
    last = DataLoader().load_from_file(os.path.join(TASKS, f"{name}.yml"))[-1]
    assert last["ansible.builtin.import_tasks"] == "parts/tell_awx.yml"
