# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.smallfleet.bluegreen.plugins.lookup.strategy import LookupModule

GROUPS = {"all": ["pi-1", "pi-2", "vm-1"], "ungrouped": [], "pis": ["pi-1", "pi-2"], "vms": ["vm-1"]}


@pytest.mark.parametrize(
    "pattern, limit, strategy",
    [
        ("all", None, "host_pinned"),
        ("pis", None, "host_pinned"),
        ("pis", "pi-2", "linear"),
        ("vms", None, "linear"),
        # Of which the play says that there is none.
        ("nobody", None, "linear"),
    ],
)
def test_one_host_waits_for_nobody(pattern, limit, strategy):
    variables = {"groups": GROUPS, **({"ansible_limit": limit} if limit else {})}
    assert LookupModule(loader=DataLoader()).run([pattern], variables) == [f"ansible.builtin.{strategy}"]
