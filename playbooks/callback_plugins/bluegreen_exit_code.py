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
  - Ends it with 1 where a play of this collection matches no host, of which Ansible only warns.
  - Nobody has to enable it. Ansible loads it with each playbook beside which it lies.
"""

import os

from ansible import context
from ansible.plugins.callback import CallbackBase

PLAYBOOKS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "bluegreen_exit_code"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._play = None

    def v2_playbook_on_play_start(self, play):
        self._play = play

    def v2_playbook_on_no_hosts_matched(self):
        # A user's own playbook may import one of these, and have plays for which there need not be a host.
        path = os.path.realpath((self._play.get_path() or "").rpartition(":")[0])
        if os.path.dirname(path) == PLAYBOOKS:
            self._display.error(no_host(self._play.hosts, context.CLIARGS.get("subset")))
            raise SystemExit(1)

    def v2_playbook_on_stats(self, stats):
        # What set_stats gave for the whole run stands under this name.
        code = int(stats.custom.get("_run", {}).get("bluegreen_status", {}).get("exit_code", 0))
        if code:
            # A callback has no say in the exit code, and its errors are only warned of, but this is none. Nothing comes
            # after it in a run.
            raise SystemExit(code)


def no_host(hosts, limit):
    pattern = hosts if isinstance(hosts, str) else ",".join(map(str, hosts))
    within = f" within --limit {limit!r}" if limit else ""
    return (
        f"No host of the inventory matches bluegreen_hosts ({pattern!r}){within}, so nothing was done: name hosts that are "
        "in it (ansible-inventory --graph shows them)."
    )
