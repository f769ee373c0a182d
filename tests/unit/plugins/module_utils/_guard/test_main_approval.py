# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guard does about a deployment that awaits approval."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import approval
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard import watch as guard_watch
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard.main import PACE
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._http import Answer
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import history_of
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._guard.guarded import ROLLED_BACK


@pytest.fixture
def answers(monkeypatch):
    """What each port answers."""
    by_port = {18001: Answer(200, "", 0.01), 18002: Answer(200, "", 0.01), 80: Answer(200, "", 0.01)}
    monkeypatch.setattr(guard_watch._http, "ask", lambda clock, url, *args: by_port[url.port])
    return by_port


def test_a_deployment_that_awaits_approval_is_watched_and_never_approved(scene, answers):
    journal = scene.deployment("awaiting_approval")
    assert set(scene.run(until=scene.host.clock.now + 500)) == {guard_watch.PACE}
    assert scene.store.load().data == journal.data
    assert (scene.said, scene.effects()) == ([], [])


@pytest.mark.parametrize("watch", [True, False])
def test_what_nobody_approved_in_time_goes_back_where_that_was_asked_for(scene, answers, watch):
    journal = scene.deployment("awaiting_approval", approval_timeout=60, on_timeout="rollback", watch=watch)
    approval.begin(journal)
    begun = scene.host.clock.now
    scene.run()
    assert 60 <= scene.host.clock.now - begun < 63
    assert scene.reason() == "guard: nobody approved release 2 within 60 s"
    assert scene.said == [f"nobody approved release 2 within 60 s. {ROLLED_BACK}"]
    assert scene.served == "blue" and scene.states()["blue-worker"] == "running"


@pytest.mark.parametrize(
    "facts", [{"on_timeout": "keep"}, {}, {"on_timeout": "rollback", "from": "", "release_from": ""}], ids=str
)
def test_what_nobody_approved_in_time_is_kept_and_told_once(scene, answers, facts):
    journal = scene.deployment("awaiting_approval", approval_timeout=60, **facts)
    approval.begin(journal)
    scene.run(until=scene.host.clock.now + 300)
    assert scene.store.load()["step"] == "awaiting_approval" and scene.effects() == []
    assert scene.said == [
        "Nobody approved release 2 within 60 s. You can still approve it with ansible-playbook "
        "smallfleet.bluegreen.finish, or roll it back with ansible-playbook smallfleet.bluegreen.rollback."
    ]


def test_a_boot_begins_the_time_for_the_approval_anew(scene, answers):
    journal = scene.deployment("awaiting_approval", approval_timeout=60, on_timeout="rollback")
    approval.begin(journal)
    scene.run(until=scene.host.clock.now + 50)
    scene.boot()
    scene.guard = scene.another()
    scene.run(until=scene.host.clock.now + 50)
    assert scene.store.load()["step"] == "awaiting_approval"
    # The guard may be started again, and that is no boot.
    scene.guard = scene.another()
    scene.run()
    assert 80 <= scene.host.clock.now < 85 and scene.served == "blue"


def test_a_color_that_dies_is_undone(scene, answers):
    scene.deployment("awaiting_approval")
    scene.guard.turn()
    answers.update({18002: Answer(0, "connection refused", 0.0), 80: Answer(502, "", 0.01)})
    assert scene.run() == [guard_watch.PACE, guard_watch.PACE, 0.0]
    assert scene.reason() == "guard: green failed 3 times in a row (connection refused)"
    assert scene.said == [f"green failed 3 times in a row (connection refused). {ROLLED_BACK}"]
    assert scene.served == "blue"
    assert scene.states()["blue-worker"] == "running"


def test_who_decided_meanwhile_is_not_overruled(scene, answers, monkeypatch):
    journal = scene.deployment("awaiting_approval")

    def decided(self):
        journal.take_over()
        return "green failed 3 times in a row (connection refused)"

    monkeypatch.setattr(guard_watch.PendingWatch, "look", decided)
    assert scene.guard.turn() == PACE
    assert len(scene.said) == 1 and "was taken over in the meantime (epoch 2, not 1)" in scene.said[0]
    assert scene.effects() == []


def test_failures_are_counted_for_each_deployment_by_itself(scene, answers):
    journal = scene.deployment("awaiting_approval")
    scene.guard.turn()
    answers.update({18002: Answer(0, "connection refused", 0.0), 80: Answer(502, "", 0.01)})
    scene.guard.turn()
    scene.guard.turn()
    journal.note(id="dep-2")
    # Its color was never seen healthy, so it has its time to boot.
    assert scene.guard.turn() == guard_watch.PACE
    assert scene.guard.turn() == guard_watch.PACE


def test_one_whose_end_failed_is_looked_at_again(scene, answers):
    journal = scene.deployment("awaiting_approval")
    journal.note(result="failed")
    scene.host.clock.now += 900
    assert scene.guard.turn() == 0.0
    now = scene.store.load()
    assert (now["step"], now["result"], now["id"]) == ("awaiting_approval", "", "dep-1")
    assert scene.guard.turn() == guard_watch.PACE


def test_a_new_color_that_is_whole_is_left_to_a_human_and_watched(scene, answers):
    journal = scene.deployment("settle", done=False)
    scene.host.clock.now += 900
    assert scene.guard.turn() == 0.0
    # Its owner can do nothing more.
    assert scene.store.load()["epoch"] == journal["epoch"] + 1
    assert scene.guard.turn() == guard_watch.PACE
    assert scene.said == [
        "no heartbeat for 900 s in step settle. Release 2 is live and healthy, and awaits approval: run "
        "ansible-playbook smallfleet.bluegreen.finish or ansible-playbook smallfleet.bluegreen.rollback."
    ]


def test_what_was_approved_is_completed(scene):
    scene.deployment("finish", done=False)
    scene.boot()
    scene.run()
    (entry,) = history_of(scene.store)
    assert entry["result"] == "committed"
