# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: on_command_line
short_description: Whether a variable is set only for this run
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Returns whether the variable is set with C(-e), which AWX also does for the answers to a survey. A variable in the
    inventory applies to all runs.
options:
  _input:
    description: The name of the variable.
    type: string
    required: true
"""

EXAMPLES = r"""
- name: Show the release of this run
  ansible.builtin.debug:
    msg: "{{ bluegreen_release }}"
  when: "'bluegreen_release' | smallfleet.bluegreen.on_command_line"
"""

RETURN = r"""
_value:
  description: Whether C(-e) sets it.
  type: boolean
"""

from typing import Any, Callable

from ansible.parsing.dataloader import DataLoader
from ansible.utils.vars import load_extra_vars


def on_command_line(name: str) -> bool:
    """Whether ``-e`` sets the variable. Ansible has read its files already, and reads them only once."""
    return name in load_extra_vars(DataLoader())


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"on_command_line": on_command_line}
