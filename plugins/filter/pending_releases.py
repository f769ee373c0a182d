# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: pending_releases
short_description: Which release awaits approval on which host
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Returns the hosts that await approval, each with its deployment, for the stat C(bluegreen_pending).
options:
  _input:
    description: The variables of each host of the play, including hosts that failed.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Tell AWX which releases await approval
  ansible.builtin.set_stats:
    data:
      bluegreen_pending: >-
        {{ ansible_play_hosts_all | map('extract', hostvars) | smallfleet.bluegreen.pending_releases }}
"""

RETURN = r"""
_value:
  description: For each host that awaits approval the C(id) and the C(release) of its deployment.
  type: dict
"""

from typing import Any, Callable, Iterable, Mapping


def pending_releases(rollout: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """``{host: {"id": …, "release": …}}`` of the hosts that await approval."""
    return {
        str(host["inventory_hostname"]): {
            "id": host["_bluegreen_open"]["id"], "release": str(host.get("bluegreen_release", ""))
        }
        for host in rollout
        if host.get("_bluegreen_awaits")
    }  # fmt: skip


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"pending_releases": pending_releases}
