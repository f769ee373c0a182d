# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._linux.clock import timestamp
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._fleet import fleet
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._fleet_table import lines
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._report_file import (
    ReportError,
    check_name,
    differs,
    write,
)
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._verdict import EXIT_CODES

ARGUMENTS = {
    "looks": {"type": "dict", "required": True},
    "apps": {"type": "dict", "default": {}},
    "report": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """Works on the controller alone: it runs nothing on a host."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        dummy, args = self.validate_argument_spec(argument_spec=ARGUMENTS)
        file: str = args["report"]
        try:
            if file:
                check_name(file)
            looks = [(host, args["apps"].get(host, ""), info or {}) for host, info in args["looks"].items()]
            report = fleet(looks, timestamp(time.time()))
            changed = bool(file) and differs(file, report)
            if file and not self._task.check_mode:
                write(file, report)
        except ReportError as error:
            raise AnsibleActionFail(str(error)) from error
        shown = lines(report)
        if not file:
            # Not through the callback, because one that writes YAML or JSON would fold or quote the lines.
            for line in shown:
                self._display.display(line)
        result.update(changed=changed, exit_code=report["exit_code"], lines=shown)
        for state in EXIT_CODES:
            result[state] = [host["host"] for host in report["hosts"] if host["verdict"] == state]
        return result
