# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: batches
short_description: Sizes of batches, as the C(serial) of a play takes them
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Checks what somebody gave for C(bluegreen_serial), which Ansible would answer with a traceback if it were wrong.
options:
  _input:
    description:
      - Counts of hosts and percentages of the fleet, as a list or as a text such as V([1, "25%", "100%"]) or V(1,25%,100%),
        which is what C(-e) on the command line makes of it.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Deploy to one host, and then to all others
  hosts: pis
  serial: "{{ '1,100%' | smallfleet.bluegreen.batches }}"
  roles:
    - smallfleet.bluegreen.bluegreen
"""

RETURN = r"""
_value:
  description: Whole numbers and percentages.
  type: list
  elements: raw
"""

import re

from ansible.errors import AnsibleFilterError

_COUNT = re.compile(r"[1-9][0-9]{0,5}")
_PERCENTAGE = re.compile(r"([1-9][0-9]?|100)%")


def batches(given):
    """The list of counts (int) and percentages (str); raises :class:`AnsibleFilterError`."""
    if isinstance(given, str):
        parts = [part.strip().strip("'\"") for part in given.strip().strip("[]").split(",")]
    else:
        parts = list(given) if isinstance(given, (list, tuple)) else [given]
    sizes = [_size(part) for part in parts]
    if not parts or None in sizes:
        raise AnsibleFilterError(
            f"bluegreen_serial is {given!r}, but it must be a list of counts of hosts and percentages of the fleet, such as "
            "[1, '25%', '100%']."
        )
    return sizes


def _size(part):
    """A count or a percentage, ``None`` for what is neither."""
    text = "" if isinstance(part, bool) else str(part).strip()
    if _COUNT.fullmatch(text):
        return int(text)
    return text if _PERCENTAGE.fullmatch(text) else None


class FilterModule:
    def filters(self):
        return {"batches": batches}
