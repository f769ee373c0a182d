# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: plan_message
short_description: What a deployment does, or why it does nothing
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Returns the plan that M(smallfleet.bluegreen.bg_deployment) made, or says that the host has the release already.
positional: _app, _release
options:
  _input:
    description: The result of M(smallfleet.bluegreen.bg_deployment) with C(state=open).
    type: dict
    required: true
  _app:
    description: Name of the app.
    type: string
    required: true
  _release:
    description: Label of the release. It may be empty.
    type: string
    required: true
"""

EXAMPLES = r"""
- name: Show the plan
  ansible.builtin.debug:
    msg: "{{ opened | smallfleet.bluegreen.plan_message('shop', '1.4.2') }}"
"""

RETURN = r"""
_value:
  description: The lines of the plan, or one sentence.
  type: raw
"""

from typing import Any, Callable, Mapping


def plan_message(opened: Mapping[str, Any], app: str, release: str) -> Any:
    """The plan as ``bg_deployment`` returned it; one sentence for a host that has the release already."""
    if not opened["up_to_date"]:
        return opened["plan"]
    release = release or "(none)"
    if opened["pending"]:
        return f"{app} has release {release} already ({opened['idle']}), which awaits approval."
    return f"{app} is up to date: {opened['live']} is live with release {release}."


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan_message": plan_message}
