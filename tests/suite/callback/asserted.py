# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts what the scenarios assert: each `assert` task that a file under molecule/ holds, as it passes or fails."""

from __future__ import annotations

import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: asserted
type: notification
short_description: Counts the assertions of Molecule scenarios
description:
  - Appends a line V(passed) or V(failed) to the file that the environment variable E(BLUEGREEN_ASSERTED) names, for
    each C(assert) task of a scenario on each host.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "asserted"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result):
        self._note(result, "passed")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._note(result, "failed")

    def _note(self, result, word):
        # The collection's role asserts too; only the scenarios' own count as checks.
        task = result._task
        if task.action.split(".")[-1] == "assert" and "/molecule/" in (task.get_path() or ""):
            with open(os.environ["BLUEGREEN_ASSERTED"], "a", encoding="utf-8") as file:
                file.write(f"{word} {task.get_name()}\n")
