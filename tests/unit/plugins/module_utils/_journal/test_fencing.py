# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.fencing import fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import (
    NullJournal,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.step import Step
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import facts

# Ownership


def opened(store, step="health", **changes):
    journal = create_journal(store, "dep-1", "ada@laptop", facts())
    journal.begin(Step(step))
    journal.note(**changes)
    return journal


WHEN = "since 2026-11-23T12:00:00Z"

REFUSALS = [
    (
        {},
        ("", 0, "health"),
        f"Deployment dep-1 by ada@laptop {WHEN} of app shop is open: finish it (ansible-playbook "
        "smallfleet.bluegreen.finish) or undo it (ansible-playbook smallfleet.bluegreen.rollback) before changing this "
        "app by hand.",
    ),
    (
        None,
        ("dep-1", 1, "health"),
        "deployment_id dep-1 does not name an open deployment of app shop: it was ended in the meantime. Check with "
        "ansible-playbook smallfleet.bluegreen.status, then deploy again.",
    ),
    (
        {},
        ("dep-2", 1, "health"),
        f"deployment_id dep-2 is not the open deployment of app shop, which is dep-1 by ada@laptop {WHEN}: "
        "nothing was changed. Check with ansible-playbook smallfleet.bluegreen.status.",
    ),
    (
        {"epoch": 2},
        ("dep-1", 1, "health"),
        "Deployment dep-1 of app shop was taken over in the meantime (epoch 2, not 1): nothing was changed. Check with "
        "ansible-playbook smallfleet.bluegreen.status.",
    ),
    (
        {"rolling_back": True},
        ("dep-1", 1, "health"),
        "Deployment dep-1 of app shop is being undone: complete that with ansible-playbook "
        "smallfleet.bluegreen.rollback, then deploy again.",
    ),
    (
        {"result": "failed"},
        ("dep-1", 1, "health"),
        "Deployment dep-1 of app shop is being undone: complete that with ansible-playbook "
        "smallfleet.bluegreen.rollback, then deploy again.",
    ),
    (
        {},
        ("dep-1", 1, "start_candidate"),
        "Deployment dep-1 of app shop has reached step health, and never returns to start_candidate. Check with "
        "ansible-playbook smallfleet.bluegreen.status; deploy again once it has ended.",
    ),
]


@pytest.mark.parametrize("written, caller, sentence", REFUSALS, ids=[str(each[0]) for each in REFUSALS])
def test_a_stranger_is_refused_with_nothing_done(store, written, caller, sentence):
    if written is not None:
        opened(store, **written)
    before = store.load() and store.load().data
    with pytest.raises(Fenced) as refusal:
        with fenced(store, *caller[:2], Step(caller[2])):
            raise AssertionError("the effect must not happen")
    assert refusal.value.message == sentence
    assert (store.load() and store.load().data) == before


@pytest.mark.parametrize("step", ["health", "cutover", "settle"])
def test_the_owner_may_go_on_with_this_step_and_the_later_ones(store, step):
    opened(store)
    with fenced(store, "dep-1", 1, Step(step)) as journal:
        assert journal["id"] == "dep-1"


def test_a_module_by_itself_writes_no_journal(store):
    with fenced(store, "", 0, Step.CUTOVER) as journal:
        assert isinstance(journal, NullJournal)
        journal.begin(Step.CUTOVER)
        journal.note(anything=1)
    assert store.load() is None


def test_check_mode_takes_no_lock_and_makes_no_folder(host, tmp_path):
    store = Store("shop", host, root=str(tmp_path / "lib"), run_root=str(tmp_path / "run"))
    with fenced(store, "dep-1", 1, Step.CUTOVER, check_mode=True) as journal:
        assert isinstance(journal, NullJournal)
    assert os.listdir(tmp_path) == []


def test_who_takes_over_leaves_nothing_to_the_owner(store):
    opened(store).take_over()
    with pytest.raises(Fenced, match="epoch 2, not 1"):
        with fenced(store, "dep-1", 1, Step.CUTOVER):
            pass
    with fenced(store, "dep-1", 2, Step.CUTOVER):
        pass


def test_the_lock_of_a_step_names_step_and_deployment(store):
    opened(store)
    with fenced(store, "dep-1", 1, Step.CUTOVER):
        with open(store.path("lock"), encoding="utf-8") as source:
            assert source.read().startswith("step cutover of deployment dep-1 (process ")


def test_the_lock_of_a_module_by_itself_names_the_step(store):
    with fenced(store, "", 0, Step.CUTOVER):
        with open(store.path("lock"), encoding="utf-8") as source:
            assert source.read().startswith("step cutover (process ")


def test_a_refused_caller_does_not_hold_the_lock(store):
    opened(store)
    with pytest.raises(Fenced):
        with fenced(store, "dep-2", 1, Step.CUTOVER):
            pass
    with store.lock("the next one", wait=0):
        pass


def test_an_error_within_the_lock_frees_it(store):
    with pytest.raises(BluegreenError):
        with store.lock("one"):
            raise BluegreenError("something")
    with store.lock("two", wait=0):
        pass
