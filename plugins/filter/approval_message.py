# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: approval_message
short_description: Which hosts await approval, and the commands for them
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Names the hosts that have the new release and await approval, and the commands that approve it or go back on them.
options:
  _input:
    description: The variables of each host of the play, including hosts that failed.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what awaits approval
  ansible.builtin.debug:
    msg: >-
      {{ ansible_play_hosts_all | map('extract', hostvars) | smallfleet.bluegreen.approval_message }}
"""

RETURN = r"""
_value:
  description: Two sentences, or an empty string if no host awaits approval.
  type: string
"""

from typing import Any, Callable, Iterable, Mapping

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._commands import command


def approval_message(rollout: Iterable[Mapping[str, Any]]) -> str:
    """What a human has to know about the hosts that await approval; ``""`` if there are none."""
    awaiting = [str(host["inventory_hostname"]) for host in rollout if host.get("_bluegreen_awaits")]
    if not awaiting:
        return ""
    have, await_ = ("has", "awaits") if len(awaiting) == 1 else ("have", "await")
    limit = f"--limit {','.join(awaiting)}"
    return (
        f"{', '.join(awaiting)} {have} the new release and {await_} approval. "
        f"To approve it there: {command('finish')} {limit}. To go back there: {command('rollback')} {limit}."
    )


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"approval_message": approval_message}
