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
  - Says in one sentence what a label became that is not text, and how to give it. YAML makes a number of V(1.10), and the
    release of that label is another one.
  - Before ansible-core 2.19 the setting C(jinja2_native) does so in templates, also with text. That is refused, too.
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
    description: What a template makes of the variable that consists of it alone.
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
  description: The sentence, or an empty string when the value is text and stays it.
  type: string
"""

from ansible import context

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._as_typed import refusal


def label_refusal(value, name, rendered):
    """The sentence with which a label is refused that is not text, or does not stay it; ``""`` for a good one."""
    return refusal(name, value, rendered, context.CLIARGS.get("extra_vars") or ())


class FilterModule:
    def filters(self):
        return {"label_refusal": label_refusal}
