# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: as_written
short_description: A variable as it is written, for the inventory of AWX
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Returns a variable without rendering the templates in it. The jobs of AWX render them, on their hosts.
  - A text with the tag C(!vault) stays encrypted. It becomes the dictionary C(__ansible_vault), which Ansible decrypts
    in the jobs if their job template has a credential of the kind Vault.
options:
  _terms:
    description: Name of the variable.
    type: list
    elements: string
    required: true
"""

EXAMPLES = r"""
- name: Make the inventory
  awx.awx.inventory:
    name: shop
    organization: Small fleet
    variables: "{{ lookup('as_written', 'awx_inventory_variables') }}"
"""

RETURN = r"""
_raw:
  description: The value.
  type: raw
"""

from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return [plain((variables or {}).get(term)) for term in terms]


def plain(value):
    """The same value without what Ansible adds to it: templates are text, and encrypted text is a dictionary."""
    ciphertext = getattr(value, "_ciphertext", None)
    if ciphertext is not None:
        return {"__ansible_vault": ciphertext.decode() if isinstance(ciphertext, bytes) else str(ciphertext)}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    # A plain str of a subclass that says where the text comes from.
    return "".join(list(value)) if isinstance(value, str) else value
