# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that pull: a good release, a broken one, a power cut in the middle, and everything that must deploy nothing.

    .venv/bin/pytest tests/system/pull

Each test begins where the one before it has ended, as the days of a fleet do.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Callable

import pytest
from matrix import PHASES
from pi_host import PiHost
from pulling import PULL_WITHIN, PullingFleet, PullingHost
from standing import rolled_back, untouched, whole_on

pytestmark = pytest.mark.long

BOOT_AND_RECOVERY_WITHIN = 120.0


@pytest.fixture(scope="module")
def fleet(lab_setup: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[PullingFleet]:
    lab_setup("host-pull")
    with PullingFleet(tmp_path_factory.mktemp("pull")) as made:
        yield made


def must_pull(host: PullingHost, succeeds: bool = True) -> str:
    succeeded, said = host.pull()
    assert succeeded is succeeds, said[-3000:]
    return said


def test_what_is_live_already_is_left_alone(fleet: PullingFleet) -> None:
    for host in fleet.hosts:
        before = host.look()
        must_pull(host)
        assert untouched(before, host.look()) == []
        assert host.status()["verdict"] == "healthy"


def test_a_good_release(fleet: PullingFleet, record_property: Callable[[str, object], None]) -> None:
    fleet.repository.commit(release="2\n")
    with fleet.under_load(*fleet.hosts) as sums:
        for host in fleet.hosts:
            must_pull(host)
    for host in fleet.hosts:
        assert whole_on(host.look(), "2") == []
        status = host.status()
        assert (status["release"], status["verdict"]) == ("2", "healthy")
        assert status["last"]["who"].startswith("commit-") and status["last"]["who"].endswith(f"@{host.hostname}")
    _no_loss(sums, record_property)


def test_a_broken_release_goes_back_and_is_not_tried_again(
    fleet: PullingFleet, record_property: Callable[[str, object], None]
) -> None:
    before = {host.name: host.look() for host in fleet.hosts}
    fleet.repository.commit(release="3\n")
    with fleet.under_load(*fleet.hosts) as sums:
        for host in fleet.hosts:
            must_pull(host, succeeds=False)
            after = host.look()
            assert rolled_back(before[host.name], after) == []
            # The next pull.
            said = must_pull(host)
            assert untouched(after, host.look()) == []
            assert "it is tried again when a commit changes bluegreen_release_file" in said
            status = host.status()
            assert status["verdict"] == "degraded"
            assert any("Release 3 failed" in reason for reason in status["reasons"])
    # A comment changes the file.
    fleet.repository.commit(release="# once more\n3\n")
    host = fleet.hosts[0]
    tried = host.look()["last"]["id"]
    must_pull(host, succeeds=False)
    assert host.look()["last"]["id"] != tried
    _no_loss(sums, record_property)


def test_the_file_leads_back_to_order(fleet: PullingFleet) -> None:
    fleet.repository.commit(release="2\n")
    for host in fleet.hosts:
        must_pull(host)
        assert whole_on(host.look(), "2") == [] and host.note() == ""
        assert host.status()["verdict"] == "healthy"


@pytest.mark.parametrize("phase", ["fetch", "start_candidate", "cutover", "awaiting"])
def test_a_power_cut_in_the_middle(
    fleet: PullingFleet, phase: str, record_property: Callable[[str, object], None]
) -> None:
    struck, other = fleet.hosts
    release = "1" if struck.look()["answer"]["release"] == "2" else "2"
    fleet.repository.commit(release=f"# cut in {phase}\n{release}\n")
    struck.forget_ledger()
    with fleet.under_load(other) as sums:
        agent = struck.start_agent(moment=PHASES[phase].moment, after=PHASES[phase].after)
        try:
            begun = time.time()
            struck.begin_pull()
            assert agent.next("moment", PULL_WITHIN), struck.journal(begun)[-3000:]
            struck.reboot()
        finally:
            agent.stop()
        must_pull(other)
        end = time.monotonic() + BOOT_AND_RECOVERY_WITHIN
        # The guard works beside the first pulls, which may be refused.
        while not struck.pull()[0] and time.monotonic() < end:
            time.sleep(2)
    for host in fleet.hosts:
        assert whole_on(host.look(), release) == []
        assert host.note() == ""
    _no_loss(sums, record_property)


GARBAGE = ["", "1\n2\n", "release: 2\n", "{{ 1 }}\n", "<<<<<<< HEAD\n1\n=======\n2\n>>>>>>> other\n"]


@pytest.mark.parametrize("text", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_in_the_release_file(fleet: PullingFleet, text: str) -> None:
    fleet.repository.commit(release=text)
    _deploys_nothing(fleet.hosts[0], "bluegreen_release_file")
    fleet.repository.take_back_last_commit()


def test_an_unsigned_commit(fleet: PullingFleet) -> None:
    live = fleet.hosts[0].look()["answer"]["release"]
    fleet.repository.commit(sign=False, release="1\n" if live == "2" else "2\n")
    _deploys_nothing(fleet.hosts[0], "is not signed by anybody in /etc/bluegreen/shop.signers")
    fleet.repository.take_back_last_commit()


def test_a_repository_that_cannot_be_reached(fleet: PullingFleet) -> None:
    host = fleet.hosts[0]
    host.exec("mv /srv/fleet.git /srv/gone.git")
    _deploys_nothing(host, "the repository cannot be reached")
    host.exec("mv /srv/gone.git /srv/fleet.git")
    must_pull(host)
    assert host.note() == "" and host.status()["verdict"] == "healthy"


def _deploys_nothing(host: PullingHost, words: str) -> None:
    """Nothing is deployed, and both the journal of the unit and the playbook status say why."""
    before = host.look()
    said = must_pull(host, succeeds=False)
    assert untouched(before, host.look()) == []
    assert words in said and words in host.note()
    assert words in _status_by_hand(host)


def _status_by_hand(host: PiHost) -> str:
    controller = host.play("status", "status", {})
    try:
        # 4: degraded.
        assert controller.wait(120) == 4
        return " ".join(controller.output().split())
    finally:
        controller.stop()


def _no_loss(sums: dict[str, int], record_property: Callable[[str, object], None]) -> None:
    for name, count in sums.items():
        record_property(name, count)
    assert sums["requests"] and sums["tasks"]
    assert (sums["failed"], sums["lost"], sums["doubled"]) == (0, 0, 0)
