# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: colors_asked_about
short_description: Which color is the new one on the hosts that are asked about
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Lists the new color of the hosts whose approval a human is asked for. Hosts of a fleet may be on different colors.
options:
  _input:
    description: The variables of each host of the batch.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the new colors
  ansible.builtin.debug:
    msg: "{{ ansible_play_batch | map('extract', hostvars) | smallfleet.bluegreen.colors_asked_about }}"
"""

RETURN = r"""
_value:
  description: The colors with their hosts, such as V(blue on pi-1, pi-2; green on pi-3).
  type: string
"""

from typing import Any, Callable, Iterable, Mapping


def colors_asked_about(batch: Iterable[Mapping[str, Any]]) -> str:
    """The new color and its hosts, such as ``blue on pi-1, pi-2; green on pi-3``."""
    hosts: dict[str, list[str]] = {}
    for host in batch:
        if host.get("_bluegreen_decides") == "prompt":
            hosts.setdefault(host["_bluegreen_open"]["idle"], []).append(host["inventory_hostname"])
    return "; ".join(f"{color} on {', '.join(hosts[color])}" for color in sorted(hosts))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"colors_asked_about": colors_asked_about}
