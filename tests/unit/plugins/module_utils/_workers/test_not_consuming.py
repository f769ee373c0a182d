# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux import sockets
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._process import Process
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import not_consuming
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers.not_consuming import SEE_LOG, advice
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import (
    WORKER,
    WorkerBroker,
    WorkerHost,
)

NAME = "shop-green-worker-1"
CELERY = ["celery", "-A", "shop", "worker"]
SCRIPT = ["sh", "-c", "celery multi start w1 -A shop; tail -f /dev/null"]
REDIS = {"10.0.0.5"}


def tree(*commands):
    return [Process(900 + at, 899 + at, command.split()[0], command.split()) for at, command in enumerate(commands)]


@pytest.mark.parametrize(
    "command, processes, remotes, addresses, sentence",
    [
        (CELERY, tree("celery -A shop worker"), set(), REDIS, SEE_LOG),
        (CELERY, tree("celery -A shop worker"), {("10.0.0.5", 6379)}, REDIS, SEE_LOG),
        # Its results may be elsewhere.
        (CELERY, tree("celery -A shop worker"), {("10.0.0.5", 6379), ("10.0.0.9", 6379)}, REDIS, SEE_LOG),
        (
            CELERY,
            tree("celery -A shop worker"),
            {("10.0.0.9", 6379), ("fd00::9", 5672)},
            REDIS,
            f"{NAME} is connected to 10.0.0.9:6379 and [fd00::9]:5672, but not to the broker shop-green/redis: correct "
            "the broker's URL in the settings of that service.",
        ),
        # Which addresses the broker has is not known.
        (CELERY, tree("celery -A shop worker"), {("10.0.0.9", 6379)}, set(), SEE_LOG),
        (
            SCRIPT,
            tree("sh -c x", "tail -f /dev/null"),
            set(),
            REDIS,
            f"Celery does not run in {NAME}, only tail -f /dev/null: find out from its log why Celery "
            "ended, or what it waits for.",
        ),
        (["rq", "worker"], tree("rq worker"), set(), REDIS, SEE_LOG),
        (CELERY, [], set(), REDIS, SEE_LOG),
    ],
)
def test_more_time_is_advised_only_where_it_may_help(command, processes, remotes, addresses, sentence):
    assert advice(NAME, command, processes, remotes, "shop-green/redis", addresses) == sentence


@pytest.mark.parametrize("remote, words", [("10.0.0.9", "is connected to 10.0.0.9:6379"), ("10.0.0.2", SEE_LOG)])
def test_what_a_worker_is_connected_to_is_seen(monkeypatch, remote, words):
    host, broker = WorkerHost(), WorkerBroker()
    worker = inspect_container(host.engine, host.engine.add("worker", **WORKER))._replace(pid=900)
    broker.container = inspect_container(host.engine, host.engine.add("redis"))
    lines = [
        sockets.Connection(("10.0.0.3", 40001), (remote, 6379), sockets.ESTABLISHED, 5),
        # Somebody else's, and one to no broker.
        sockets.Connection(("10.0.0.3", 40002), ("10.0.0.8", 6379), sockets.ESTABLISHED, 6),
        sockets.Connection(("10.0.0.3", 40003), ("10.0.0.7", 5432), sockets.ESTABLISHED, 5),
    ]
    monkeypatch.setattr(not_consuming, "processes_of", lambda pid: tree("celery -A shop worker"))
    monkeypatch.setattr(sockets, "inodes_of", lambda pid: {5})
    monkeypatch.setattr(sockets, "connections", lambda pid, ports=(): lines)
    assert words in not_consuming.advice_for([worker, worker], broker)
    # Each reason once.
    assert not_consuming.advice_for([worker, worker], broker).count(words) == 1
    assert not_consuming.advice_for([worker], None) == SEE_LOG
