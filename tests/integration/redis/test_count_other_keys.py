# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that are not Celery's, counted in a real Redis."""

from __future__ import annotations

import time

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import other_keys
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.clock import Clock

MESSAGE = b'{"body": "W10=", "properties": {"delivery_tag": "t%d"}}'


def test_a_small_redis_is_counted_exactly(old):
    with old.connect() as redis:
        redis.pipeline([("LPUSH", queue, MESSAGE % 1) for queue in ("celery", "reports\x06\x169", "shop:mails")])
        redis.call("HSET", "unacked", "t1", "x")
        redis.call("SADD", "_kombu.binding.celery", "x")
        redis.pipeline([("SET", f"celery-task-meta-{number}", "x") for number in range(5)])
        redis.pipeline([("SET", f"session:{number}", "x") for number in range(7)])
    with old.connect(database=1) as redis:
        redis.call("LPUSH", "visitors", "10.0.0.1")
        redis.call("XADD", "events", "*", "a", "b")
    with old.broker("old") as broker:
        assert other_keys.count(broker, Clock()) == (9, True)
        assert other_keys.count(broker, Clock(), ["session:[0-4]", "visitors"]) == (3, True)


def test_a_large_redis_is_counted_by_sample_in_bounded_time(old):
    with old.connect() as redis:
        redis.call("EVAL", "for i = 1, 300000 do redis.call('SET', 'session:' .. i, 'x') end", 0)
        redis.call("EVAL", "for i = 1, 100000 do redis.call('SET', 'celery-task-meta-' .. i, 'x') end", 0)
    with old.broker("old") as broker:
        begun = time.monotonic()
        keys, exact = other_keys.count(broker, Clock())
        seconds = time.monotonic() - begun
        commands = broker.database(0).call("INFO", "commandstats").decode()
    assert not exact and 270000 < keys < 330000
    # One page beyond its time at most.
    assert seconds < other_keys.SECONDS + 0.5
    assert "cmdstat_scan" in commands and "cmdstat_keys:" not in commands
