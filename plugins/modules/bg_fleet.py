#!/usr/bin/python
# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bg_fleet
short_description: Show the state of an app on all hosts of a fleet
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Prints one table of the results of M(smallfleet.bluegreen.bg_info) on all hosts, or writes them to a file.
  - It runs on the controller only; run it once for all hosts.
attributes:
  action:
    description: Runs on the controller.
    support: full
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details:
      - It does not write the file.
  diff_mode:
    description: >-
      Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: none
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
    details:
      - The file is written again, because it contains the time. It counts as changed only if something else differs.
options:
  looks:
    description:
      - The registered results of M(smallfleet.bluegreen.bg_info), by the name of the host.
      - A host with a failed, unreachable or empty result is degraded.
    type: dict
    required: true
  apps:
    description: The app of each host, by the name of the host.
    type: dict
    default: {}
  report:
    description:
      - File to write on the controller, instead of printing the table. A relative path begins in the folder in which
        C(ansible-playbook) was started.
      - A name that ends with C(.html) makes a page for people, C(.json) the same data for programs.
    type: str
    default: ""
seealso:
  - module: smallfleet.bluegreen.bg_info
requirements:
  - ansible-core on the controller, without further packages; nothing on the hosts
"""

EXAMPLES = r"""
- name: Read the state of the shop
  smallfleet.bluegreen.bg_info:
    app: shop
  register: shop
  failed_when: false
  ignore_unreachable: true

- name: Write the page
  smallfleet.bluegreen.bg_fleet:
    looks: "{{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars, 'shop'))) }}"
    report: fleet.html
  run_once: true
"""

RETURN = r"""
lines:
  description: The table, the reasons of each host, and how many hosts are in each state.
  returned: success
  type: list
  elements: str
  sample:
    - HOST  STATE    LIVE   RELEASE  SINCE (UTC)  WORKERS  QUEUE  OPEN  LAST       GAP    FREE DISK  FREE MEMORY
    - pi-1  healthy  green  1.4.2    11-20 09:15  2/2      0      -     committed  4.9 s  21.0 GiB   584 MiB
    - ""
    - "1 host: 1 healthy, 0 in progress, 0 degraded."
exit_code:
  description: 0 if all hosts are healthy, 4 if one is degraded, otherwise 3.
  returned: success
  type: int
  sample: 0
healthy:
  description: Hosts on which everything that should run does, and no deployment is open.
  returned: success
  type: list
  elements: str
  sample: [pi-1]
in_progress:
  description: Hosts on which a deployment is open or awaits approval, and which are not degraded.
  returned: success
  type: list
  elements: str
  sample: []
degraded:
  description: Hosts that need attention.
  returned: success
  type: list
  elements: str
  sample: []
"""
