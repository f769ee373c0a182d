# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: last_deployment
short_description: The open deployment of a host, or the last one
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Summarizes a result of M(smallfleet.bluegreen.bg_info) for the webhook, including a failed or unreachable one.
options:
  _input:
    description: The registered result of M(smallfleet.bluegreen.bg_info).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the last deployment
  ansible.builtin.debug:
    msg: "{{ info | smallfleet.bluegreen.last_deployment }}"
"""

RETURN = r"""
_value:
  description:
    - C(state) is V(open) if a deployment is open, V(closed) if none is, and V(unknown) if the host could not be read.
    - C(release) and C(result) are those of the open deployment, or of the last one.
  type: dict
"""

from typing import Any, Callable, Mapping


def last_deployment(info: Mapping[str, Any]) -> dict[str, str]:
    """``state``, ``release`` and ``result`` of the open deployment, or of the last one."""
    if "deployment" not in info:
        return {"state": "unknown", "release": "", "result": ""}
    deployment, history = info["deployment"], info.get("history") or []
    last = deployment or (history[-1] if history else {})
    return {
        "state": "open" if deployment else "closed",
        "release": str(last.get("release") or ""),
        "result": str(last.get("result") or ""),
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"last_deployment": last_deployment}
