# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: strategy
short_description: How a play goes through its hosts, for the C(strategy) of a play
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Returns P(ansible.builtin.host_pinned#strategy) for several hosts. With P(ansible.builtin.linear#strategy) every phase
    of a host would wait for the slowest host, with its workers stopped.
  - Returns P(ansible.builtin.linear#strategy) for one host, which waits for none. It costs less of the controller's
    processor, and says what begins and not only what has ended.
options:
  _terms:
    description: One pattern of hosts, as C(hosts) of the play has it; C(--limit) applies to it.
    type: list
    elements: string
    required: true
"""

EXAMPLES = r"""
- name: Deploy
  hosts: pis
  strategy: "{{ lookup('smallfleet.bluegreen.strategy', 'pis') }}"
  roles:
    - smallfleet.bluegreen.bluegreen
"""

RETURN = r"""
_raw:
  description: The name of the strategy.
  type: list
  elements: string
"""

from ansible.plugins.lookup import LookupBase

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._hosts import matching


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        several = len(matching(self._loader, variables, terms[0])) > 1
        return ["ansible.builtin.host_pinned" if several else "ansible.builtin.linear"]
