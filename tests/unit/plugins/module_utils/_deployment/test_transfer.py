# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import move as broker_move
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment import transfer
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._deployment.color import colors_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.create import create_journal
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.store import Store
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import registered_tasks
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.deployments import facts
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import record
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.workers import WORKER


@pytest.mark.parametrize(
    "names, to_candidate, asked, known",
    [
        # Those that were created when the colors were looked at have started since.
        ({"old": ["shop.work"]}, True, ["green-worker"], {"shop.new"}),
        ({"old": ["shop.work"]}, False, None, {"shop.work"}),
        ({"old": ["shop.work"], "candidate": ["shop.mail"]}, True, None, {"shop.mail"}),
        ({"old": ["shop.work"], "candidate": None}, True, None, None),
        (None, True, None, None),
    ],
    ids=["left open", "back", "known", "nobody told", "nothing to ask"],
)
def test_new_workers_are_asked_once_they_run_if_that_was_left_open(
    host_with_containers, monkeypatch, tmp_path, names, to_candidate, asked, known
):
    host, calls = host_with_containers, []
    store = Store("shop", host, str(tmp_path / "lib"), str(tmp_path / "run"))
    store.create()
    broker = {"mode": "color", "service": "redis"}
    journal = create_journal(
        store, "dep-1", "me", facts(**{"from": "blue", "to": "green"}, broker=broker, task_names=names)
    )
    for color in ("blue", "green"):
        host.engine.add("redis", color=color)
        host.engine.add("worker", color=color, status="created", **WORKER)
    _settings, old, candidate = colors_of(host, store, journal)

    def move(given):
        host.engine.start("green-worker")
        found = given["known"]() if callable(given["known"]) else given["known"]
        assert found == known
        return broker_move.Moved(0, {}, {}, 0, 1)

    monkeypatch.setattr(transfer, "copy_beside", lambda *given: None)
    record(monkeypatch, [], broker_move, "move", does=move)
    record(
        monkeypatch,
        calls,
        registered_tasks,
        "of_live_workers",
        lambda given: [each.id for each in given["containers"] if each.running],
        lambda given: ["shop.new"],
    )
    transfer.move_tasks(host, journal, *((old, candidate) if to_candidate else (candidate, old)))
    assert calls == ([asked] if asked else [])
