# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._process import Process
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import without_celery
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost

MULTI = ["sh", "-c", "celery multi start w1 -A shop -c 2; tail -f /dev/null"]
WORKER = ["celery", "-A", "shop", "worker"]


def tree(*commands):
    return [Process(900 + at, 899 + at, command.split()[0], command.split()) for at, command in enumerate(commands)]


@pytest.mark.parametrize(
    "command, processes, lost",
    [
        (MULTI, tree("sh -c x", "tail -f /dev/null"), True),
        (MULTI, tree("tail -f /dev/null"), True),
        (MULTI, tree("sh -c x", "python3 -m celery -A shop worker"), False),
        (["sh", "-c", "celery -A shop worker; sleep infinity"], tree("sh -c x", "sleep infinity"), True),
        (WORKER, tree("celery -A shop worker"), False),
        (WORKER, tree("[celeryd: celery@host:MainProcess] -active- (worker)"), False),
        (["dotenv", "run", "--", *WORKER], tree("dotenv run", "celery -A shop worker"), False),
        # Nothing to be seen, such as in a rootless engine.
        (WORKER, [], False),
        # Not Celery at all, or nobody can tell.
        (["rq", "worker", "default"], tree("rq worker default"), False),
        (["huey_consumer", "shop.huey"], tree("python huey_consumer shop.huey"), False),
        (["/start-worker"], tree("bash /start-worker", "tail -f /dev/null"), False),
        (["celery", "-A", "shop", "flower"], tree("celery -A shop flower"), False),
        (["python", "-m", "dramatiq", "shop"], tree("python -m dramatiq shop"), False),
    ],
)
def test_a_worker_without_celery_is_one_whose_command_starts_it(command, processes, lost):
    assert without_celery.has_lost(command, processes) is lost


@pytest.mark.parametrize(
    "status, started, lost",
    [
        ("running", "2026-11-23T11:00:00.5Z", True),
        # It may wait for something before it starts Celery.
        ("running", "2026-11-23T11:59:00Z", False),
        ("running", "unknown", False),
        ("exited", "2026-11-23T11:00:00Z", False),
        ("paused", "2026-11-23T11:00:00Z", False),
    ],
)
def test_a_container_that_boots_or_does_not_run_is_not_asked(monkeypatch, status, started, lost):
    host = FakeHost()
    container = inspect_container(host.engine, host.engine.add("worker", status=status, Path="sh", Args=MULTI[1:]))
    container = container._replace(pid=900, started_at=started)
    monkeypatch.setattr(
        without_celery, "processes_of_each", lambda pids: {900: tree("tail -f /dev/null")} if pids else {}
    )
    assert without_celery.without_celery(host, [container]) == ({container.id} if lost else set())


def test_a_host_without_such_workers_costs_no_look_at_its_processes(monkeypatch):
    host = FakeHost()
    monkeypatch.setattr(without_celery, "processes_of_each", lambda pids: pytest.fail("looked"))
    assert without_celery.without_celery(host, [inspect_container(host.engine, host.engine.add("worker"))]) == set()
