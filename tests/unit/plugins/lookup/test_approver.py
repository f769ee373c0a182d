# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from unittest import mock

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.lookup import approver
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._owner import owner

JOB = {"awx_job_id": 17, "awx_user_name": "alice"}


@pytest.mark.parametrize(
    "variables, asked, found",
    [
        ({}, None, owner({})),
        # Launched by the one who approves.
        (JOB, None, "alice@awx-job-17"),
        # Launched by the workflow, in the name of the one who launched that.
        ({**JOB, "awx_workflow_job_id": 16}, "bob", "bob@awx-workflow-16"),
        ({**JOB, "awx_workflow_job_id": 16}, approver.Unknown("no answer"), "awx-workflow-16"),
    ],
)
def test_who_approves(monkeypatch, variables, asked, found):
    monkeypatch.setattr(approver, "approver", mock.Mock(side_effect=[asked]))
    assert approver.LookupModule().run([], variables) == [found]
