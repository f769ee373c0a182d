# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: who_decides
short_description: Who decides whether the old color is removed
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Applies C(bluegreen_approval) to one host.
  - No answer never counts as approval. Without a terminal, V(prompt) becomes V(manual).
positional: _awaits, _live, _can_ask
options:
  _input:
    description: The value of C(bluegreen_approval).
    type: string
    choices: [prompt, manual, automatic]
    required: true
  _awaits:
    description: Whether the release awaits approval on this host.
    type: boolean
    required: true
  _live:
    description: The color that was live before. Empty for the first deployment, which has no old color to keep.
    type: string
    required: true
  _can_ask:
    description: Whether a human can be asked, which takes a terminal and no check mode.
    type: boolean
    required: true
"""

EXAMPLES = r"""
- name: Show who decides
  ansible.builtin.debug:
    msg: "{{ 'prompt' | smallfleet.bluegreen.who_decides(true, 'blue', false) }}"
"""

RETURN = r"""
_value:
  description:
    - V(prompt) for the human at the terminal, V(manual) for a human at a later time, V(automatic) for nobody.
    - Empty if there is nothing to decide.
  type: string
"""

from typing import Any, Callable


def who_decides(approval: str, awaits: bool, live: str, can_ask: bool) -> str:
    """``prompt``, ``manual`` or ``automatic``; ``""`` if there is nothing to decide."""
    if not awaits:
        return ""
    if not live:
        return "automatic"
    return "manual" if approval == "prompt" and not can_ask else approval


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"who_decides": who_decides}
