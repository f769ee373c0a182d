# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.smallfleet.bluegreen.plugins.filter.batches import FilterModule


@pytest.fixture
def batches():
    return FilterModule().filters()["batches"]


@pytest.mark.parametrize(
    "given, sizes",
    [
        ([1, "25%", "100%"], [1, "25%", "100%"]),
        (["2", " 5% "], [2, "5%"]),
        ((1, 2), [1, 2]),
        (3, [3]),
        ("3", [3]),
        ("30%", ["30%"]),
        # What -e bluegreen_serial=… gives.
        ("1,25%,100%", [1, "25%", "100%"]),
        ('[1, "25%", "100%"]', [1, "25%", "100%"]),
        ("[1, '25%']", [1, "25%"]),
    ],
)
def test_counts_and_percentages(batches, given, sizes):
    assert batches(given) == sizes


@pytest.mark.parametrize(
    "given",
    [[], "", "[]", [0], ["0%"], [-1], ["101%"], ["1.5"], [1.5], ["many"], [1, ""], "1;2", {"a": 1}, None, [None], [[1]],
     True, [True], "1,,2", "7000000"],
    ids=repr,
)  # fmt: skip
def test_what_is_neither_is_refused_in_a_sentence(batches, given):
    with pytest.raises(AnsibleFilterError) as refusal:
        batches(given)
    assert str(refusal.value).startswith(f"bluegreen_serial is {given!r}, but it must be a list of counts of hosts and")
