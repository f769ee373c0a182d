# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: value_refusal
short_description: Why a value is refused
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Checks a value that is written into a file of Nginx or apt, or handed to a program, by the same rules as the
    modules.
positional: _check, _option
options:
  _input:
    description: The value of the variable.
    type: raw
    required: true
  _check:
    description: What the value has to be.
    type: string
    choices:
      - app
      - upstream
      - nginx_file
      - port
      - server
      - container
      - server_name
      - listen
      - repository
      - repository_key
    required: true
  _option:
    description: Name of the variable, for the sentence.
    type: string
    required: true
"""

EXAMPLES = r"""
- name: Refuse a port that is reserved
  ansible.builtin.assert:
    that: why == ''
    fail_msg: "{{ why }}"
  vars:
    why: "{{ bluegreen_ports.blue | smallfleet.bluegreen.value_refusal('port', 'bluegreen_ports.blue') }}"
"""

RETURN = r"""
_value:
  description: One sentence that names the variable, its value and what to write instead; empty for a good value.
  type: string
"""

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._prepare_checks import CHECKS


def value_refusal(value: Any, check: str, option: str) -> str:
    """The sentence with which a value is refused; ``""`` for a good one."""
    if check not in CHECKS:
        raise AnsibleFilterError(f"value_refusal knows no check {check!r}: use one of {', '.join(CHECKS)}.")
    try:
        CHECKS[check](option, value)
    except BluegreenError as error:
        return str(error)
    return ""


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"value_refusal": value_refusal}
