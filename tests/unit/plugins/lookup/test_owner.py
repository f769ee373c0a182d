# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pwd
import socket

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.lookup.owner import LookupModule


@pytest.mark.parametrize(
    "variables, owner",
    [
        ({"awx_job_id": 17, "awx_user_name": "ada"}, "ada@awx-job-17"),
        # A schedule starts a job without a user.
        ({"awx_job_id": 17}, "awx@awx-job-17"),
        ({"awx_job_id": 17, "awx_user_name": ""}, "awx@awx-job-17"),
    ],
)
def test_a_job_of_awx(variables, owner):
    assert LookupModule().run([], variables) == [owner]


def test_a_user_of_this_computer():
    assert LookupModule().run([], {}) == [f"{pwd.getpwuid(os.geteuid()).pw_name}@{socket.gethostname()}"]


def test_a_user_without_a_name(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 4000000001)
    assert LookupModule().run([], {}) == [f"4000000001@{socket.gethostname()}"]
