# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard on the host, installed before the journal is written."""

from __future__ import annotations

import json
import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import write_down
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError, Fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install import guard_units, program as host_program
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import settings_file
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.history import history_of
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import facts
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import (
    ALWAYS,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.opening import (
    ARM,
)


@pytest.mark.parametrize("seconds", [20, 900, 0])
def test_seconds_without_a_sign_of_life(scene, seconds):
    assert scene.open(revert_after=seconds)["id"] == "dep-1"
    assert scene.store.load()["revert_after"] == seconds


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("seconds", [1, 10, 19])
def test_too_few_seconds_without_a_sign_of_life_are_refused(scene, seconds, check_mode):
    assert scene.refusal(revert_after=seconds, check_mode=check_mode) == (
        f"bluegreen_revert_after is {seconds} s, but a slow host may need up to 20 s between two steps, so a healthy "
        "deployment could be rolled back: use 20 or more, or 0 to disable automatic recovery."
    )


def test_the_guard_is_there_before_the_journal(scene, monkeypatch):
    """A power cut in between leaves a guard without a deployment, never a deployment without a guard."""
    done, names = [], ("guard installed", "timer armed", "settings", "journal")

    def note(module, attribute, name, result=None):
        real = getattr(module, attribute)

        def noted(*given):
            done.append((name, scene.store.load() is not None, given))
            return real(*given) if result is None else result

        monkeypatch.setattr(module, attribute, noted)

    note(host_program, "install", names[0], True)
    note(guard_units, "arm", names[1], True)
    note(settings_file, "write", names[2])
    note(write_down, "create_journal", names[3])
    scene.open(revert_after=300)
    assert [each[0] for each in done] == list(names)
    assert not any(open_already for name, open_already, given in done)
    assert done[0][2] == (scene.host, scene.store, str(scene.file))
    assert done[1][2] == (scene.host, "shop", 300)
    assert scene.store.load()["armed"] is True
    with open(scene.store.path("settings.json"), encoding="utf-8") as source:
        kept = json.load(source)
    assert kept["settings"]["app"] == "shop" and kept["policies"]["worker"] == ALWAYS


@pytest.mark.parametrize("revert_after, systemd, guard", [(0, True, True), (900, False, False)])
def test_without_a_timer_none_is_noted(scene, monkeypatch, revert_after, systemd, guard):
    monkeypatch.setattr(guard_units, "arm", ARM)
    monkeypatch.setattr(guard_units, "has_systemd", lambda: systemd)
    monkeypatch.setattr(host_program, "install", lambda *given: guard)
    scene.open(revert_after=revert_after)
    assert scene.store.load()["armed"] is False
    assert scene.host.warnings == ([] if systemd else [guard_units.WITHOUT_SYSTEMD])


def test_a_host_without_systemd_is_told_so_in_the_plan(scene, monkeypatch):
    monkeypatch.setattr(guard_units, "has_systemd", lambda: False)
    scene.open(check_mode=True)
    assert scene.host.warnings == [guard_units.WITHOUT_SYSTEMD]


@pytest.mark.parametrize("part", ["install", "arm"])
def test_without_its_guard_no_deployment_is_opened(scene, monkeypatch, part):
    def refuse(*_given):
        raise BluegreenError("The guard does not run on this host.")

    with monkeypatch.context() as patch:
        patch.setattr(host_program if part == "install" else guard_units, part, refuse)
        with pytest.raises(BluegreenError, match="The guard does not run on this host"):
            scene.open()
    assert scene.store.load() is None
    assert os.listdir(scene.store.folder) == ["lock"] and not os.path.exists(scene.store.lease_mark)
    assert scene.host.calls == [] and history_of(scene.store) == []
    assert scene.open()["id"] == "dep-1"


def test_who_opens_between_the_look_and_the_lock_wins(scene, monkeypatch):
    lock = scene.store.lock

    def late(purpose):
        if "opening" in purpose:
            create_journal(scene.store, "dep-0", "eve@desk", facts(release="1"))
        return lock(purpose)

    scene.store.create()
    monkeypatch.setattr(scene.store, "lock", late)
    with pytest.raises(Fenced, match="dep-0 by eve@desk"):
        scene.open()
    assert scene.store.load()["id"] == "dep-0"
