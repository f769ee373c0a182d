# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker.connection import Consumer
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.clock import Deadline
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.sockets import ESTABLISHED, Connection
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._process import Process
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import consuming
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import WorkerBroker, WorkerHost

CELERY = "python3 -m celery -A shop worker"


# Processes as "pid parent command", the one that waits for messages, and whether that proves that the worker consumes.
@pytest.mark.parametrize(
    "lines, waiting, proved",
    [
        (["7 1 " + CELERY, "8 7 " + CELERY], 7, True),
        # A child of the pool may wait for something of its own.
        (["7 1 " + CELERY, "8 7 " + CELERY], 8, False),
        # Somebody's health check is no descendant of process 1.
        (["7 1 " + CELERY], 99, False),
        (["7 1 python3 run_worker.py"], 7, True),
        (["7 1 sh /entry.sh", "8 7 python3 run_worker.py"], 8, True),
        (["7 1 uv run run_worker.py", "8 7 python3 run_worker.py"], 8, True),
        (["7 1 python3 run_worker.py"], 99, False),
    ],
)
def test_a_worker_consumes_by_a_connection_of_its_own(monkeypatch, lines, waiting, proved):
    host = WorkerHost()
    host.engine.add("worker")
    worker = inspect_container(host.engine, "blue-worker")
    words = [line.split() for line in lines]
    processes = [Process(int(pid), int(ppid), argv[0], argv) for pid, ppid, *argv in words]
    monkeypatch.setattr(consuming, "processes_of", lambda _pid: processes)
    monkeypatch.setattr(consuming.sockets, "inodes_of", lambda pid: {5} if pid == waiting else set())
    line = Connection(("10.0.0.2", 40001), ("10.0.0.5", 6379), ESTABLISHED, 5)
    monkeypatch.setattr(consuming.sockets, "connections", lambda _pid, ports=(): [line])
    broker = WorkerBroker()
    broker.container = object()
    clients = [Consumer("10.0.0.2", 40001, True)]
    assert consuming._consumes(host, worker, broker, clients, Deadline(host.clock, 30)) is proved
