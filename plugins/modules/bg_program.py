#!/usr/bin/python
# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bg_program
short_description: Install the program that does the modules' work on a host
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Installs the code of the modules on the host, as one program in the folder of the app. The modules of this
    collection then run it, which takes less than half of the CPU time of a module that Ansible sends. The same
    program is the guard of the app's deployments.
  - M(smallfleet.bluegreen.bg_deployment) installs it as well when it opens a deployment. With this module it is there
    from the plan of the first deployment on, and of the first one after an upgrade of the collection.
  - A program of the same version is left alone. One of another version is replaced after the new one has run on the
    host.
  - Does nothing on a host without systemd, which has no guard. While a deployment is open the program is left alone,
    with a warning, because it is the guard of that deployment.
extends_documentation_fragment:
  - smallfleet.bluegreen._bluegreen
  - smallfleet.bluegreen._attributes
attributes:
  check_mode:
    support: full
    details:
      - It does not check whether the program runs on the host.
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: smallfleet.bluegreen.bg_deployment
"""

EXAMPLES = r"""
- name: Install the program before the first deployment
  smallfleet.bluegreen.bg_program:
    app: shop
"""

RETURN = r"""
program:
  description: Path of the program; empty on a host without systemd.
  returned: success
  type: str
  sample: /var/lib/bluegreen/shop/guard.pyz
commands:
  description: What was done, as command lines.
  returned: always
  type: list
  elements: str
  sample: [write /var/lib/bluegreen/shop/guard.pyz]
"""

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install.sent import receive
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.run import run_module
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.bg_program import SPEC


def main():
    run_module(SPEC, receive)


if __name__ == "__main__":
    main()
