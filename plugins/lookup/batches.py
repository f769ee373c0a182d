# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: batches
short_description: Sizes of a rollout's batches, for the C(serial) of a play
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Returns C(bluegreen_serial) of the first host. A play cannot read this variable by itself, because Ansible evaluates
    C(serial) before it reads the variables of the hosts.
  - In the first play of a playbook these variables are not known either, so it returns the default,
    C([1, "25%", "100%"]).
  - Makes the first batch larger if it would contain only hosts that the plan has lost, so that there is a canary.
options:
  _terms:
    description: The pattern of hosts in C(hosts) of the play. C(--limit) applies to it.
    type: list
    elements: string
    required: true
"""

EXAMPLES = r"""
- name: Deploy to one host, and then to all others
  hosts: pis
  serial: "{{ lookup('smallfleet.bluegreen.batches', 'pis') }}"
  roles:
    - smallfleet.bluegreen.bluegreen
"""

RETURN = r"""
_raw:
  description: Counts of hosts and percentages.
  type: list
  elements: raw
"""

from typing import Any, Mapping

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._batches import DEFAULT, sizes, with_a_canary
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._hosts import matching


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[list[Any]]:
        variables = variables or {}
        hosts = matching(self._loader, variables, terms[0])
        # When the first play begins, Ansible has no variables of hosts yet.
        if not hosts or "hostvars" not in variables:
            return [list(DEFAULT)]
        # Stops at the first host that was planned, because a fleet may be large.
        lost = next((number for number, host in enumerate(hosts) if self._planned(host, variables)), 0)
        given = variables["hostvars"][hosts[0]].get("bluegreen_serial", DEFAULT)
        try:
            return [with_a_canary(sizes(given), len(hosts), lost)]
        except ValueError as error:
            raise AnsibleLookupError(str(error)) from None

    def _planned(self, host: str, variables: Mapping[str, Any]) -> bool:
        return "_bluegreen_open" in variables["hostvars"][host]
