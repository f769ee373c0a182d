# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.containers import inspect_container
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._docker.restart_policies import (
    disable_restart,
    restore_restart_policies,
)
from ansible_collections.smallfleet.bluegreen.tests.unit.plugins.module_utils.fakes import FakeHost


class Noted:
    def __init__(self):
        self.policies = {}

    def note_policy(self, container):
        self.policies.setdefault(container.id, container.restart_policy)

    def policy_of(self, container):
        return self.policies.get(container.id, container.restart_policy)


def test_policies_are_noted_before_the_first_is_taken_and_come_back():
    host, journal = FakeHost(), Noted()
    ids = [
        host.engine.add("worker"),
        host.engine.add("beat", HostConfig__RestartPolicy={"Name": "no", "MaximumRetryCount": 0}),
    ]
    ids.append(host.engine.add("flower", HostConfig__RestartPolicy={"Name": "on-failure", "MaximumRetryCount": 3}))

    def now():
        return [inspect_container(host.engine, each) for each in ids]

    disable_restart(host, journal, now())
    assert len(journal.policies) == 3
    assert host.calls == [("policy no", "blue-worker"), ("policy no", "blue-flower")]
    # A second time, after something died: what was noted first counts.
    disable_restart(host, journal, now())
    restore_restart_policies(host, journal, now())
    restore_restart_policies(host, journal, now())
    assert host.calls[2:] == [("policy unless-stopped", "blue-worker"), ("policy on-failure", "blue-flower")]
    assert now()[2].restart_policy == {"Name": "on-failure", "MaximumRetryCount": 3}
