# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.cpu_shares import (
    lower_weights,
    put_back_weights,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import WORKER, Notes, WorkerHost


def workers(host):
    return of_project(host.engine, "shop-blue")


def test_there_and_back():
    host = WorkerHost()
    host.engine.add("reports", HostConfig__CpuShares=512, **WORKER)
    host.engine.add("worker", **WORKER)
    journal = Notes(host)
    lower_weights(host, journal, workers(host))
    assert host.calls == [("note", "cpu_shares"), ("weight 2", "blue-reports"), ("weight 2", "blue-worker")]
    # Again, as after a run that was cut off: what it had before is not forgotten.
    lower_weights(host, journal, workers(host))
    assert journal.data["cpu_shares"] == {"blue-reports": 512, "blue-worker": 0}
    host.calls.clear()
    put_back_weights(host, journal)
    # The engine takes 0 for "leave it".
    assert host.calls == [("weight 512", "blue-reports"), ("weight 1024", "blue-worker"), ("note", "cpu_shares")]
    host.calls.clear()
    put_back_weights(host, journal)
    assert host.calls == []


def test_one_that_somebody_removed_keeps_nothing_from_going_on():
    host = WorkerHost()
    journal = Notes(host)
    journal.data["cpu_shares"] = {"blue-worker": 0}
    put_back_weights(host, journal)
    assert (host.calls, journal.data["cpu_shares"]) == ([("note", "cpu_shares")], {})
