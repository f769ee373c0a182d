# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.start import start_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.transport import EngineError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import WORKER, WorkerHost

LOGS = {"shop-blue-worker-1": ["last line of blue-worker"]}


def worker(host, status):
    return inspect_container(host.engine, host.engine.add("worker", status=status, **WORKER))


@pytest.mark.parametrize("status", ["created", "exited"])
def test_a_container_that_has_started_is_returned_as_it_is_then(status):
    host = WorkerHost()
    before = worker(host, status)
    now = start_container(host, before)
    assert (now.status, now.id) == ("running", before.id)
    assert now.started_at != before.started_at


@pytest.mark.parametrize(
    "status, refuse, sentence",
    [
        (
            "exited",
            {"blue-worker"},
            "could not be started: error while creating mount source path. Correct that, then deploy again.",
        ),
        # The engine says "not modified" while it still shuts down, and starts nothing.
        (
            "running",
            set(),
            "was told to start, but did not: it is running, and was last started at 2026-11-23T10:00:00Z. Look at "
            "docker logs shop-blue-worker-1 for the cause. Correct that, then deploy again.",
        ),
    ],
)
def test_a_container_that_did_not_start_is_an_error(status, refuse, sentence):
    host = WorkerHost()
    before = worker(host, status)
    host.engine.refuse = refuse
    with pytest.raises(BluegreenError) as failure:
        start_container(host, before)
    assert failure.value.message == f"Container shop-blue-worker-1 {sentence}"
    assert failure.value.details == {"failure": "start", "logs": LOGS}


@pytest.mark.parametrize("way_out, end", [("Then do this.", " Then do this."), ("", "")])
def test_the_caller_says_what_to_do_next(monkeypatch, way_out, end):
    def refuse(_id):
        raise EngineError("port is already allocated.")

    host = WorkerHost()
    before = worker(host, "exited")
    monkeypatch.setattr(host.engine, "start", refuse)
    with pytest.raises(BluegreenError) as failure:
        start_container(host, before, way_out)
    # The engine ends some sentences itself.
    sentence = "Container shop-blue-worker-1 could not be started: port is already allocated."
    assert failure.value.message == f"{sentence}{end}"
