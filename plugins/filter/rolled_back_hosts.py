# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rolled_back_hosts
short_description: Hosts on which this rollback undid something
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Returns the hosts on which the playbook C(smallfleet.bluegreen.rollback) undid a deployment, found one that was
    rolled back before, for example by the guard, or tries again to go back to the kept color.
  - A host that could not be reached, or on which undoing failed, is not among them.
options:
  _input:
    description: The variables of each host of the play, including hosts that failed.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the hosts that went back
  ansible.builtin.debug:
    msg: >-
      {{ ansible_play_hosts_all | map('extract', hostvars) | smallfleet.bluegreen.rolled_back_hosts }}
"""

RETURN = r"""
_value:
  description: Names of the hosts, in the order of the play.
  type: list
  elements: string
"""

from typing import Any, Callable, Iterable, Mapping


def rolled_back_hosts(rollout: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of the hosts that went back, in the order of the play."""
    return [str(host["inventory_hostname"]) for host in rollout if _went_back(host.get("_bluegreen_undone") or {})]


def _went_back(undone: Mapping[str, Any]) -> bool:
    """Whether this result of ``bg_deployment`` with ``prefer: rollback`` says so; a failed run has none of the keys."""
    return "found" in undone and any(undone.get(key) for key in ("found", "already", "again"))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rolled_back_hosts": rolled_back_hosts}
