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
  - Fails, too, when a host has another pattern as its C(bluegreen_hosts). In the inventory that variable would do nothing,
    because the hosts of a play are chosen before any variable of a host is there. The first play of a playbook cannot find
    that out, the second one can.
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
from ansible.plugins.lookup import LookupBase

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._hosts import matching


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        if context.CLIARGS.get("syntax"):
            # Whoever checks the syntax need not have an inventory.
            return terms
        for pattern in terms:
            hosts = matching(self._loader, variables, pattern)
            if not hosts:
                limit = variables.get("ansible_limit")
                within = f" within --limit {limit}" if limit else ""
                raise AnsibleLookupError(
                    f"bluegreen_hosts is {pattern!r}, but no host of the inventory matches it{within}: nothing was done. Look "
                    "at ansible-inventory --graph."
                )
            # When the first play begins, no variable of a host is there.
            for host in hosts if "hostvars" in variables else ():
                self._refuse_another(host, variables["hostvars"][host].get("bluegreen_hosts", pattern), pattern)
        return terms

    def _refuse_another(self, host, given, pattern):
        if given != pattern:
            raise AnsibleLookupError(
                f"bluegreen_hosts is {given!r} in the inventory, for {host}, where no playbook can see it, and it would go to "
                f"{pattern!r}: nothing was done. Give it with -e bluegreen_hosts={given}."
            )
