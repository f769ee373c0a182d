# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apps of many shapes (tests/field): some of them, or with `make test-all` all, on two hosts side by side."""

from __future__ import annotations

from functools import partial

from setup import need
from unit import pytest

HOSTS = 2
TIME_LIMIT = 5400


def field(options):
    if options.long:
        return [partial(shapes, f"field-{number}", f"--share={number}/{HOSTS}") for number in range(1, HOSTS + 1)]
    return [partial(shapes, "field", "-m", "quick", "--there-and-back")]


def shapes(name, *chosen):
    need("all", "field", *([] if "quick" in chosen else ["compose"]))
    yield pytest(name, ".venv", "tests/field", *chosen, timeout=TIME_LIMIT)
