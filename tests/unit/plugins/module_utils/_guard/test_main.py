# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the guard acts, and what it does when that fails."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _settings
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._guard.main import PACE
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import settings_file
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._nginx import switch as nginx_switch
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._recovery import recover as recovery
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils._guard.guarded import ROLLED_BACK, SILENT
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import record

# Whether there is anything to do


def test_without_a_deployment_there_is_nothing_to_do(scene):
    assert scene.guard.turn() is None
    assert scene.said == []
    assert scene.effects() == []


def test_an_owner_that_lives_is_waited_for(scene):
    scene.deployment("health")
    assert scene.guard.turn() == PACE
    assert scene.said == []
    assert scene.effects() == []


def test_the_guard_acts_as_soon_as_the_lease_is_over(scene):
    journal = scene.deployment("health")
    scene.host.clock.now = journal["lease"]["until"] - 7.5
    assert scene.run() == [PACE, 2.5, 0.0]
    assert scene.host.clock.now - journal["lease"]["until"] < 1
    assert scene.said == [f"{SILENT}. {ROLLED_BACK}"]
    assert scene.reason() == f"guard: {SILENT}"
    assert scene.guard.turn() is None


def test_a_sign_of_life_while_the_guard_waits_counts(scene):
    journal = scene.deployment("health")
    scene.host.clock.now = journal["lease"]["until"] - 2
    assert scene.guard.turn() == 2
    scene.host.clock.now += 1.9
    journal.save()
    scene.host.clock.now += 0.1
    assert scene.guard.turn() == PACE
    assert scene.effects() == []


@pytest.mark.parametrize("step", ["stop_workers", "start_candidate", "health"])
def test_a_boot_ends_every_lease(scene, step):
    scene.deployment(step)
    scene.boot()
    scene.run()
    assert scene.reason() == f"guard: the host was rebooted during step {step}"
    assert scene.said == [f"the host was rebooted during step {step}. {ROLLED_BACK}"]
    assert scene.states()["blue-worker"] == "running"


def test_so_does_a_start_of_a_container_that_is_the_host(scene):
    scene.deployment("health")
    os.remove(scene.store.lease_mark)
    assert scene.guard.turn() == 0.0
    assert scene.reason() == "guard: the host was rebooted during step health"


# revert_after: 0
def test_without_a_timer_a_deployment_is_left_alone_on_this_boot(scene):
    journal = scene.deployment("health", revert_after=0)
    assert set(scene.run(until=scene.host.clock.now + 5000)) == {PACE}
    assert scene.store.load().data == journal.data
    assert scene.said == []
    assert scene.effects() == []


def test_without_a_timer_a_boot_still_ends_it(scene):
    scene.deployment("health", revert_after=0)
    scene.boot()
    scene.run()
    assert scene.reason() == "guard: the host was rebooted during step health"


def test_without_a_timer_what_was_begun_is_brought_to_an_end(scene):
    journal = scene.deployment("health", revert_after=0)
    journal.note(rolling_back=True, reason="guard: the host was rebooted during step health")
    scene.run()
    assert scene.reason() == "guard: the host was rebooted during step health"


# Compose


@pytest.mark.parametrize("step", ["open", "fetch"])
def test_compose_is_a_sign_of_life(scene, step):
    journal = scene.deployment(step)
    scene.compose = True
    scene.run(until=scene.host.clock.now + 2500)
    assert scene.store.load().lease_is_live()
    assert (scene.said, scene.effects()) == ([], [])
    scene.compose = False
    scene.run()
    assert scene.reason() == f"guard: no heartbeat for {journal['revert_after']} s in step {step}"


def test_compose_goes_on_in_no_later_step(scene):
    # What is called with the env file then is an orphan of the step before, or somebody who looks.
    scene.deployment("health")
    scene.compose = True
    scene.host.clock.now += 900
    assert scene.guard.turn() == 0.0


