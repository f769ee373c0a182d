# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.schema import STEPS
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import decide as recovery_decide
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery.decide import HostState

WHOLE = HostState(served="green", candidate_whole=True, old_healthy=True)
BROKEN = HostState(served="green", candidate_whole=False, old_healthy=True)
BOTH_BAD = HostState(served="green", candidate_whole=False, old_healthy=False)
UNKNOWN = HostState(served="", candidate_whole=True, old_healthy=True)
UNKNOWN_AND_BROKEN = UNKNOWN._replace(candidate_whole=False)
OLD_IS_SERVED = HostState(served="blue", candidate_whole=True, old_healthy=True)
BLIND = HostState()

BEFORE_THE_CUTOVER = ("open", "fetch", "before_stop", "stop_workers", "start_candidate", "health")
AFTER_THE_CUTOVER = ("handover", "start_workers", "settle", "awaiting_approval")


def journal(step, done=True, back=False, **facts):
    return {"step": step, "done": done, "rolling_back": back, "from": "blue", "to": "green", **facts}


def proved(color):
    """What the journal has of a cutover; the color is empty between the order to Nginx and the proof."""
    return {"cutover": {"color": "green", "previous": "blue", "proved": color}}


# A row of the table of recovery after the other: journal, host, action.
TABLE = [
    (journal("open", done=False), BLIND, recovery_decide.DISCARD),
    (journal("open"), BLIND, recovery_decide.DISCARD),
    (journal("fetch", done=False), BLIND, recovery_decide.DISCARD),
    (journal("fetch"), BLIND, recovery_decide.DISCARD),
    (journal("before_stop", done=False), BLIND, recovery_decide.RESTORE),
    (journal("before_stop"), BLIND, recovery_decide.RESTORE),
    (journal("stop_workers", done=False), BLIND, recovery_decide.RESTORE),
    (journal("stop_workers"), BLIND, recovery_decide.RESTORE),
    (journal("start_candidate"), BLIND, recovery_decide.RESTORE),
    (journal("health", done=False), BLIND, recovery_decide.RESTORE),
    (journal("health"), BLIND, recovery_decide.RESTORE),
    # The cutover was meant, and not proved: nobody knows what Nginx read.
    (journal("cutover", done=False), WHOLE, recovery_decide.BACK),
    (journal("cutover", done=False), BOTH_BAD, recovery_decide.BACK),
    (journal("cutover"), WHOLE, recovery_decide.HOLD),
    (journal("cutover"), BROKEN, recovery_decide.BACK),
    (journal("cutover"), BOTH_BAD, recovery_decide.FAIL),
    (journal("handover", done=False), WHOLE, recovery_decide.HOLD),
    (journal("start_workers", done=False), BROKEN, recovery_decide.BACK),
    (journal("settle"), WHOLE, recovery_decide.HOLD),
    (journal("settle"), BOTH_BAD, recovery_decide.FAIL),
    # An Nginx that is down says nothing, so the last proof counts.
    (journal("settle"), UNKNOWN, recovery_decide.BACK),
    (journal("settle", **proved("")), UNKNOWN, recovery_decide.BACK),
    (journal("settle", **proved("blue")), UNKNOWN, recovery_decide.BACK),
    (journal("settle", **proved("green")), UNKNOWN, recovery_decide.HOLD),
    (journal("cutover", **proved("green")), UNKNOWN, recovery_decide.HOLD),
    (journal("handover", done=False, **proved("green")), UNKNOWN, recovery_decide.HOLD),
    (journal("awaiting_approval", **proved("green")), UNKNOWN, recovery_decide.HOLD),
    (journal("awaiting_approval", **proved("green")), UNKNOWN_AND_BROKEN, recovery_decide.BACK),
    (journal("awaiting_approval", **proved("green")), BLIND, recovery_decide.FAIL),
    (journal("cutover", done=False, **proved("green")), UNKNOWN, recovery_decide.BACK),
    # What Nginx shows now is worth more than what it once was proved to serve.
    (journal("settle", **proved("green")), OLD_IS_SERVED, recovery_decide.BACK),
    (journal("settle", **proved("green")), OLD_IS_SERVED._replace(old_healthy=False), recovery_decide.FAIL),
    # The first deployment: there was no color before it.
    (journal("cutover", done=False, **{"from": ""}), WHOLE, recovery_decide.BACK),
    (journal("settle", **{"from": ""}), WHOLE, recovery_decide.HOLD),
    (journal("cutover", **{"from": ""}), BOTH_BAD, recovery_decide.BACK),
    (journal("start_workers", done=False, **{"from": ""}), BOTH_BAD, recovery_decide.BACK),
    (journal("settle", **{"from": ""}), BOTH_BAD, recovery_decide.BACK),
    # It was whole, and may be so again.
    (journal("awaiting_approval", **{"from": ""}), BOTH_BAD, recovery_decide.FAIL),
    (journal("awaiting_approval"), WHOLE, recovery_decide.HOLD),
    (journal("awaiting_approval"), BROKEN, recovery_decide.BACK),
    (journal("awaiting_approval"), BOTH_BAD, recovery_decide.FAIL),
    (journal("finish", done=False), WHOLE, recovery_decide.COMPLETE),
    (journal("finish", done=False), BOTH_BAD, recovery_decide.COMPLETE),
    (journal("finish", done=False), BLIND, recovery_decide.FAIL),
    (journal("finish", done=False), OLD_IS_SERVED, recovery_decide.FAIL),
    # Only what Nginx is proved to serve now lets anything be removed.
    (journal("finish", done=False, **proved("green")), UNKNOWN, recovery_decide.FAIL),
]


