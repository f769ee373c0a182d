# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes each time that a task of the collection had something run on a host: on a Pi that costs a second each."""

from __future__ import annotations

import os
import time

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: remote_runs
type: notification
short_description: Notes what the role has run on hosts
description:
  - Appends a line with the phase (the name of the task's file), the action, the seconds that it took and the task's name
    to the file that the environment variable E(BLUEGREEN_REMOTE_RUNS) names, for each run of a module on a host.
  - What counts has E(BLUEGREEN_REMOTE_RUNS_IN) in its path, which is the role if it is not set.
  - Hooks belong to the user, and do not count.
"""

# These stay on the controller. Whatever is not among them counts.
LOCAL = {
    "add_host", "assert", "debug", "fail", "group_by", "import_role", "import_tasks", "include_role", "include_tasks",
    "include_vars", "meta", "pause", "set_fact", "set_stats", "validate_argument_spec",
}


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "remote_runs"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self._begun = {}

    def v2_runner_on_start(self, host, task):
        self._begun[host.name, task._uuid] = time.monotonic()

    def v2_runner_on_ok(self, result):
        self._note(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._note(result)

    def v2_runner_item_on_ok(self, result):
        self._note(result)

    def v2_runner_item_on_failed(self, result):
        self._note(result)

    def _note(self, result):
        task = result._task
        # The result of a loop as a whole comes after those of its items.
        if task.action.split(".")[-1] in LOCAL or (task.loop is not None and "results" in result._result):
            return
        path = task.get_path() or ""
        if os.environ.get("BLUEGREEN_REMOTE_RUNS_IN", "/roles/bluegreen/") in path:
            phase = os.path.basename(path.rpartition(":")[0]).removesuffix(".yml")
            now = time.monotonic()
            # The items of a loop begin one after the other.
            key = result._host.name, task._uuid
            seconds, self._begun[key] = now - self._begun.get(key, now), now
            with open(os.environ["BLUEGREEN_REMOTE_RUNS"], "a", encoding="utf-8") as file:
                file.write(f"{phase} {task.action} {seconds:.2f} {task.get_name()}\n")