def test_compose_is_found_by_the_env_file_that_it_was_given(scene, monkeypatch):
    monkeypatch.undo()
    scene.deployment("open")
    scene.host.clock.now += 900
    command = [
        sys.executable,
        "-c",
        "print(flush=True); input()",
        "compose",
        "--env-file",
        scene.store.env_file("green", "dep-1"),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as compose:
        compose.stdout.readline()
        assert scene.guard.turn() == PACE
        compose.communicate(b"\n")
    assert scene.store.load().lease_is_live()


def test_no_sign_of_life_is_written_for_a_deployment_that_went_on(scene, monkeypatch):
    journal = scene.deployment("open")
    scene.compose = True
    scene.host.clock.now += 900
    acquire = scene.store._acquire

    def overtaken(descriptor, wait):
        acquire(descriptor, wait)
        scene.store.save({**journal.data, "epoch": 2})

    monkeypatch.setattr(scene.store, "_acquire", overtaken)
    assert scene.guard.turn() == PACE
    assert scene.store.load()["lease"] == journal["lease"]


def test_a_lock_that_is_held_while_compose_works_is_the_owner(scene):
    scene.deployment("fetch")
    scene.compose = True
    scene.host.clock.now += 900
    with scene.another_process().lock("step fetch"):
        assert scene.guard.turn() == PACE
    assert len(scene.said) == 1 and "is held by step fetch" in scene.said[0]


# Nobody else's any more


def test_one_that_goes_back_is_not_waited_for(scene):
    scene.deployment("health").note(rolling_back=True, reason="health: green is not healthy")
    assert scene.guard.turn() == 0.0
    assert scene.reason() == "health: green is not healthy"
    assert scene.said == [f"health: green is not healthy. {ROLLED_BACK}"]


def test_what_a_guard_took_over_the_next_one_goes_on_with(scene):
    scene.deployment("health").take_over(guard=True)
    assert scene.guard.turn() == 0.0
    assert scene.reason() == f"guard: {SILENT}"


def test_a_reason_that_is_a_sentence_ends_once(scene):
    scene.deployment("health").note(rolling_back=True, reason="Container shop-green-web-1 exited.")
    scene.guard.turn()
    assert scene.said == [f"Container shop-green-web-1 exited. {ROLLED_BACK}"]


def test_whoever_has_the_lock_is_left_to_it(scene):
    scene.deployment("health")
    scene.host.clock.now += 900
    with scene.another_process().lock("recovery of deployment dep-1"):
        assert [scene.guard.turn() for dummy in range(3)] == [PACE] * 3
    assert len(scene.said) == 1 and "is held by recovery of deployment dep-1" in scene.said[0]
    assert scene.effects() == []
    assert scene.guard.turn() == 0.0
    assert scene.guard.turn() is None


# What fails


@pytest.fixture
def failing(scene, monkeypatch):
    """An abandoned deployment whose recovery raises what it is given; ``None`` for the real one."""

    class Failing:
        error = BluegreenError("Nginx is broken.")
        recover = staticmethod(recovery.recover)

        def __call__(self, *args, **kwargs):
            if self.error:
                raise self.error
            return self.recover(*args, **kwargs)

    failing = Failing()
    monkeypatch.setattr(recovery, "recover", failing)
    scene.deployment("health")
    scene.host.clock.now += 900
    return failing


def test_what_failed_is_tried_again_ever_more_rarely(scene, failing):
    assert [scene.guard.turn() for dummy in range(9)] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert scene.said == ["Nginx is broken."]
    failing.error = None
    assert scene.guard.turn() == 0.0
    assert scene.said[1:] == [f"{SILENT}. {ROLLED_BACK}"]


def test_it_is_tried_again_for_days(scene, failing):
    assert [scene.guard.turn() for dummy in range(1100)][-1] == 60.0


def test_after_a_turn_that_went_well_a_failure_is_a_first_one(scene, failing):
    scene.guard.turn()
    scene.guard.turn()
    scene.store.load().save()
    assert scene.guard.turn() == PACE
    scene.host.clock.now += 900
    assert scene.guard.turn() == 1.0


def test_a_try_that_failed_is_not_held_up_by_its_own_lease(scene, monkeypatch):
    scene.deployment("settle")
    scene.unhealthy = {"green"}
    scene.host.clock.now += 1000
    with monkeypatch.context() as broken:
        record(broken, [], nginx_switch, "switch", does=BluegreenError("nginx -t says: unexpected end."))
        assert [scene.guard.turn() for dummy in range(3)] == [1.0, 2.0, 4.0]
    assert len([line for line in scene.said if "could not be rolled back" in line]) == 1
    assert scene.store.load()["result"] == "failed"
    assert scene.guard.turn() == 0.0
    assert scene.guard.turn() is None
    assert scene.reason() == "guard: no heartbeat for 900 s in step settle"


def test_a_deployment_that_needs_a_human_is_looked_at_again(scene):
    scene.deployment("settle", done=False)
    scene.unhealthy = {"blue", "green"}
    scene.host.clock.now += 1000
    assert scene.guard.turn() == 1.0
    assert scene.store.load()["result"] == "failed"
    scene.unhealthy = set()
    assert scene.guard.turn() == 0.0
    journal = scene.store.load()
    assert (journal["step"], journal["result"]) == ("awaiting_approval", "")


def test_an_error_that_nobody_foresaw_ends_no_guard(scene, failing):
    failing.error = RuntimeError("out of luck")
    assert [scene.guard.turn(), scene.guard.turn()] == [1.0, 2.0]
    assert scene.said == ["RuntimeError: out of luck"]


def test_another_error_is_said(scene, failing):
    scene.guard.turn()
    failing.error = BluegreenError("The disk is full.")
    scene.guard.turn()
    failing.error = BluegreenError("Nginx is broken.")
    scene.guard.turn()
    assert scene.said == ["Nginx is broken.", "The disk is full."]


def test_warnings_are_said_once_and_do_not_pile_up(scene, failing):
    for dummy in range(3):
        scene.host.warn("Something is odd.")
        scene.host.commands.append("nginx -t")
        scene.guard.turn()
    assert scene.said == ["Nginx is broken.", "Something is odd."]
    assert (scene.host.warnings, scene.host.commands) == ([], [])


def test_after_an_end_the_same_sentence_is_news_again(scene, failing):
    scene.guard.turn()
    failing.error = None
    scene.guard.turn()
    failing.error = BluegreenError("Nginx is broken.")
    scene.deployment("health")
    scene.host.clock.now += 900
    scene.guard.turn()
    assert scene.said == ["Nginx is broken.", f"{SILENT}. {ROLLED_BACK}", "Nginx is broken."]


def test_a_damaged_journal_is_recovered_from_what_the_host_shows(scene):
    settings = _settings.from_journal(scene.deployment("health").data)
    settings_file.write(scene.store, settings.journaled(), {}, None)
    scene.served = "blue"
    for name in ("deployment.json", "deployment.json.previous"):
        with open(scene.store.path(name), "w", encoding="utf-8") as target:
            target.write("{torn")
    assert scene.run() == [0.0]
    assert scene.reason() == "the journal was damaged"
    assert len(scene.said) == 1 and scene.said[0].startswith("the journal was damaged. ")


def test_a_damaged_journal_of_which_nothing_is_known_is_told_and_tried_again(scene):
    scene.deployment("health")
    for name in ("deployment.json", "deployment.json.previous"):
        with open(scene.store.path(name), "w", encoding="utf-8") as target:
            target.write("{torn")
    assert [scene.guard.turn(), scene.guard.turn()] == [1.0, 2.0]
    assert len(scene.said) == 1 and "does not tell which services the app has" in scene.said[0]
