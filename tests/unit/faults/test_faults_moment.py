# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/system/faults/trial.py: when the fault struck."""

from __future__ import annotations

import pytest
from trial import Observer


class Agent:
    def __init__(self, *events):
        self._events = list(events)

    def next(self, name, seconds):
        assert (name, seconds) == ("moment", 1.0)
        return self._events.pop(0) if self._events else None


class Host:
    def __init__(self, agent):
        self._agent = agent

    def start_agent(self, **options):
        return self._agent


@pytest.mark.parametrize("events, over, came", [([{"t": 12.5}], False, 12.5), ([None, {"t": 7.0}], False, 7.0), ([], True, None)])
def test_the_fault_strikes_when_the_host_says_so_and_not_when_the_news_is_here(events, over, came):
    observer = Observer(Host(Agent(*events)), moment={"step": "cutover"})
    assert observer.moment(5.0, lambda: over) == came
