# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import kept_color
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError

UNDONE = {
    "id": "dep-2", "release": "2", "release_from": "1", "from": "blue", "to": "green", "result": "rolled_back",
    "ended": "2026-11-23T12:00:00Z",
}  # fmt: skip
DONE = {**UNDONE, "result": "committed"}
KEPT = {"color": "green", "release": "0.9", "containers": []}
NO_LABEL = {**KEPT, "release": ""}
ALREADY = "Release 2 was rolled back already (2026-11-23T12:00:00Z); release 1 is live."
ROLLBACK = "ansible-playbook smallfleet.bluegreen.rollback"
FURTHER = f"{ALREADY} To go further back, name the release: {ROLLBACK} -e bluegreen_release=0.9."


@pytest.mark.parametrize(
    "last, kept, wanted, sentence",
    [
        ({}, None, "", ""),
        (DONE, KEPT, "", ""),
        (DONE, None, "", ""),
        ({**DONE, "result": "failed"}, KEPT, "", ""),
        (UNDONE, KEPT, "", FURTHER),
        (UNDONE, None, "", ALREADY),
        # Where the release stands in the inventory, it is the one that was to be deployed.
        (UNDONE, KEPT, "2", FURTHER),
        (UNDONE, KEPT, "1", FURTHER),
        (UNDONE, KEPT, "0.9", ""),
        # It was on its way to the kept color itself, and did not get there: that is tried again.
        ({**UNDONE, "to_kept": True}, KEPT, "", ""),
        (UNDONE, KEPT, "0.8", ""),
        (
            UNDONE,
            NO_LABEL,
            "",
            f"{ALREADY} To go further back, deploy the earlier release: the kept color has no label by which a "
            "rollback could name it.",
        ),
        (
            {**UNDONE, "from": "", "release_from": "", "release": "", "ended": ""},
            None,
            "",
            "Release (none) was rolled back already (earlier); no color is live.",
        ),
        ({**UNDONE, "release_from": ""}, None, "", ALREADY.replace("release 1 is", "release (none) is")),
    ],
    ids=str,
)
def test_after_a_way_back_none_goes_further_by_itself(last, kept, wanted, sentence):
    assert kept_color.done_already(last, kept, wanted) == sentence


@pytest.mark.parametrize(
    "last, kept, wanted",
    [(DONE, KEPT, ""), (DONE, KEPT, "0.9"), (UNDONE, KEPT, "0.9"), ({}, KEPT, ""), (DONE, NO_LABEL, "")],
    ids=str,
)
def test_what_may_go_to_the_kept_color(last, kept, wanted):
    kept_color.require_named(last, kept, wanted)


@pytest.mark.parametrize(
    "last, kept, wanted, sentence",
    [
        (UNDONE, KEPT, "", FURTHER),
        (
            DONE,
            KEPT,
            "2",
            "bluegreen_release is '2', but the kept color green has release 0.9: to go back to the kept color, "
            "name its release (ansible-playbook smallfleet.bluegreen.rollback -e bluegreen_release=0.9), or deploy "
            "release 2 (ansible-playbook smallfleet.bluegreen.deploy -e bluegreen_release=2).",
        ),
        (
            UNDONE,
            NO_LABEL,
            "0.8",
            "bluegreen_release is '0.8', but the kept color green has release (none): to go back to the kept "
            "color, leave bluegreen_release out (ansible-playbook smallfleet.bluegreen.rollback), or deploy "
            "release 0.8 (ansible-playbook smallfleet.bluegreen.deploy -e bluegreen_release=0.8).",
        ),
    ],
    ids=str,
)
def test_what_is_not_meant_is_refused(last, kept, wanted, sentence):
    with pytest.raises(BluegreenError) as refusal:
        kept_color.require_named(last, kept, wanted)
    assert refusal.value.message == sentence
