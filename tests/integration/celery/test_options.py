# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real workers with transport options of their own, killed with tasks in hand: each task is done once elsewhere."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from compose_project import wait_for
from notes import Notes
from test_servers import REDIS_7, REDIS_8, VALKEY, Side, Way, done, out  # noqa: F401, pylint: disable=unused-import

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import (
    other_keys,
    remote_control,
    worker_conf,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.move import move
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.orphans import restore_orphans
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._celery.kombu import PRIORITY_STEPS, SEPARATOR
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container

# As Celery's documentation of Redis has it.
DOCUMENTED = {"priority_steps": list(range(10)), "sep": ":", "queue_order_strategy": "priority"}
OWN_KEYS = {"unacked_key": "unacked_app", "unacked_index_key": "unacked_index_app"}
# Looks as if it had a prefix, and has none.
SEEMING = {"unacked_key": "data:unacked", "unacked_index_key": "data:index"}
ALL = {
    "global_keyprefix": "data:",
    "unacked_key": "un",
    "unacked_index_key": "ui",
    "sep": "|",
    "priority_steps": [0, 4],
}

WAYS = [
    ("usual", {}, False, REDIS_8),
    ("documented", DOCUMENTED, True, REDIS_7),
    ("documented, nobody told", DOCUMENTED, False, VALKEY),
    ("one step", {"priority_steps": [0]}, True, REDIS_8),
    ("own keys", OWN_KEYS, False, REDIS_8),
    ("seeming prefix", SEEMING, False, VALKEY),
    ("all of it", ALL, True, REDIS_7),
]
EXPECTED = Counter([*(f"priority {each}" for each in (0, 3, 5, 9)), "later"])


def taken_and_killed(side, journal, told):
    """A worker takes tasks and dies of it, asked before what it is configured to."""
    worker = side.worker(env=["SECONDS=60"])
    host, broker = side.project.host, side.broker
    # It listens before anybody asks.
    wait_for(lambda: broker.consumers(0) and remote_control.active_tasks(host, broker, [worker]) is not None)
    side.publish("publish_priorities")
    wait_for(lambda: remote_control.active_tasks(host, broker, [worker]))
    if told:
        worker_conf.remember(journal, broker, worker_conf.ask_conf(host, broker, [worker]))
    side.project.engine.kill(worker.id, "SIGKILL")
    wait_for(lambda: not inspect_container(side.project.engine, worker.id).running)
    wait_for(lambda: not broker.has_live_worker(0))


# What `make test` tries; the others differ from these in one part each.
SHORT = ("documented, nobody told", "all of it")


@pytest.mark.parametrize(
    "options, told, image",
    [pytest.param(*way[1:], id=way[0], marks=[] if way[0] in SHORT else [pytest.mark.long]) for way in WAYS],
)
def test_what_a_dead_worker_had_is_done_in_the_other_color(project, out, options, told, image):  # noqa: F811
    env, journal = [f"OPTIONS={json.dumps(options)}"], Notes()
    old, new = (Side(project, name, image, Way([]), out, env) for name in ("old", "new"))
    taken_and_killed(old, journal, told)
    # Never a cache, and never empty.
    assert other_keys.count(old.broker, project.host.clock).keys == 0
    moved = move(project.host, journal, old.broker, new.broker)
    assert (moved.moved, moved.left) == (5, {})
    new.worker()
    wait_for(lambda: sum(done(out).values()) == 5, seconds=40)
    assert done(out) == EXPECTED


@pytest.mark.long
@pytest.mark.parametrize("options", [DOCUMENTED, ALL], ids=["documented", "all of it"])
def test_what_a_dead_worker_had_is_done_in_the_same_redis(project, out, options):  # noqa: F811
    journal = Notes()
    side = Side(project, "shared", REDIS_8, Way([]), out, [f"OPTIONS={json.dumps(options)}"])
    taken_and_killed(side, journal, True)
    assert restore_orphans(project.host, journal, side.broker) >= 1
    side.worker()
    wait_for(lambda: sum(done(out).values()) == 5, seconds=40)
    assert done(out) == EXPECTED


def test_a_worker_tells_what_it_is_configured_to(project, out):  # noqa: F811
    side = Side(project, "old", REDIS_8, Way([]), out, [f"OPTIONS={json.dumps(DOCUMENTED)}"])
    host, broker = project.host, side.broker
    worker = side.worker("-n", "mails@%h")
    wait_for(lambda: broker.consumers(0) and worker_conf.ask_conf(host, broker, [worker]).layout.separator)
    conf = worker_conf.ask_conf(host, broker, [worker])
    assert conf.layout == (":", tuple(range(10)))
    assert conf.results == side.redis.addresses["bridge"]
    assert worker_conf.ask_conf(host, broker, []).layout == ("", ())
    assert (SEPARATOR, PRIORITY_STEPS) != conf.layout
