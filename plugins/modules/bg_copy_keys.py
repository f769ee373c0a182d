#!/usr/bin/python
# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bg_copy_keys
short_description: Copy keys such as sessions from one Redis to another
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Copies the keys that match a pattern, in every database, with their remaining time to live. If both sides have a
    key, that of O(source) is used. Nothing is removed from O(source).
  - Keys of Celery and of this collection are never copied. M(smallfleet.bluegreen.bg_move_tasks) moves tasks.
extends_documentation_fragment:
  - smallfleet.bluegreen._bluegreen
  - smallfleet.bluegreen._two_brokers
  - smallfleet.bluegreen._attributes
attributes:
  check_mode:
    support: full
    details:
      - It connects to both sides, and neither counts nor copies keys.
  diff_mode:
    support: none
    details:
      - Keys such as sessions must not be shown.
  idempotent:
    support: partial
    details:
      - Keys are copied again, because they may have changed.
options:
  keys:
    description: Patterns of keys, as for Redis's own C(KEYS), such as V(session:*).
    type: list
    elements: str
    required: true
seealso:
  - module: smallfleet.bluegreen.bg_move_tasks
"""

EXAMPLES = r"""
- name: Copy the sessions, so that no user is logged out
  smallfleet.bluegreen.bg_copy_keys:
    app: shop
    source:
      project: shop-blue
    destination:
      project: shop-green
    keys: ["session:*"]
"""

RETURN = r"""
copied:
  description: How many keys were copied.
  returned: success
  type: int
  sample: 12
commands:
  description: What was done, as command lines.
  returned: always
  type: list
  elements: str
  sample: ["copy 12 keys like session:* from shop-blue/redis to shop-green/redis"]
"""

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.run import run_module
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.bg_copy_keys import SPEC


def main():
    run_module(SPEC)


if __name__ == "__main__":
    main()
