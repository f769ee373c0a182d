# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible import context
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader

from ansible_collections.smallfleet.bluegreen.plugins.lookup.fleet import LookupModule

GROUPS = {"all": ["pi-1", "pi-2", "vm-1"], "ungrouped": [], "pis": ["pi-1", "pi-2"], "empty": []}


@pytest.fixture
def fleet():
    def ask(pattern, limit=None, **of_hosts):
        variables = {"groups": GROUPS, "hostvars": {host: of_hosts.get(host, {}) for host in GROUPS["all"]}}
        if limit is not None:
            variables["ansible_limit"] = limit
        return LookupModule(loader=DataLoader()).run([pattern], variables)

    return ask


@pytest.mark.parametrize(
    "pattern, limit",
    [
        ("all", None),
        ("pis", None),
        ("pi-1,vm-1", None),
        ("all:!pis", None),
        ("pi-*", None),
        ("pis", "pi-2"),
        ("pis", "vm-1,pi-2"),
        ("pis", "all:!pi-1"),
        ("~pi-[12]", "pis"),
    ],
)
def test_a_pattern_that_matches_a_host_is_returned_as_it_is(fleet, pattern, limit):
    assert fleet(pattern, limit) == [pattern]


@pytest.mark.parametrize("pattern", ["nobody", "empty", "pis:&vm-1", "all:!all"])
def test_a_pattern_that_matches_nothing_is_refused(fleet, pattern):
    with pytest.raises(AnsibleLookupError) as refusal:
        fleet(pattern)
    assert str(refusal.value) == (
        f"bluegreen_hosts is {pattern!r}, but no host of the inventory matches it. Nothing was done. "
        "ansible-inventory --graph shows all hosts."
    )


def test_a_limit_that_leaves_nothing_of_it_is_refused(fleet):
    with pytest.raises(AnsibleLookupError, match="no host of the inventory matches it within --limit vm-1."):
        fleet("pis", "vm-1")


def test_a_pattern_in_the_inventory_is_refused_because_it_would_do_nothing(fleet):
    of_pis = {"pi-1": {"bluegreen_hosts": "pis"}, "pi-2": {"bluegreen_hosts": "pis"}}
    with pytest.raises(AnsibleLookupError) as refusal:
        fleet("all", **of_pis)
    assert str(refusal.value) == (
        "bluegreen_hosts is 'pis' in the inventory, for pi-1, but a playbook can only read it from -e, and would run "
        "on 'all'. Nothing was done. Use -e bluegreen_hosts=pis."
    )
    # The first play has no variables of hosts.
    assert LookupModule(loader=DataLoader()).run(["all"], {"groups": GROUPS}) == ["all"]
    # As with -e, which is a variable of every host too.
    assert fleet("pis", **of_pis) == ["pis"]


def test_the_syntax_can_be_checked_without_an_inventory(fleet, monkeypatch):
    monkeypatch.setattr(context, "CLIARGS", {"syntax": True})
    assert fleet("nobody") == ["nobody"]


def test_a_limit_from_a_file_is_read(fleet, tmp_path):
    (tmp_path / "retry").write_text("pi-2\n")
    assert fleet("pis", f"@{tmp_path}/retry") == ["pis"]
    (tmp_path / "retry").write_text("vm-1\n")
    with pytest.raises(AnsibleLookupError):
        fleet("pis", f"@{tmp_path}/retry")
