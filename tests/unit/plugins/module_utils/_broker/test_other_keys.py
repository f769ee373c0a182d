# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import other_keys
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.other_keys import Count
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeClock

MESSAGE = b'{"body": "W10=", "properties": {"delivery_tag": "t1"}}'


class Database:
    """Keys of one database, which come in pages of ``page``; each page takes ``seconds``."""

    def __init__(self, clock, keys, page=3, seconds=0.0):
        self.clock, self.keys, self.page, self.seconds = clock, keys, page, seconds
        self.pages = 0

    def call(self, *words):
        if words[0] == "DBSIZE":
            return len(self.keys)
        self.clock.now += self.seconds
        self.pages += 1
        start = int(words[1])
        end = start + self.page
        return str(end if end < len(self.keys) else 0).encode(), sorted(self.keys)[start:end]

    def pipeline(self, commands):
        return [self._one(*words) for words in commands]

    def _one(self, verb, key, *_index):
        value = self.keys[key]
        if verb == "TYPE":
            return b"list" if isinstance(value, list) else b"string"
        return value[0]


class Broker:
    def __init__(self, *databases):
        self._databases = databases

    def databases(self):
        return list(range(len(self._databases)))

    def database(self, number):
        return self._databases[number]


@pytest.fixture
def clock():
    return FakeClock()


def sessions(number):
    return {b"session:%03d" % each: b"x" for each in range(number)}


def test_queues_are_celerys_whatever_their_name(clock):
    keys = {
        b"celery": [MESSAGE],
        b"reports\x06\x163": [MESSAGE],
        b"unacked": b"",
        b"_kombu.binding.celery": b"",
        b"celery-task-meta-1": b"",
        b"visitors": [b"10.0.0.1"],
        b"\xff\xfe": b"",
    }
    assert other_keys.count(Broker(Database(clock, keys)), clock) == Count(2, True)


def test_all_databases_are_looked_at(clock):
    databases = Database(clock, {b"celery": [MESSAGE]}), Database(clock, sessions(2))
    assert other_keys.count(Broker(*databases), clock) == Count(2, True)
    assert other_keys.count(Broker(), clock) == Count(0, True)


@pytest.mark.parametrize(
    "kept, left",
    [
        (["session:*"], 1),
        (["session:00[0-3]", "cart:?"], 6),
        (["session:00[^0-3]"], 5),
        (["*"], 0),
        (["SESSION:*"], 11),
    ],
)
def test_what_is_kept_does_not_stay_behind(clock, kept, left):
    broker = Broker(Database(clock, {**sessions(10), b"cart:1": b""}))
    assert other_keys.count(broker, clock, kept) == Count(left, True)


def test_after_its_time_it_goes_by_the_sample(clock):
    keys = {**{b"a-celery-task-meta-%03d" % each: b"" for each in range(250)}, **sessions(750)}
    database = Database(clock, keys, page=500, seconds=0.4)
    # The first page holds the 250 results and 250 sessions.
    assert other_keys.count(Broker(database), clock) == Count(500, False)
    assert database.pages == 1


def test_one_page_of_each_database_is_looked_at_even_so(clock):
    slow, last = Database(clock, sessions(4), seconds=1.0), Database(clock, sessions(3))
    assert other_keys.count(Broker(slow, last), clock) == Count(7, False)


@pytest.mark.parametrize(
    "found, words",
    [
        (Count(1, True), "The Redis of shop-blue holds 1 key that is not Celery's and will stay behind"),
        (Count(1840, True), "holds 1840 keys that are not Celery's"),
        (Count(18437, False), "holds about 18000 keys"),
        (Count(7, False), "holds about 7 keys"),
    ],
)
def test_the_warning_has_the_figure_and_the_way_out(found, words):
    sentence = other_keys.warning(found, "of shop-blue")
    assert words in sentence
    assert "Redis for both colors" in sentence and "bluegreen_keep_keys" in sentence


def test_nothing_to_warn_of():
    assert other_keys.warning(Count(0, True), "of shop-blue") == ""
