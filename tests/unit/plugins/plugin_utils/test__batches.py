# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._batches import sizes, with_a_canary


@pytest.mark.parametrize(
    "given, found",
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
def test_counts_and_percentages(given, found):
    assert sizes(given) == found


@pytest.mark.parametrize(
    "given",
    [[], "", "[]", [0], ["0%"], [-1], ["101%"], ["1.5"], [1.5], ["many"], [1, ""], "1;2", {"a": 1}, None, [None], [[1]],
     True, [True], "1,,2", "7000000"],
    ids=repr,
)  # fmt: skip
def test_what_is_neither_is_refused_in_a_sentence(given):
    with pytest.raises(ValueError) as refusal:
        sizes(given)
    assert str(refusal.value).startswith(f"bluegreen_serial is {given!r}, but it must be a list of counts of hosts and")


@pytest.mark.parametrize(
    "batches, hosts, lost, found",
    [
        ([1, "25%"], 8, 0, [1, "25%"]),
        ([1, "25%"], 8, 1, [2, "25%"]),
        ([1, "25%"], 8, 3, [4, "25%"]),
        # One that is large enough stays as it is.
        ([3, "25%"], 8, 2, [3, "25%"]),
        (["25%", "100%"], 8, 1, ["25%", "100%"]),
        (["25%", "100%"], 8, 2, [3, "100%"]),
        (["1%"], 8, 0, ["1%"]),
        # Nobody is left.
        ([1], 2, 2, [1]),
    ],
    ids=str,
)
def test_the_first_batch_has_a_host_that_is_not_lost(batches, hosts, lost, found):
    assert with_a_canary(batches, hosts, lost) == found
