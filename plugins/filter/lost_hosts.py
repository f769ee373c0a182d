# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: lost_hosts
short_description: Hosts that a rollout has lost so far
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Returns the hosts that the plan could not reach or refused, and those that began the deployment, did not complete
    it, and are no longer in the play.
  - Hosts whose batch has not begun yet are not lost, and neither are hosts that are up to date.
positional: _batch
options:
  _input:
    description: The variables of each host of the play, including hosts that failed.
    type: list
    elements: dict
    required: true
  _batch:
    description: Names of the hosts of the batch that are still in the play (C(ansible_play_batch)).
    type: list
    elements: string
    required: true
"""

EXAMPLES = r"""
- name: Show the hosts that failed
  ansible.builtin.debug:
    msg: >-
      {{ ansible_play_hosts_all | map('extract', hostvars) | smallfleet.bluegreen.lost_hosts(ansible_play_batch) }}
"""

RETURN = r"""
_value:
  description: Names of the hosts, sorted.
  type: list
  elements: string
"""

from typing import Any, Callable, Collection, Iterable, Mapping


def lost_hosts(rollout: Iterable[Mapping[str, Any]], batch: Collection[str]) -> list[str]:
    """Names of the hosts that failed or could not be reached, sorted."""
    return sorted(str(host["inventory_hostname"]) for host in rollout if _never_planned(host) or _gave_up(host, batch))


def _never_planned(host: Mapping[str, Any]) -> bool:
    return "_bluegreen_open" not in host


def _gave_up(host: Mapping[str, Any], batch: Collection[str]) -> bool:
    begun = "_bluegreen_begun" in host and "_bluegreen_ended" not in host
    return begun and host["inventory_hostname"] not in batch


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"lost_hosts": lost_hosts}
