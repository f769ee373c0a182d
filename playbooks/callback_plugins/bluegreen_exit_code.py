# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: bluegreen_exit_code
type: notification
short_description: Exit codes that Ansible itself does not have
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Ends C(ansible-playbook) with the exit code that a play has set with M(ansible.builtin.set_stats), as C(exit_code)
    of C(bluegreen_status). So C(status.yml) tells a script how the fleet is.
  - Nobody has to enable it. Ansible loads it with each playbook beside which it lies.
"""

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "bluegreen_exit_code"

    def v2_playbook_on_stats(self, stats):
        # What set_stats gave for the whole run stands under this name.
        code = int(stats.custom.get("_run", {}).get("bluegreen_status", {}).get("exit_code", 0))
        if code:
            # A callback has no say in the exit code, and its errors are only warned of, but this is none. Nothing comes
            # after it in a run.
            raise SystemExit(code)
