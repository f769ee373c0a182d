# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: owner
short_description: Who deploys
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Returns the user and the computer that Ansible runs on, for the journal of a host.
  - In a job of AWX it returns the user of AWX and the number of the job, because the user and the name of the
    container that the job runs in say nothing.
options:
  _terms:
    description: Nothing.
    type: list
    elements: string
"""

EXAMPLES = r"""
- name: Show who deploys
  ansible.builtin.debug:
    msg: "{{ lookup('smallfleet.bluegreen.owner') }}"
"""

RETURN = r"""
_raw:
  description: The owner, such as V(ada@laptop) or V(ada@awx-job-17).
  type: list
  elements: string
"""

import os
import pwd
import socket
from typing import Any, Mapping

from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        known = variables or {}
        if "awx_job_id" in known:
            return [f"{known.get('awx_user_name') or 'awx'}@awx-job-{known['awx_job_id']}"]
        return [f"{_user()}@{socket.gethostname()}"]


def _user() -> str:
    """The name of the user, or the number of one without a name, as in some containers."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
