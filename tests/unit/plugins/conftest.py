# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.journal import NullJournal


class FakeClock:
    """A clock on which time passes only by sleeping."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    boottime = monotonic

    def wall(self):
        return self.now

    def boot_id(self):
        return "boot"

    def sleep(self, seconds):
        self.now += max(seconds, 0.0)


class FakeHost:
    """A host on which nothing can be run; ``engine`` is for the test to fill in."""

    def __init__(self):
        self.clock = FakeClock()
        self.commands = []
        self.warnings = []
        self.keep_open = set()
        self.engine = None

    def warn(self, sentence):
        self.warnings.append(sentence)


class FakeJournal(NullJournal):
    """A journal in memory that counts the signs of life."""

    def __init__(self, **data):
        self.data = data
        self.lives = 0
        self.notes = []

    def __getitem__(self, key):
        return self.data[key]

    def get(self, key, default=None):
        return self.data.get(key, default)

    def note(self, **facts):
        self.data.update(facts)
        self.notes.append(facts)

    def renew_lease(self):
        self.lives += 1


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def host():
    return FakeHost()


@pytest.fixture
def journal():
    return FakeJournal(id="dep-1")
