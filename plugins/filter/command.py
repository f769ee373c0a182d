# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: command
short_description: The command line of a playbook of this collection
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Returns what a user types to run the playbook, for sentences that name it as the way out.
positional: _release
options:
  _input:
    description: Name of the playbook, without the collection.
    type: string
    required: true
  _release:
    description: The release that the command has to name. Empty if it has to name none.
    type: string
    default: ""
"""

EXAMPLES = r"""
- name: Say how to approve
  ansible.builtin.debug:
    msg: "To approve it: {{ 'finish' | smallfleet.bluegreen.command }}"
"""

RETURN = r"""
_value:
  description: The command line, such as V(ansible-playbook smallfleet.bluegreen.finish).
  type: string
"""

from typing import Any, Callable

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._commands import command


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"command": command}
