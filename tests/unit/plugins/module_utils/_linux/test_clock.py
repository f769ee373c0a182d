# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux import clock as linux_clock
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeClock


def test_a_deadline_on_a_clock():
    clock = FakeClock()
    deadline = linux_clock.Deadline(clock, 5)
    clock.sleep(2)
    assert (deadline.elapsed, deadline.left, deadline.over) == (2, 3, False)
    deadline.sleep(1)
    assert deadline.left == 2
    # Never past the end, and never for a negative time.
    deadline.sleep(60)
    assert (deadline.left, deadline.over) == (0, True)
    deadline.sleep(60)
    assert clock.slept == [2, 1, 2, 0]


def test_pauses_grow_with_the_wait():
    clock = FakeClock()
    deadline = linux_clock.Deadline(clock, 1)
    while not deadline.over:
        deadline.pause(0.1)
    # A dozen looks in the first half second, then ten a second, and never past the end.
    assert clock.slept[:4] == [0.02] * 4 and 0.02 < clock.slept[5] < 0.1 and clock.slept[-3:-1] == [0.1, 0.1]
    assert sum(clock.slept) == pytest.approx(1)


def test_no_time_at_all_is_over_at_once():
    assert linux_clock.Deadline(FakeClock(), 0).over


def test_a_stamp_for_people():
    assert linux_clock.timestamp(0) == "1970-01-01T00:00:00Z"


def test_the_real_clock():
    clock = linux_clock.Clock()
    assert abs(clock.wall() - time.time()) < 5
    assert clock.boottime() >= clock.monotonic() - 1
    assert len(clock.boot_id()) == 36
    before = clock.monotonic()
    clock.sleep(-1)
    clock.sleep(0.01)
    assert 0.01 <= clock.monotonic() - before < 1


@pytest.mark.parametrize("seconds", [1795435200.0, 1795435200.9])
def test_a_stamp_has_no_fractions(seconds):
    assert linux_clock.timestamp(seconds) == "2026-11-23T12:00:00Z"


def test_a_stamp_can_be_read_again():
    assert linux_clock.seconds_of("2026-11-23T12:00:00Z") == 1795435200


@pytest.mark.parametrize("stamp", ["", "soon", "2026-11-23", "2026-11-23T12:00:00+01:00", "2026-13-01T00:00:00Z"])
def test_what_is_no_stamp(stamp):
    assert linux_clock.seconds_of(stamp) is None


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-11-23T12:00:00Z",
        "2026-11-23T12:00:00.123456789Z",
        "2026-11-23T13:00:00+01:00",
        "2026-11-23T13:00:00.5+01:00",
        "2026-11-23T08:30:00.123456-03:30",
    ],
)
def test_a_time_of_the_engine(stamp):
    assert linux_clock.seconds_of_engine(stamp) == 1795435200
