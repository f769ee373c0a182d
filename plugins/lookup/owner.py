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

from typing import Any, Mapping

from ansible.plugins.lookup import LookupBase

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._owner import owner


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        return [owner(variables or {})]
