# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import (
    DEFAULT_LEASE,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import facts

# Writing


def test_a_new_journal_is_on_the_disk_before_anything_else(store, journal):
    assert store.load().data == journal.data
    assert (journal["id"], journal["epoch"], journal["step"], journal["done"]) == ("dep-1", 1, "open", False)
    assert journal["who"] == "ada@laptop" and journal["release"] == "2"


@pytest.mark.parametrize(
    "changes, problem",
    [
        ({"drain_timeout": float("nan")}, "drain_timeout is not a number"),
        ({"drain_timeout": float("inf")}, "drain_timeout is not a number"),
        ({"workers": {"stop_timeout": -5}}, "workers.stop_timeout is out of range"),
        ({"to": "blue"}, "from and to are the same color"),
    ],
)
def test_no_deployment_is_opened_with_a_journal_that_could_not_be_read_again(store, changes, problem):
    with pytest.raises(BluegreenError) as refusal:
        create_journal(store, "dep-1", "ada@laptop", facts(**changes))
    assert refusal.value.message == (
        f"Cannot open deployment dep-1: its journal would be invalid ({problem}). Correct the variable that "
        "sets this value."
    )
    assert os.listdir(store.folder) == []


@pytest.fixture
def full_disk(monkeypatch):
    def refuse(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)


def test_forward_nothing_comes_before_its_journal(store, journal, host, full_disk):
    with pytest.raises(BluegreenError) as failure:
        journal.begin(Step.STOP_WORKERS)
    assert failure.value.message == (
        f"The journal {store.path('deployment.json')} cannot be written (no space left on device): make room there, or "
        "fix its file system."
    )
    assert store.load()["step"] == "open"
    assert host.warnings == []


def test_a_full_disk_keeps_nobody_from_going_back(store, journal, host, full_disk):
    journal.best_effort = True
    journal.note(rolling_back=True)
    assert journal["rolling_back"] is True
    assert store.load()["rolling_back"] is False
    assert host.warnings == [
        f"The journal {store.path('deployment.json')} cannot be written (no space left on device): make room there, or "
        "fix its file system."
    ]


# Steps


def test_a_step_is_announced_before_and_recorded_after_with_its_seconds(store, journal, host):
    journal.begin(Step.CUTOVER, extra="fact")
    assert (store.load()["step"], store.load()["done"], store.load()["extra"]) == ("cutover", False, "fact")
    host.clock.sleep(2.5)
    journal.done(Step.CUTOVER)
    assert store.load()["done"] is True
    journal.begin(Step.CUTOVER)
    host.clock.sleep(1)
    journal.done(Step.CUTOVER)
    assert store.load()["seconds"]["cutover"] == 3.5


def test_what_compose_does_before_the_first_stop_counts_as_fetching(store, journal, host):
    journal.done(Step.OPEN)
    host.clock.sleep(7)
    # A run reads the journal at its begin, and looks at much before its step does anything.
    journal = store.load()
    host.clock.sleep(1)
    journal.begin(Step.STOP_WORKERS)
    host.clock.sleep(1)
    journal.done(Step.STOP_WORKERS)
    host.clock.sleep(2)
    journal = store.load()
    journal.begin(Step.START_CANDIDATE)
    assert journal["seconds"] == {"fetch": 7, "stop_workers": 2, "between_runs": 2}


def test_a_move_of_earlier_tasks_is_a_part_of_fetching(store, journal, host):
    journal.done(Step.OPEN)
    journal.begin(Step.FETCH)
    host.clock.sleep(2)
    journal.done(Step.FETCH)
    host.clock.sleep(3)
    journal = store.load()
    journal.begin(Step.START_CANDIDATE)
    assert journal["seconds"]["fetch"] == 5


def test_a_sign_of_life_is_the_last_second_that_is_certain_to_be_of_the_step(store, journal, host):
    journal.begin(Step.HEALTH)
    host.clock.sleep(400)
    journal.renew_lease()
    # Killed here, and taken up much later.
    host.clock.sleep(1000)
    journal = store.load()
    journal.take_over()
    assert journal["seconds"] == {"health": 400, "between_runs": 1000}


def test_requests_go_to_the_new_color_since_the_cutover_was_proved(store, journal, host):
    journal.begin(Step.CUTOVER)
    host.clock.sleep(2)
    journal.done(Step.CUTOVER)
    assert store.load()["live_at"] == host.clock.wall()


