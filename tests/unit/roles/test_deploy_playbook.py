# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What later plays of deploy.yml rely on, by Ansible itself, up to the first look at a host."""

from __future__ import annotations

import json

import pytest
import yaml

# Where nobody answers.
OFF = {"ansible_host": "127.0.0.1", "ansible_port": 1}
DEPLOY = {"ansible.builtin.import_playbook": "smallfleet.bluegreen.deploy"}
# As a deployment of another app leaves it, earlier in the same run.
LEFT = {"_bluegreen_open": {"up_to_date": True, "pending": False}}
ANOTHER_APP = {"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.set_fact": LEFT}]}


@pytest.fixture
def run(tmp_path, ansible_playbook):
    def deploy(*plays, arguments=(), **variables):
        """What the playbook prints, and its exit code."""
        given = {"bluegreen_app": "shop", "bluegreen_project_src": "/srv/shop", **variables}
        (tmp_path / "play.yml").write_text(yaml.safe_dump([*plays, DEPLOY]), encoding="utf-8")
        (tmp_path / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": {"pi": OFF}}}), encoding="utf-8")
        done = ansible_playbook(tmp_path, "-i", "inventory.yml", "play.yml", "-e", json.dumps(given), *arguments)
        return " ".join((done.stdout + done.stderr).split()), done.returncode

    return deploy


def test_who_starts_at_the_deployment_is_past_no_check(run):
    text, rc = run(arguments=["--start-at-task", "Deploy"], bluegreen_release=1.1)
    assert rc and "bluegreen_release is 1.1 (a number), not text. Nothing was done." in text
    assert "UNREACHABLE" not in text


def test_another_app_that_is_up_to_date_keeps_this_one_from_nothing(run):
    text, rc = run(ANOTHER_APP, bluegreen_release="2")
    assert rc == 4 and "UNREACHABLE" in text
