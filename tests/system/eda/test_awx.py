# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rulebook that starts AWX's workflow, with a real ansible-rulebook and a stand-in for AWX."""

from __future__ import annotations

import time

import awx
from service import Service, commit


def test_one_workflow_at_a_time_and_the_newest_push_last(tmp_path):
    with awx.running() as (controller, address):
        service = Service(
            tmp_path, "github_push_awx", ["--controller-url", address, "--controller-token", "t"],
            webhook_workflow=awx.TEMPLATE["name"], webhook_organization="Shop",
        )
        try:
            service.start().listening()
            service.push(commit(1))
            wait(lambda: controller.launched)
            for number in (2, 3):
                service.push(commit(number))
            time.sleep(3)  # the first one's approval is awaited
            assert len(controller.launched) == 1
            controller.statuses[0] = "failed"
            wait(lambda: len(controller.launched) == 2)
            controller.statuses[1] = "successful"
            service.wait_for("has ended", count=2)
        finally:
            service.stop()
    assert controller.launched == [{"extra_vars": {"bluegreen_release": commit(number)}} for number in (1, 3)]
    assert len(service.lines("Dropped the push of")) == 1


def wait(condition, seconds=60):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.1)
