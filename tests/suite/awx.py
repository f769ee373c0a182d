# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks and the workflow of awx/ as AWX runs them: ansible-runner on a Pi-sized host over SSH (tests/awx)."""

from __future__ import annotations

from setup import need
from unit import SHORT, pytest


def awx(short):
    need("all", "venv-runner")
    yield pytest("awx", ".venv", "tests/awx", *(SHORT if short else ()))
