#!/usr/bin/python
# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bg_info
short_description: Show everything about an app with two colors on a host
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Reads which color is live, what runs, what waits in the queues, whether a deployment is open, and how the last ones
    ended. Changes nothing and takes no lock.
extends_documentation_fragment:
  - smallfleet.bluegreen.bluegreen
  - smallfleet.bluegreen.settings
  - smallfleet.bluegreen.attributes
attributes:
  check_mode:
    support: full
    details:
      - It changes nothing anyhow.
  diff_mode:
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    support: N/A
    details:
      - It changes nothing.
seealso:
  - module: smallfleet.bluegreen.bg_deployment
"""

EXAMPLES = r"""
- name: Look at the shop
  smallfleet.bluegreen.bg_info:
    app: shop
  register: shop

- name: Show it
  ansible.builtin.debug:
    msg: "{{ shop.summary }}"
"""

RETURN = r"""
app:
  description: The app.
  returned: always
  type: str
  sample: shop
live:
  description: The color that Nginx sends requests to, as its file says; empty when there is none.
  returned: always
  type: str
  sample: green
idle:
  description: The other color; empty when none is live.
  returned: always
  type: str
  sample: blue
release:
  description: Label of the live release; empty when it has none or is not known.
  returned: always
  type: str
  sample: 1.4.2
since:
  description:
    - When requests began to go to the live color, by what its deployment noted; empty when none did.
  returned: always
  type: str
  sample: "2026-11-20T09:15:24Z"
colors:
  description:
    - For each color its C(project), C(port), C(release), C(health) (one of V(running), V(unhealthy), V(stopped) and V(absent)
      for its web), and C(containers).
    - C(without_celery) of a container says that it runs and was started for a Celery worker or beat, but that there is no
      Celery in it any more.
    - If it is live also C(missing), the services that have no container, those of init left out.
  returned: always
  type: dict
  sample:
    green:
      project: shop-green
      port: 18002
      release: 1.4.2
      health: running
      containers:
        - id: 5d2e3c0a91bb
          name: shop-green-web-1
          service: web
          role: web
          status: running
          health: healthy
          image: shop:1.4.2
          started_at: "2026-11-23T17:07:39.271803812Z"
          restart_policy: unless-stopped
          without_celery: false
      missing:
        - service: beat
          role: workers
queues:
  description: For each color, how many tasks wait in each queue of its broker; null when it cannot be asked.
  returned: always
  type: dict
  sample: {blue: null, green: {celery: 3, held: 2}}
held:
  description:
    - For each color, how many tasks its broker holds by their name, because no worker registered it; null when it
      cannot be asked. Among C(queues) they are C(held).
  returned: always
  type: dict
  sample: {blue: null, green: {shop.new_task: 2}}
deployment:
  description: The deployment that is open, null when none is.
  returned: always
  type: dict
  sample:
    id: 20261123T170739Z-4f2a9c
    who: ada@laptop
    since: "2026-11-23T17:07:39Z"
    step: awaiting_approval
    release: 1.4.2
    from: blue
    to: green
    going_back: false
    result: ""
    reason: ""
    held_by: []
    not_taken_back: ""
    old_web: running
    progress: null
    owner_alive: false
history:
  description:
    - The last twenty deployments that have ended, oldest first. Their figures are those that bg_deployment returns; an entry of
      an earlier version lacks some.
  returned: always
  type: list
  elements: dict
  sample:
    - id: 20261120T091502Z-77ab01
      who: ada@laptop
      release: 1.4.1
      release_from: 1.4.0
      from: green
      to: blue
      result: committed
      reason: ""
      started: "2026-11-20T09:15:02Z"
      live_at: "2026-11-20T09:15:24Z"
      ended: "2026-11-20T09:16:38Z"
      took: 95.8
      waited: 61.0
      seconds: {fetch: 14.2, health: 3.4, awaiting_approval: 61.0, between_runs: 7.0}
      tasks_moved: 12
      worker_gap: 4.9
      memory: {before: 188743680, peak: 267386880}
resources:
  description:
    - Memory of the host, and disk of the file system on which the Docker Engine keeps its data, in bytes.
  returned: always
  type: dict
  sample:
    memory: {total: 1073741824, available: 612368384}
    disk: {path: /var/lib/docker, total: 31268536320, available: 22548578304}
problems:
  description: What could not be read, and whether visitors get no answer, a sentence each. They are given as warnings, too.
  returned: always
  type: list
  elements: str
  sample: ["The broker shop-green/redis does not answer."]
summary:
  description: The same for people.
  returned: always
  type: list
  elements: str
  sample: ["shop: green is live with release 1.4.2."]
commands:
  description: Always empty, because nothing is changed.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.run import run_module
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.bg_info import SPEC


def main():
    run_module(SPEC)


if __name__ == "__main__":
    main()
