# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of single edges against the real thing, in seconds: messages in real Redis servers."""

from __future__ import annotations

import os

from command import ROOT
from setup import need
from unit import pytest


def integration():
    need("app")
    yield pytest("integration", ".venv", "tests/integration", tools=os.path.join(ROOT, "tests", "suite", "bin"))
