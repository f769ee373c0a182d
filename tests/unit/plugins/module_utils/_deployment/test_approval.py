# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import approval
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import Scene


@pytest.fixture
def scene(monkeypatch, tmp_path):
    return Scene(monkeypatch, tmp_path)


@pytest.mark.parametrize("seconds", [0, 1, 3600, 365 * 86400])
def test_a_time_that_can_be_kept(seconds):
    approval.check_timeout(seconds)


@pytest.mark.parametrize("seconds", [-1, 365 * 86400 + 1])
def test_a_time_that_was_not_meant_is_refused(seconds):
    with pytest.raises(BluegreenError) as refusal:
        approval.check_timeout(seconds)
    assert refusal.value.message == (
        f"bluegreen_approval_timeout is {seconds} s, but it must be between 0 (no limit) and 31536000 (a year)."
    )


def test_the_time_begins_when_it_is_told_to(scene):
    journal = scene.deployment("awaiting_approval", approval_timeout=600)
    assert approval.seconds_left(journal) is None
    scene.host.clock.now += 5000
    approval.begin(journal)
    assert approval.seconds_left(scene.store.load()) == 600


def test_the_time_goes_on_to_its_end(scene):
    journal = scene.deployment("awaiting_approval", approval_timeout=600)
    approval.begin(journal)
    scene.host.clock.now += 599
    assert (approval.seconds_left(journal), approval.is_over(journal)) == (1.0, False)
    scene.host.clock.now += 1
    assert (approval.seconds_left(journal), approval.is_over(journal)) == (0.0, True)
    scene.host.clock.now += 1000
    assert approval.is_over(journal)


@pytest.mark.parametrize("facts", [{"approval_timeout": 0}, {}], ids=["no limit", "a journal of before"])
def test_without_a_limit_there_is_none(scene, facts):
    journal = scene.deployment("awaiting_approval", **facts)
    approval.begin(journal)
    scene.host.clock.now += 10**6
    assert approval.seconds_left(journal) is None
    assert not approval.is_over(journal) and not approval.outlived_a_boot(journal)


def boot(scene):
    scene.host.clock.boot, scene.host.clock.now = "boot-2", 20.0


def start_of_a_container_that_is_the_host(scene):
    os.remove(scene.store.lease_mark)
    scene.host.clock.now += 10**6


@pytest.mark.parametrize("anew", [boot, start_of_a_container_that_is_the_host])
def test_a_boot_ends_no_time_and_it_begins_anew(scene, anew):
    journal = scene.deployment("awaiting_approval", approval_timeout=600)
    approval.begin(journal)
    assert not approval.outlived_a_boot(journal)
    anew(scene)
    assert approval.outlived_a_boot(journal) and not approval.is_over(journal)
    approval.begin(journal)
    assert approval.seconds_left(journal) == 600 and not approval.outlived_a_boot(journal)
