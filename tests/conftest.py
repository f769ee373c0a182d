# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests that pytest runs have in common."""

from __future__ import annotations


def pytest_configure(config):
    config.addinivalue_line("markers", "long: differs little from another one, so it is left to `make test-all`")
