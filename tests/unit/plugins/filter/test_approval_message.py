# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.smallfleet.bluegreen.plugins.filter.approval_message import FilterModule


@pytest.mark.parametrize(
    "awaits, message",
    [
        ({}, ""),
        ({"a": None, "b": False}, ""),
        (
            {"a": True, "b": False},
            "a has the new release and awaits approval. "
            "To approve it there: ansible-playbook smallfleet.bluegreen.finish --limit a. "
            "To go back there: ansible-playbook smallfleet.bluegreen.rollback --limit a.",
        ),
        (
            {"b": True, "c": None, "a": True},
            "b, a have the new release and await approval. "
            "To approve it there: ansible-playbook smallfleet.bluegreen.finish --limit b,a. "
            "To go back there: ansible-playbook smallfleet.bluegreen.rollback --limit b,a.",
        ),
    ],
)
def test_approval_message(awaits, message):
    hosts = [
        {"inventory_hostname": host, **({} if each is None else {"_bluegreen_awaits": each})}
        for host, each in awaits.items()
    ]
    assert FilterModule().filters()["approval_message"](hosts) == message
