# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: environment
short_description: The variables that Compose gets for a color
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Returns C(bluegreen_env) for each color, rendered with C(bluegreen_color) and C(bluegreen_port) of that color.
  - A variable that cannot be rendered is refused by its name. Its value is not shown, because it may be a secret.
options:
  _terms:
    description: The colors.
    type: list
    elements: string
    required: true
"""

EXAMPLES = r"""
- name: Show the variables of blue
  ansible.builtin.debug:
    msg: "{{ query('smallfleet.bluegreen.environment', 'blue') | first }}"
"""

RETURN = r"""
_raw:
  description: A dict for each color.
  type: list
  elements: dict
"""

from typing import Any, Mapping

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        return [self._rendered(color, variables or {}) for color in terms]

    def _rendered(self, color: str, variables: Mapping[str, Any]) -> Any:
        given = variables["bluegreen_env"]
        port = self._templar.template(variables["bluegreen_ports"])[color]
        templar = self._templar.copy_with_new_env(
            available_variables={**variables, "bluegreen_color": color, "bluegreen_port": port}
        )
        if not isinstance(given, dict):
            return self._of(templar, given, "bluegreen_env", color)
        return {name: self._of(templar, value, f"bluegreen_env.{name}", color) for name, value in given.items()}

    def _of(self, templar: Any, value: Any, name: str, color: str) -> Any:
        try:
            return templar.template(value)
        except AnsibleError:
            # Ansible's message may show the template, and with it other values.
            raise AnsibleLookupError(
                f"{name} cannot be rendered for {color}: it names an undefined variable, or is not a valid template. "
                "Nothing was done."
            ) from None
