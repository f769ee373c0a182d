# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each module both ways (tests/program): over one way to the host, or with `make test-all` over all of them."""

from __future__ import annotations

from setup import need
from unit import SHORT, pytest

TIME_LIMIT = 2400


def program(short):
    need("all", *([] if short else ["venv-2.16", "host-python3.9"]))
    yield pytest("program", ".venv", "tests/program", *(SHORT if short else ()), timeout=TIME_LIMIT)