def test_the_policy_noted_first_counts(store, journal, host):
    web = inspect_container(host.engine, host.engine.add("web"))
    assert journal.policy_of(web)["Name"] == "unless-stopped"
    journal.note_policy(web)
    journal.note_policy(web._replace(restart_policy={"Name": "no", "MaximumRetryCount": 0}))
    assert store.load()["policies"] == {"blue-web": {"Name": "unless-stopped", "MaximumRetryCount": 0}}
    assert journal.policy_of(web._replace(restart_policy={"Name": "no"}))["Name"] == "unless-stopped"


# The lease


def test_a_lease_lasts_until_its_deadline(journal, host):
    assert journal.lease_is_live()
    host.clock.now += 899
    assert journal.lease_is_live()
    host.clock.now += 2
    assert not journal.lease_is_live()


@pytest.mark.parametrize(
    "noted",
    [{"rolling_back": True}, {"guard": True}, {"result": "failed"}, {"result": "committed"}, {"result": "rolled_back"}],
)
def test_a_lease_is_nobodys_once_nobody_may_go_on(journal, noted):
    assert journal.has_owner()
    journal.note(**noted)
    assert journal.lease_is_live() and not journal.has_owner()


def test_a_lease_ends_with_the_boot(journal, host):
    host.clock.boot = "boot-2"
    assert not journal.lease_is_live()


def test_a_lease_ends_when_run_was_emptied(journal, store):
    # In a container the kernel's boot id outlives the boot.
    os.unlink(store.lease_mark)
    assert not journal.lease_is_live()


def test_a_lease_has_a_length_although_the_timer_is_off(store, host):
    journal = create_journal(store, "dep-1", "ada", facts(revert_after=0))
    host.clock.now += DEFAULT_LEASE - 1
    assert journal.lease_is_live()
    host.clock.now += 2
    assert not journal.lease_is_live()


def test_what_is_left_of_a_lease(store, journal, host):
    assert journal.lease_left() == 900
    host.clock.now += 899.5
    assert journal.lease_left() == 0.5
    host.clock.now += 0.5
    assert journal.lease_left() == 0
    host.clock.now += 100
    assert journal.lease_left() == 0


def test_nothing_is_left_of_a_lease_after_a_boot(store, journal, host):
    host.clock.now = 20.0
    host.clock.boot = "boot-2"
    assert journal.lease_left() == 0
    host.clock.boot = "boot-1"
    assert journal.lease_left() > 0
    os.unlink(store.lease_mark)
    assert journal.lease_left() == 0


def test_who_still_goes_on_with_it(store, journal, host):
    assert journal.has_owner()
    # Somebody at a keyboard goes on with it.
    journal.take_over()
    assert journal.has_owner()
    host.clock.now += 900
    assert not journal.has_owner()


@pytest.mark.parametrize(
    "end", [lambda journal: journal.note(rolling_back=True), lambda journal: journal.take_over(guard=True)]
)
def test_what_goes_back_or_is_the_guard_s_has_no_owner_although_its_lease_is_live(store, journal, end):
    end(journal)
    assert journal.lease_is_live()
    assert not store.load().has_owner()


def test_a_human_takes_over_from_the_guard(store, journal):
    journal.take_over(guard=True)
    journal.take_over()
    now = store.load()
    assert (now["epoch"], now["guard"], now.has_owner()) == (3, False, True)


def test_a_sign_of_life_is_written_each_third_of_the_lease(store, journal, host):
    until = journal["lease"]["until"]
    host.clock.now += 290
    journal.renew_lease()
    assert store.load()["lease"]["until"] == until
    host.clock.now += 20
    journal.renew_lease()
    assert store.load()["lease"]["until"] == until + 310


def test_signs_of_life_are_written_although_the_timer_is_off(store, host):
    journal = create_journal(store, "dep-1", "ada", facts(revert_after=0))
    until = journal["lease"]["until"]
    journal.renew_lease()
    assert store.load()["lease"]["until"] == until
    host.clock.now += DEFAULT_LEASE / 2
    journal.renew_lease()
    assert store.load()["lease"]["until"] == until + DEFAULT_LEASE / 2