@pytest.mark.parametrize(
    "sight, action",
    [
        (HostState(candidate_whole=True, old_healthy=True), recovery_decide.HOLD),
        (HostState(candidate_whole=False, old_healthy=True), recovery_decide.BACK),
        (HostState(), recovery_decide.FAIL),
        # What Nginx shows counts for more than the last proof.
        (HostState(served="blue", candidate_whole=True, old_healthy=True), recovery_decide.BACK),
    ],
)
@pytest.mark.parametrize("result", ["", "failed"])
def test_while_nginx_says_nothing_the_last_proof_counts(sight, action, result):
    written = {**journal("settle"), "cutover": {"proved": "green"}, "result": result}
    assert recovery_decide.decide(written, sight) == action


@pytest.mark.parametrize("written, sight, action", TABLE)
def test_by_what_the_host_shows(written, sight, action):
    assert recovery_decide.decide(written, sight) == action


@pytest.mark.parametrize("sight", [WHOLE, BROKEN, BOTH_BAD, BLIND])
@pytest.mark.parametrize("step", ["cutover", *AFTER_THE_CUTOVER])
@pytest.mark.parametrize(
    "written, prefer", [({"rolling_back": True}, ""), ({}, "rollback"), ({"rolling_back": True}, "rollback")]
)
def test_a_deployment_that_goes_back_never_goes_forward_again(step, sight, written, prefer):
    assert recovery_decide.decide({**journal(step), **written}, sight, prefer) == recovery_decide.BACK


@pytest.mark.parametrize("prefer", ["", "rollback"])
@pytest.mark.parametrize("step", BEFORE_THE_CUTOVER)
def test_before_the_cutover_nginx_is_left_alone(step, prefer):
    for sight in (WHOLE, BLIND):
        assert recovery_decide.decide(journal(step), sight, prefer) in (
            recovery_decide.DISCARD,
            recovery_decide.RESTORE,
        )


@pytest.mark.parametrize("prefer", ["", "rollback"])
def test_what_was_approved_is_never_undone(prefer):
    assert recovery_decide.decide(journal("finish"), WHOLE, prefer) == recovery_decide.COMPLETE
    assert recovery_decide.decide(journal("finish"), BLIND, prefer) == recovery_decide.FAIL


def test_recovery_never_approves():
    for step, sight, done, prefer in itertools.product(
        STEPS, (WHOLE, BROKEN, BOTH_BAD, UNKNOWN, BLIND), (True, False), ("", "rollback")
    ):
        action = recovery_decide.decide(journal(step, done), sight, prefer)
        assert action != recovery_decide.COMPLETE or step == "finish"


@pytest.mark.parametrize("step", STEPS)
def test_there_is_an_answer_to_every_step(step):
    actions = {
        recovery_decide.DISCARD,
        recovery_decide.RESTORE,
        recovery_decide.BACK,
        recovery_decide.HOLD,
        recovery_decide.COMPLETE,
        recovery_decide.FAIL,
    }
    for sight in (WHOLE, BLIND):
        assert recovery_decide.decide(journal(step, done=False), sight) in actions


@pytest.mark.parametrize("back", [True, False])
@pytest.mark.parametrize(
    "facts, cut_off",
    [
        # Nginx was never told to read another file.
        ({}, False),
        ({"cutover": None}, False),
        # It was told, and nobody has proved since what it did.
        (proved(""), True),
        # It is proved, in whichever direction.
        (proved("green"), False),
        (proved("blue"), False),
    ],
)
def test_a_switch_was_cut_off_between_the_order_and_the_proof(facts, cut_off, back):
    assert recovery_decide.switch_was_cut_off(journal("cutover", done=False, back=back, **facts)) is cut_off
