# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._fleet import fleet
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.plugin_utils.fleets import (
    AT,
    FAILED,
    HOSTILE,
    UNREACHABLE,
    awaiting,
    deployment,
    ended,
    of,
    whole,
)

PLAYBOOK = "ansible-playbook smallfleet.bluegreen."


def restarting():
    info = whole()
    of(info, "worker").update(status="restarting")
    return info


def tried(result):
    return whole(history=[ended(20, "1.5.0", "blue", result, "it broke")])


def commands(info, name="pi"):
    (host,) = fleet([(name, "shop", info)], AT)["hosts"]
    return [step["command"] for step in host["next"]]


@pytest.mark.parametrize(
    "info, shown",
    [
        (whole(), []),
        (UNREACHABLE, ["ansible pi -m ansible.builtin.ping"]),
        (FAILED, [f"{PLAYBOOK}status --limit pi"]),
        ({}, [f"{PLAYBOOK}status --limit pi"]),
        (restarting(), [f"{PLAYBOOK}status --limit pi"]),
        (awaiting(), [f"{PLAYBOOK}finish -e bluegreen_release=1.5.0 --limit pi", f"{PLAYBOOK}rollback --limit pi"]),
        (whole(deployment=deployment("health")), [f"{PLAYBOOK}status --limit pi"]),
        (whole(deployment=deployment("health", owner_alive=False)), [f"{PLAYBOOK}recover --limit pi"]),
        (whole(deployment=deployment("cutover", owner_alive=False, going_back=True)), [f"{PLAYBOOK}status --limit pi"]),
        (whole(deployment=deployment("cutover", result="failed")), [f"{PLAYBOOK}rollback --limit pi"]),
        (tried("rolled_back"), [f"{PLAYBOOK}deploy -e bluegreen_release=1.5.0 --limit pi"]),
        (tried("failed"), [f"{PLAYBOOK}deploy -e bluegreen_release=1.5.0 --limit pi"]),
    ],
)
def test_the_command_that_comes_next(info, shown):
    assert commands(info) == shown


@pytest.mark.parametrize("label", [HOSTILE, "2 bluegreen_hosts=all", "$(reboot)"])
def test_a_command_names_no_label_that_is_more_than_one(label):
    assert commands(whole(history=[ended(20, label, "blue", "rolled_back")])) == [f"{PLAYBOOK}deploy --limit pi"]


def test_the_name_of_a_host_is_one_word():
    assert commands(UNREACHABLE, "pi; reboot") == ["ansible 'pi; reboot' -m ansible.builtin.ping"]
