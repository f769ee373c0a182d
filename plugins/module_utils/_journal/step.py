# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The steps of a deployment, in their order. Pure."""

from __future__ import annotations

import enum


class Step(enum.Enum):
    """A step of a deployment; one that comes earlier is less than one that comes later.

    The value is the step's name in the journal.
    """

    OPEN = "open"
    FETCH = "fetch"
    BEFORE_STOP = "before_stop"
    STOP_WORKERS = "stop_workers"
    START_CANDIDATE = "start_candidate"
    HEALTH = "health"
    CUTOVER = "cutover"
    HANDOVER = "handover"
    START_WORKERS = "start_workers"
    SETTLE = "settle"
    AWAITING_APPROVAL = "awaiting_approval"
    FINISH = "finish"

    def __lt__(self, other: Step) -> bool:
        return _ORDER[self] < _ORDER[other]

    def __le__(self, other: Step) -> bool:
        return _ORDER[self] <= _ORDER[other]


_ORDER = {step: number for number, step in enumerate(Step)}
