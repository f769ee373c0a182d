# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate between batches, by Ansible itself on five names of this machine; the real rollouts are in tests/system/fleet."""

from __future__ import annotations

import json
import os
import re
import sys

import pytest
import yaml

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
NAMES = ("a", "b", "c", "d", "e")
GATE = {"ansible.builtin.include_role": {"name": "smallfleet.bluegreen.bluegreen", "tasks_from": "gate"}}


def deploy_play():
    """Batches and strategy as the playbook has them."""
    with open(os.path.join(ROOT, "playbooks/deploy.yml"), encoding="utf-8") as playbook:
        plays = {play["name"]: play for play in yaml.safe_load(playbook)}
    return {key: plays["Deploy"][key] for key in ("serial", "strategy")}


PLAYS = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {"ansible.builtin.fail": {"msg": "it is off"}, "when": "inventory_hostname in never_planned"},
            {
                "ansible.builtin.set_fact": {
                    "_bluegreen_open": {"up_to_date": "{{ inventory_hostname in up_to_date }}", "pending": False}
                },
            },
        ],
    },
    {
        "hosts": "all",
        "gather_facts": False,
        **deploy_play(),
        "tasks": [
            GATE,
            {
                "ansible.builtin.debug": {"msg": "begun: {{ inventory_hostname }}."},
                "when": "not _bluegreen_open.up_to_date",
            },
            {"ansible.builtin.fail": {"msg": "it failed"}, "when": "inventory_hostname in fails"},
            # As the playbook: a host that is up to date does not come to the deployment, nor to its end.
            {
                "ansible.builtin.set_fact": {"_bluegreen_awaits": True, "_bluegreen_ended": True},
                "when": "not _bluegreen_open.up_to_date",
            },
        ],
    },
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [GATE, {"ansible.builtin.debug": {"msg": "asked: {{ inventory_hostname }}."}}],
    },
]


@pytest.fixture
def rollout(tmp_path, ansible_playbook):
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "bluegreen_app": "shop",
                 "bluegreen_project_src": "/srv/shop", "bluegreen_serial": [1, 2, 2],
                 # The user's own, which the role does not use: up to ansible-core 2.18 a list of hostvars renders all.
                 "unused": "{{ lookup('ansible.builtin.pipe', 'exit 1') }}"}
    inventory = {"all": {"hosts": dict.fromkeys(NAMES, {}), "vars": variables}}
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(inventory))
    (tmp_path / "play.yml").write_text(yaml.safe_dump(PLAYS))

    def run(fails="", never_planned="", up_to_date="", **variables):
        """Exit code, the hosts that were begun and those that were asked, and the output."""
        given = {
            "fails": list(fails), "never_planned": list(never_planned), "up_to_date": list(up_to_date), **variables
        }  # fmt: skip
        done = ansible_playbook(tmp_path, "-i", "inventory.yml", "play.yml", "-e", json.dumps(given))
        text = " ".join((done.stdout + done.stderr).split())
        begun, asked = ("".join(sorted(re.findall(rf"{word}: (\w)\.", text))) for word in ("begun", "asked"))
        return done.returncode, begun, asked, text

    return run


@pytest.mark.parametrize(
    "given, rc, begun, asked, sentence",
    [
        ({}, 0, "abcde", "abcde", ""),
        ({"fails": "a"}, 2, "a", "", ""),
        ({"up_to_date": "ab", "fails": "d"}, 2, "cde", "", "d failed or could not be reached"),
        (
            {"fails": "c"},
            2,
            "abc",
            "",
            "The rollout stops here: c failed or could not be reached, and bluegreen_max_failed_hosts is 0. a, b have "
            "the new release and await approval. To approve it there: ansible-playbook smallfleet.bluegreen.finish "
            "--limit a,b. To go back there: ansible-playbook smallfleet.bluegreen.rollback --limit a,b. Repair c and "
            "deploy again, or raise bluegreen_max_failed_hosts.",
        ),
        ({"fails": "c", "bluegreen_max_failed_hosts": 1}, 2, "abcde", "abde", ""),
        # The first batch is one host that lives, also where the first of the fleet does not.
        ({"never_planned": "a", "fails": "b", "bluegreen_max_failed_hosts": 1}, 2, "b", "", "a, b failed or could not"),
        (
            {"never_planned": "e"},
            2,
            "",
            "",
            "The rollout stops here: e failed or could not be reached, and bluegreen_max_failed_hosts is 0. No host "
            "has the new release. Repair e and deploy again, or raise bluegreen_max_failed_hosts.",
        ),
    ],
    ids=str,
)
def test_a_rollout_goes_on_only_as_long_as_few_enough_are_lost(rollout, given, rc, begun, asked, sentence):
    got = rollout(**given)
    assert got[:3] == (rc, begun, asked), got[3]
    assert sentence in got[3]
