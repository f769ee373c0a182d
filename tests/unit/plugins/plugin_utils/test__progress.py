# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import time

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils import _progress


def test_what_begins():
    assert _progress.begins("pi1", "Stop the old color's Celery") == "pi1: Stop the old color's Celery ..."


@pytest.mark.parametrize(
    "limit, line",
    [
        (None, "pi1: Wait: 10 s so far"),
        (60.0, "pi1: Wait: 10 of at most 60 s so far"),
        (2.5, "pi1: Wait: 10 of at most 2.5 s so far"),
    ],
)
def test_what_lasts(limit, line):
    assert _progress.lasts("pi1", "Wait", 10, limit) == line
    assert _progress.lasts("pi1", "Wait", 10, limit, "1 of 2 workers consume") == f"{line}; 1 of 2 workers consume"


@pytest.mark.parametrize(
    "strategy, late",
    [
        ("linear", False),
        ("ansible.builtin.linear", False),
        ("free", True),
        ("host_pinned", True),
        ("ansible.builtin.host_pinned", True),
    ],
)
def test_where_ansible_says_it_late(strategy, late):
    assert _progress.prints_titles_late(strategy) is late


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(_progress, "FIRST", 0.01)
    monkeypatch.setattr(_progress, "PACE", 0.01)
    monkeypatch.setattr(_progress, "LATE", 0.04)


def test_it_is_told_until_it_ends(quick):
    told, enough = [], threading.Event()

    def say(line):
        told.append(line)
        if len(told) == 3:
            enough.set()

    with _progress.reporting(say, "pi1", "Wait", None):
        assert enough.wait(10)
    count = len(told)
    assert told[:3] == ["pi1: Wait: 0 s so far"] * 3
    assert not enough.wait(0.2) or len(told) == count


def test_what_the_host_tells_is_told_at_once_and_instead(monkeypatch):
    monkeypatch.setattr(_progress, "FIRST", 0.2)
    monkeypatch.setattr(_progress, "PACE", 0.2)
    monkeypatch.setattr(_progress, "LATE", 0.6)
    told = []
    with _progress.reporting(told.append, "pi1", "Wait", 60) as hear:
        for number in range(5):
            time.sleep(0.3)
            hear(f"{number} of 5")
    assert [line.partition("; ")[2] for line in told] == [f"{number} of 5" for number in range(5)]
    assert told[4].startswith(("pi1: Wait: 1 of at most 60 s so far; ", "pi1: Wait: 2 of at most 60 s so far; "))


def test_what_is_over_soon_is_not_told(monkeypatch):
    monkeypatch.setattr(_progress, "FIRST", 10)
    told = []
    with _progress.reporting(told.append, "pi1", "Wait", None):
        pass
    assert told == []


def test_a_failure_ends_it(monkeypatch):
    monkeypatch.setattr(_progress, "FIRST", 10)
    before = threading.active_count()
    with pytest.raises(OSError), _progress.reporting(print, "pi1", "Wait", None):
        raise OSError
    assert threading.active_count() == before
