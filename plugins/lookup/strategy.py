# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: strategy
short_description: In which order a play runs on its hosts, for the C(strategy) of a play
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Returns P(ansible.builtin.host_pinned#strategy) for several hosts. With P(ansible.builtin.linear#strategy) every
    host would wait for the slowest one in each phase, with its workers stopped.
  - Returns P(ansible.builtin.linear#strategy) for one host. It takes less CPU time of the controller, and shows when a
    task begins, not only when it has ended.
options:
  _terms:
    description: The pattern of hosts in C(hosts) of the play. C(--limit) applies to it.
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

from typing import Any, Mapping

from ansible.plugins.lookup import LookupBase

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._hosts import matching


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        several = len(matching(self._loader, variables or {}, terms[0])) > 1
        return ["ansible.builtin.host_pinned" if several else "ansible.builtin.linear"]
