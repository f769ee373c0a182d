# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet
short_description: A pattern of hosts that matches at least one
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Returns the pattern as it is, and fails when C(ansible-playbook) would find no host for it.
  - A play whose pattern matches nothing is skipped, and the playbook ends well without having done anything.
options:
  _terms:
    description: Patterns, as C(hosts) of a play has them.
    type: list
    elements: string
    required: true
notes:
  - It looks at the hosts of the inventory and at C(--limit). With C(--syntax-check) it looks at nothing.
"""

EXAMPLES = r"""
- name: Deploy to all Raspberry Pis, or fail when there are none
  hosts: "{{ lookup('smallfleet.bluegreen.fleet', 'pis') }}"
  roles:
    - smallfleet.bluegreen.bluegreen
"""

RETURN = r"""
_raw:
  description: The patterns.
  type: list
  elements: string
"""

from ansible import context
from ansible.errors import AnsibleLookupError
from ansible.inventory.manager import InventoryManager
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        if context.CLIARGS.get("syntax"):
            # Whoever checks the syntax need not have an inventory.
            return terms
        limit = variables.get("ansible_limit")
        for pattern in terms:
            if self._matches(pattern, limit, variables["groups"]):
                continue
            within = f" within --limit {limit}" if limit else ""
            raise AnsibleLookupError(
                f"bluegreen_hosts is {pattern!r}, but no host of the inventory matches it{within}: nothing was done. Look at "
                "ansible-inventory --graph."
            )
        return terms

    def _matches(self, pattern, limit, groups):
        inventory = InventoryManager(self._loader, parse=False)
        for group, hosts in groups.items():
            inventory.add_group(group)
            for host in hosts:
                inventory.add_host(host, group=group)
        if limit:
            inventory.subset(limit)
        return bool(inventory.get_hosts(pattern=pattern))
