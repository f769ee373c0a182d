# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is imported with an action plugin is compiled once; in the worker of a task it would be in each of them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

COLLECTION = "ansible_collections.smallfleet.bluegreen.plugins"


@pytest.mark.parametrize(
    "name, imported",
    [
        ("bg_copy_keys", {"bg_copy_keys"}),
        # While no worker runs nobody is to wait for the rest.
        ("bg_stop_workers", {"bg_stop_workers", "bg_start", "bg_health", "bg_switch"}),
    ],
)
def test_a_module_is_imported_with_its_action_plugin(name, imported):
    script = (
        f"import sys, {COLLECTION}.action.{name}\n"
        f"steps = '{COLLECTION}.module_utils._steps.bg_'; "
        "print(*(each.rpartition('.')[2] for each in sys.modules if each.startswith(steps)))"
    )
    # Where this process found the collection.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == imported
