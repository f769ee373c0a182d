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
  - Returns the pattern unchanged, and fails if C(ansible-playbook) would find no host for it. Without this lookup
    Ansible skips such a play, and the playbook succeeds without having done anything.
  - Fails as well if C(bluegreen_hosts) of a host is another pattern. In the inventory that variable has no effect,
    because Ansible chooses the hosts of a play before it reads their variables. Only the second and later plays of a
    playbook can find that out.
options:
  _terms:
    description: Patterns of hosts, for C(hosts) of a play.
    type: list
    elements: string
    required: true
notes:
  - It checks the hosts of the inventory and C(--limit). With C(--syntax-check) it checks nothing.
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

from typing import Any, Mapping

from ansible import context
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._hosts import matching


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        variables = variables or {}
        if context.CLIARGS.get("syntax"):
            # A syntax check may run without an inventory.
            return terms
        for pattern in terms:
            hosts = matching(self._loader, variables, pattern)
            if not hosts:
                limit = variables.get("ansible_limit")
                within = f" within --limit {limit}" if limit else ""
                raise AnsibleLookupError(
                    f"bluegreen_hosts is {pattern!r}, but no host of the inventory matches it{within}. Nothing was "
                    "done. ansible-inventory --graph shows all hosts."
                )
            # When the first play begins, Ansible has no variables of hosts yet.
            for host in hosts if "hostvars" in variables else ():
                self._refuse_another(host, variables["hostvars"][host].get("bluegreen_hosts", pattern), pattern)
        return terms

    def _refuse_another(self, host: str, given: str, pattern: str) -> None:
        if given != pattern:
            raise AnsibleLookupError(
                f"bluegreen_hosts is {given!r} in the inventory, for {host}, but a playbook can only read it from -e, "
                f"and would run on {pattern!r}. Nothing was done. Use -e bluegreen_hosts={given}."
            )
