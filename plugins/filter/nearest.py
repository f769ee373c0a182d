# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: nearest
short_description: The most similar of some names
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Finds the name that somebody most likely meant.
positional: _candidates
options:
  _input:
    description: The name that was written.
    type: string
    required: true
  _candidates:
    description: The names that exist.
    type: list
    elements: string
    required: true
"""

EXAMPLES = r"""
- name: Suggest the right variable
  ansible.builtin.debug:
    msg: "{{ 'bluegreen_prots' | smallfleet.bluegreen.nearest(['bluegreen_ports', 'bluegreen_app']) }}"
"""

RETURN = r"""
_value:
  description: The most similar name, or an empty string when there are no candidates.
  type: string
"""

from difflib import SequenceMatcher


def nearest(name, candidates):
    """The candidate most similar to ``name``, ``""`` when there are none."""
    return max(candidates, key=lambda candidate: SequenceMatcher(None, name, candidate).ratio(), default="")


class FilterModule:
    def filters(self):
        return {"nearest": nearest}
