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
    of C(bluegreen_status). The exit code of the playbook C(smallfleet.bluegreen.status) thus shows a script how the
    fleet is.
  - It needs not be enabled. Ansible loads it with each playbook in the folder above.
"""

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "bluegreen_exit_code"

    def v2_playbook_on_stats(self, stats):
        # set_stats keeps values of the whole run under this name.
        code = int(stats.custom.get("_run", {}).get("bluegreen_status", {}).get("exit_code", 0))
        if code:
            # Ansible gives a callback no way to set the exit code, and turns its exceptions into warnings, but not
            # SystemExit. Nothing runs after this event.
            raise SystemExit(code)
