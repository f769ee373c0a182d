# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in a task for a module: writes down what the module would have been given."""

from __future__ import annotations

import json
import os

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        with open(os.environ["BLUEGREEN_RECORDED"], "a", encoding="utf-8") as file:
            file.write(json.dumps(self._task.args) + "\n")
        # As if the object were there, with nothing in it.
        return {**result, "id": 0}
