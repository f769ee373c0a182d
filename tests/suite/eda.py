# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The webhook with a real ansible-rulebook; what in it is real and what is not, tests/eda/service.py says."""

from __future__ import annotations

from outcome import Outcome
from setup import have
from unit import pytest


def eda():
    missing = have("venv-eda")
    yield Outcome("eda", 0, 0, 1, notes=(missing,)) if missing else pytest("eda", ".venv", "tests/eda")
