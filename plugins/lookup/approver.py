# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: approver
short_description: Who approves
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Returns the user who approves a deployment, for the history of a host. That is the user who runs Ansible, or who
    launched the job of AWX.
  - A workflow of AWX runs as the user who launched it, not as the one who approved in it. If the job has a credential
    of the kind Red Hat Ansible Automation Platform, this plugin asks AWX for the latter. Otherwise it returns the
    number of the workflow, which shows the user in AWX.
options:
  _terms:
    description: Nothing.
    type: list
    elements: string
"""

EXAMPLES = r"""
- name: Show who approves
  ansible.builtin.debug:
    msg: "{{ lookup('smallfleet.bluegreen.approver') }}"
"""

RETURN = r"""
_raw:
  description: The user, such as V(ada@laptop), V(bob@awx-job-17), V(bob@awx-workflow-16) or V(awx-workflow-16).
  type: list
  elements: string
"""

import os
from typing import Any, Mapping

from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._awx import Unknown, approver
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._owner import owner


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        known = variables or {}
        workflow = known.get("awx_workflow_job_id")
        if not workflow:
            return [owner(known)]
        try:
            return [f"{approver(int(workflow), os.environ)}@awx-workflow-{workflow}"]
        except Unknown as reason:
            Display().vv(f"The history names workflow {workflow} of AWX instead of who approved: {reason}")
            return [f"awx-workflow-{workflow}"]
