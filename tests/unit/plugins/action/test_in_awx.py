# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module says in a job of AWX, by Ansible itself: an app that was never deployed is asked to be finished."""

from __future__ import annotations

import json

import pytest

FINISH = {
    "smallfleet.bluegreen.bg_deployment": {
        "app": "never-deployed", "state": "closed", "deployment_id": "20261123T170739Z-4f2a9c", "epoch": 1,
    }
}  # fmt: skip
PLAY = [{"hosts": "localhost", "gather_facts": False, "tasks": [FINISH]}]


@pytest.mark.parametrize(
    "variables, way",
    [
        ({}, "Look at ansible-playbook smallfleet.bluegreen.status."),
        ({"awx_job_template_name": "shop finish"}, 'Look at the template "shop status".'),
        ({"awx_job_template_name": "Of another name"}, "Look at ansible-playbook smallfleet.bluegreen.status."),
    ],
)
def test_the_way_out_is_a_template(tmp_path, ansible_playbook, variables, way):
    (tmp_path / "play.yml").write_text(json.dumps(PLAY), encoding="utf-8")
    done = ansible_playbook(
        tmp_path, "play.yml", "-e", json.dumps(variables), ANSIBLE_CALLBACK_RESULT_FORMAT="json"
    )
    text = " ".join(done.stdout.replace("\\", "").split())
    assert done.returncode == 2 and "nothing was finished" in text, text
    assert way in text
