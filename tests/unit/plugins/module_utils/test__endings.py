# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _endings, _proof, _resources
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._containers import look
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources import MIB
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost

BUDGET = {"free": 200 * MIB, "web": 90 * MIB, "support": 10 * MIB, "workers": 80 * MIB, "app": 30 * MIB, "oom_kills": 3}


@pytest.mark.parametrize(
    "status, code, told, kills, journal, killed",
    [
        ("exited", 137, False, 4, {"memory_budget": BUDGET}, True),
        # Somebody else's kill -9.
        ("exited", 137, False, 3, {"memory_budget": BUDGET}, False),
        ("exited", 1, False, 4, {"memory_budget": BUDGET}, False),
        ("running", 137, False, 4, {"memory_budget": BUDGET}, False),
        # A journal of an earlier version.
        ("exited", 137, False, 4, {}, False),
        ("exited", 137, False, 4, {"memory_budget": None}, False),
        ("exited", 137, True, 3, {}, True),
    ],
)
def test_what_was_killed_for_memory(monkeypatch, status, code, told, kills, journal, killed):
    host = FakeHost()
    monkeypatch.setattr(_resources, "oom_kills", lambda: kills)
    ended = look(host.engine, host.engine.add("worker", status=status, State__ExitCode=code, State__OOMKilled=told))
    assert _endings.judged(ended, journal).oom_killed is killed


def test_a_container_that_was_killed_for_memory_right_after_its_start_is_named_with_the_figures(monkeypatch):
    host = FakeHost()
    monkeypatch.setattr(_resources, "oom_kills", lambda: 4)
    started = look(host.engine, host.engine.add("worker", color="green"))
    host.engine.inspected["green-worker"]["State"].update(Status="exited", ExitCode=137)
    with pytest.raises(BluegreenError) as failure:
        _proof.still_up(host, started, {"memory_budget": BUDGET})
    assert failure.value.message == (
        "Container shop-green-worker-1 was killed for memory right after its start: its last log lines are in logs. The plan "
        "had reckoned with 100 MiB for the new web and its support services and with 80 MiB for the new workers, as the old "
        "ones held, and 200 MiB were free then: this release needs more, or something else on this host took it."
    )
    monkeypatch.setattr(_resources, "oom_kills", lambda: 3)
    with pytest.raises(BluegreenError, match="ended with exit code 137 right after its start: its last log lines are in logs.$"):
        _proof.still_up(host, started, {"memory_budget": BUDGET})
