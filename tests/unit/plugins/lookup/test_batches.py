# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader

from ansible_collections.smallfleet.bluegreen.plugins.lookup.batches import LookupModule

GROUPS = {"all": ["pi-1", "pi-2", "vm-1", "vm-2"], "ungrouped": [], "pis": ["pi-1", "pi-2"], "vms": ["vm-1", "vm-2"]}


def batches(pattern, limit=None, **of_hosts):
    hostvars = {host: of_hosts.get(host.replace("-", "_"), {}) for host in GROUPS["all"]}
    variables = {"groups": GROUPS, "hostvars": hostvars}
    if limit is not None:
        variables["ansible_limit"] = limit
    return LookupModule(loader=DataLoader()).run([pattern], variables)


def test_without_a_word_a_canary_goes_first():
    assert batches("all") == [[1, "25%", "100%"]]


def test_the_first_host_says_how_many():
    said = {"pi_1": {"bluegreen_serial": "2,100%"}, "vm_1": {"bluegreen_serial": [3]}}
    assert batches("all", **said) == [[2, "100%"]]
    assert batches("vms", **said) == [[3]]


def test_the_first_host_within_the_limit_says_it():
    said = {"pi_1": {"bluegreen_serial": [2]}, "vm_1": {"bluegreen_serial": [3]}}
    assert batches("all", "vms", **said) == [[3]]


def test_hosts_that_the_plan_has_lost_are_no_canary():
    planned = {"_bluegreen_open": {}}
    assert batches("all", pi_1=planned, pi_2=planned, vm_1=planned, vm_2=planned) == [[1, "25%", "100%"]]
    assert batches("all", pi_2=planned, vm_1=planned, vm_2=planned) == [[2, "25%", "100%"]]
    assert batches("all", vm_2=planned) == [[4, "25%", "100%"]]


def test_what_is_no_list_of_sizes_is_refused_in_a_sentence():
    with pytest.raises(AnsibleLookupError, match="bluegreen_serial is 'some', but it must be a list of counts"):
        batches("all", pi_1={"bluegreen_serial": "some"})


def test_the_first_play_has_no_variables_of_hosts():
    assert LookupModule(loader=DataLoader()).run(["all"], {"groups": GROUPS}) == [[1, "25%", "100%"]]


def test_a_pattern_without_hosts_is_not_its_business():
    assert batches("nobody") == [[1, "25%", "100%"]]
