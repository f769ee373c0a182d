# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard's timer and watch, from the approval to the end of a deployment."""

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.end import end
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._host import Completed
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install import guard_units
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import history_of
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.finishing import (
    both_colors,
    close,
    settle,
)


@pytest.fixture
def scene(monkeypatch, tmp_path):
    return both_colors(monkeypatch, tmp_path)


STOP_TIMER = ["systemctl", "stop", "bluegreen-shop-guard.timer"]
WATCH = ["systemctl", "start", "--no-block", "bluegreen-shop-guard.service"]


@pytest.fixture
def systemd(scene, monkeypatch):
    """A host that systemd runs; what it was told, with the state of the journal then, and what it answers."""

    class Told(list):
        code = 0

    told = Told()

    def answer(argv):
        journal = scene.store.load()
        told.append((argv, journal and (journal["step"], journal["done"], journal["result"])))
        return Completed(told.code, "", "Unit is masked.\n" if told.code else "")

    monkeypatch.setattr(guard_units, "has_systemd", lambda: True)
    scene.host.programs = {"systemctl": answer}
    return told


def test_a_deployment_that_awaits_approval_is_watched_instead_of_timed(scene, systemd):
    scene.deployment("start_workers", armed=True)
    settle(scene)
    pending = ("awaiting_approval", True, "")
    assert systemd == [(STOP_TIMER, pending), (WATCH, pending)]
    assert scene.store.load()["armed"] is False


def test_where_the_approval_follows_the_timer_stays(scene, systemd):
    scene.deployment("start_workers", armed=True)
    settle(scene, approval_follows=True)
    assert systemd == [] and scene.store.load()["armed"] is True
    close(scene)
    assert [argv for argv, _journal in systemd] == [STOP_TIMER]


def test_where_the_approval_follows_and_there_is_no_timer_the_guard_watches(scene, systemd):
    scene.deployment("start_workers", armed=False)
    settle(scene, approval_follows=True)
    assert [argv for argv, _journal in systemd] == [STOP_TIMER, WATCH]


def test_nobody_is_told_twice(scene, systemd):
    scene.deployment("start_workers", armed=True)
    settle(scene)
    settle(scene)
    close(scene)
    # The guard sees by the journal that nothing is pending any more, and ends.
    assert len(systemd) == 2


def test_a_guard_that_does_not_start_is_a_warning(scene, systemd):
    systemd.code = 1
    scene.deployment("start_workers", armed=True)
    assert settle(scene)["changed"] is True
    assert scene.store.load()["step"] == "awaiting_approval"
    assert scene.host.warnings == [
        "The guard does not watch the new color while approval is pending: bluegreen-shop-guard.service did not "
        "start (Unit is masked.). Fix systemd on this host (systemctl status bluegreen-shop-guard.service); until "
        "then a failing web is not rolled back by itself."
    ]


def test_what_did_not_settle_keeps_its_timer(scene, systemd):
    scene.engine.stop("green-beat")
    scene.deployment("start_workers", armed=True)
    with pytest.raises(BluegreenError, match="exited after the start"):
        settle(scene)
    assert systemd == [] and scene.store.load()["armed"] is True


def test_without_systemd_nobody_is_told(scene, monkeypatch):
    monkeypatch.setattr(guard_units, "has_systemd", lambda: False)
    scene.deployment("start_workers")
    settle(scene)
    close(scene)
    assert history_of(scene.store)[-1]["result"] == "committed" and scene.host.warnings == []


@pytest.mark.parametrize("armed, told", [(True, [(STOP_TIMER, ("health", True, "rolled_back"))]), (False, [])])
def test_the_timer_ends_with_the_deployment(scene, systemd, armed, told):
    """Before the journal goes: whoever is cut off in between comes back for it."""
    journal = scene.deployment("health", armed=armed)
    end(scene.store, journal, "rolled_back", "health: no answer")
    assert systemd == told
    assert scene.store.load() is None


def test_a_timer_that_cannot_be_stopped_keeps_no_deployment_open(scene, systemd):
    """It finds no journal when it fires."""
    systemd.code = 1
    end(scene.store, scene.deployment("health", armed=True), "rolled_back")
    assert scene.store.load() is None and scene.host.warnings == []
