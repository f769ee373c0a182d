# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes when each task began and ended, and whether something was run on the host for it."""

from __future__ import annotations

import json
import os
import time

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: timeline
type: notification
short_description: Notes when each task began and ended
description:
  - Appends a JSON object for each task that ended to the file that E(BLUEGREEN_TIMELINE) names.
"""

# These stay on the controller. Whatever is not among them is run on the host.
LOCAL = {
    "add_host", "assert", "debug", "fail", "group_by", "import_role", "import_tasks", "include_role",
    "include_tasks", "include_vars", "meta", "pause", "set_fact", "set_stats", "validate_argument_spec",
}  # fmt: skip


def phase_of(path: str, play: str) -> str:
    """Return the phase that a task belongs to: the name of its file in the role.

    The play that only looks has its tasks from the same files, and is a phase by itself.
    """
    name = os.path.basename(path).removesuffix(".yml")
    if play == "Plan":
        return "plan"
    return {"compare_images": "fetch", "change_colors": "way_back"}.get(name, name)


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "timeline"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self._play = ""
        self._begun = {}

    def v2_playbook_on_play_start(self, play):
        self._play = play.get_name()

    def v2_runner_on_start(self, host, task):
        self._begun[task._uuid] = time.time()

    def v2_runner_on_ok(self, result):
        self._note(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._note(result)

    def v2_runner_item_on_ok(self, result):
        self._note(result)

    def v2_runner_item_on_failed(self, result):
        self._note(result)

    def _note(self, result):
        now = time.time()
        task = result._task
        # Of a loop each item has been a run; then comes the result of all of them together.
        if task.loop is not None and "results" in result._result:
            return
        begun = self._begun.get(task._uuid, now)
        self._begun[task._uuid] = now
        action = task.action.rpartition(".")[2]
        path = (task.get_path() or "").rpartition(":")[0]
        entry = {
            "path": path,
            "phase": phase_of(path, self._play),
            "action": action,
            "name": task.get_name().rpartition(" : ")[2],
            "begin": round(begun, 3),
            "end": round(now, 3),
            "remote": action not in LOCAL,
        }
        with open(os.environ["BLUEGREEN_TIMELINE"], "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
