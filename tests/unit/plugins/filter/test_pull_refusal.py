# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.filter.pull_refusal import FilterModule

OWNER = "commit-4f1d2c3b5a69@pi-1"
FAILED = {
    "who": OWNER, "release": "1.5.0", "result": "rolled_back", "ended": "2026-11-30T06:00:00Z",
    "reason": "Wait until the new color is healthy: status 500.", "seconds": {"fetch": 2.0, "stop_workers": 1.0},
}  # fmt: skip
CUT_OFF = {**FAILED, "reason": "guard: the host was rebooted during step health"}
COMMITTED = {**FAILED, "result": "committed", "reason": ""}
OF_ANOTHER_COMMIT = {**FAILED, "who": "commit-000000000000@pi-1"}
# The registry did not answer.
HARMLESS = {**FAILED, "seconds": {"open": 0.1, "fetch": 2.0, "between_runs": 1.0, "way_back": 0.5}}


def refusal(history):
    return FilterModule().filters()["pull_refusal"](history, OWNER)


@pytest.mark.parametrize(
    "history",
    [
        [],
        [COMMITTED],
        [OF_ANOTHER_COMMIT],
        [HARMLESS] * 9,
        [CUT_OFF, CUT_OFF],
        # What an earlier version wrote.
        [{"who": OWNER, "result": "rolled_back"}],
    ],
)
def test_may_be_tried(history):
    assert refusal(history) == ""


def test_a_release_that_failed():
    assert refusal([FAILED, OF_ANOTHER_COMMIT, CUT_OFF]) == (
        "Release 1.5.0 failed, the last time at 2026-11-30T06:00:00Z (Wait until the new color is healthy: status "
        "500): it is tried again when a commit changes bluegreen_release_file."
    )


def test_a_deployment_that_needs_a_human():
    assert refusal([{**HARMLESS, "result": "failed", "seconds": {"failed": 3.0}}])


def test_a_release_that_was_cut_off_three_times():
    sentence = refusal([CUT_OFF, HARMLESS, CUT_OFF, CUT_OFF])
    assert "failed 3 times, the last time at" in sentence and "rebooted during step health" in sentence
