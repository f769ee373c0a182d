# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One deployment at a time, with a rulebook that runs, and a human who decides (Service.decide)."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from operator import itemgetter

import pytest
from service import FREE, Service, commit


@pytest.fixture
def service(tmp_path):
    made = Service(tmp_path)
    try:
        yield made.start().listening()
    finally:
        made.stop()


def state(service):
    with open(os.path.join(service.folder, "state", "state.json"), encoding="utf-8") as file:
        return json.load(file)


def one_at_a_time(service):
    """All that is recorded of a release stands together: none began before the one before it had ended everywhere."""
    releases = [release for release, _entries in groupby(service.record(), key=itemgetter("release"))]
    assert len(releases) == len(set(releases))
    assert service.record()[-1]["what"] == "end"


def test_a_hundred_pushes_at_once(service):
    service.push(commit(1))
    service.wait_for("Deploying the push of")
    with ThreadPoolExecutor(max_workers=25) as pool:
        answers = list(pool.map(service.push, map(commit, range(2, 102))))
    assert {status for status, _text in answers} == {202}
    # As they came in, which is not as they were sent.
    came = [line.split(" of ")[1][:12] for line in service.lines("INFO - Accepted the push of")]
    dropped = [line.split(" of ")[1][:12] for line in service.lines("INFO - Dropped the push of")]
    assert (len(came), dropped) == (101, came[1:-1])

    # The newest waits as long as the first awaits approval, however often the hosts are looked at.
    service.wait_for(f"waits: pi1 has an open deployment of {commit(1)}; pi2 has")
    service.wait_for("PLAY [Look for open deployments]", count=3)
    assert (service.deployed(), state(service)["pending"]["commit"][:12]) == ([commit(1)], came[-1])
    assert service.log().count("PLAY [Deploy]") == 1

    service.decide("rolled_back")
    service.wait_for("The run for the push of", count=2)
    assert [release[:12] for release in service.deployed()] == [came[0], came[-1]]
    one_at_a_time(service)


def test_what_waits_survives_a_kill_and_a_push_is_no_way_past_an_open_deployment(service):
    service.show("pi2", {"deployment": {"release": "by-hand", "step": "cutover"}, "history": []})
    service.push(commit(1))
    # The rulebook's attempt is refused, on all hosts, since one of them has an open deployment.
    service.wait_for("waits: pi2 has an open deployment of by-hand")
    assert service.deployed() == []
    service.stop()
    begin = len(service.log())
    service.start().listening()
    service.wait_for(f"The push of {commit(1)[:12]} on main", since=begin)
    assert service.push(commit(1))[0] == 200  # the same body, so the same push
    service.wait_for("waits: pi2 has an open deployment of by-hand", since=begin)
    service.decide("committed")
    service.wait_for("awaits finish or rollback on 2 hosts", since=begin)
    assert service.deployed() == [commit(1)]


def test_a_release_that_fails_and_a_host_that_is_away(service):
    service.write("broken", commit(1))
    service.push(commit(1))
    service.wait_for("has ended: its deployment was rolled back on 2 hosts")
    service.show("pi1", None)
    service.push(commit(2))
    service.wait_for("waits: pi1 cannot be asked")
    assert service.deployed() == [commit(1)]
    service.show("pi1", FREE)
    service.wait_for("awaits finish or rollback on 2 hosts")
    assert service.deployed() == [commit(1), commit(2)]
    turn = state(service)["turn"]
    time.sleep(3)  # three looks' time, and nothing waits
    assert state(service)["turn"] == turn
