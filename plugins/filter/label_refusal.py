# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: label_refusal
short_description: Why the value of a label is refused
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Refuses a label that is not text, in one sentence that shows how to write it. YAML reads V(1.10) as the number 1.1,
    which is the label of another release.
  - Before ansible-core 2.19 the setting C(jinja2_native) does the same to text in templates. That is refused, too.
positional: _name, _rendered
options:
  _input:
    description: The value of the variable.
    type: raw
    required: true
  _name:
    description: The name of the variable.
    type: string
    required: true
  _rendered:
    description: The result of a template that consists only of this variable.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Refuse a release that is not text
  ansible.builtin.assert:
    that: why == ''
    fail_msg: "{{ why }}"
  vars:
    why: "{{ bluegreen_release | smallfleet.bluegreen.label_refusal('bluegreen_release', rendered) }}"
    rendered: "{{ bluegreen_release }}"
"""

RETURN = r"""
_value:
  description: The sentence, or an empty string if the value is text and remains text in templates.
  type: string
"""

from typing import Any, Callable

from ansible import context

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._labels import refusal


def label_refusal(value: Any, name: str, rendered: Any) -> str:
    """Why a label is refused; ``""`` for a label that is text, and that templates leave a text (unlike ``1.10``)."""
    return refusal(name, value, rendered, context.CLIARGS.get("extra_vars") or ())


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"label_refusal": label_refusal}
