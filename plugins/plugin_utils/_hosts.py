# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Which hosts a play has, found before it begins."""

from __future__ import annotations

from typing import Any, Mapping

from ansible.inventory.manager import InventoryManager


def matching(loader: Any, variables: Mapping[str, Any], pattern: str) -> list[str]:
    """Names of the hosts of a pattern, in the order of the play; ``--limit`` applies.

    :param loader: Ansible's ``DataLoader``.
    :param variables: those of a template; ``groups`` and ``ansible_limit`` are used.
    """
    inventory = InventoryManager(loader, parse=False)
    for group, hosts in variables["groups"].items():
        inventory.add_group(group)
        for host in hosts:
            inventory.add_host(host, group=group)
    if variables.get("ansible_limit"):
        inventory.subset(variables["ansible_limit"])
    return [host.name for host in inventory.get_hosts(pattern=pattern)]
