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
  - smallfleet.bluegreen._bluegreen
  - smallfleet.bluegreen._settings
  - smallfleet.bluegreen._attributes
attributes:
  check_mode:
    support: full
    details:
      - It changes nothing.
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
- name: Read the state of the shop
  smallfleet.bluegreen.bg_info:
    app: shop
  register: shop

- name: Show the state
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
  description: The color to which Nginx sends requests, read from its file; empty if there is none.
  returned: always
  type: str
  sample: green
idle:
  description: The other color; empty if none is live.
  returned: always
  type: str
  sample: blue
release:
  description: Label of the live release; empty if it has none or is not known.
  returned: always
  type: str
  sample: 1.4.2
since:
  description:
    - When the live color began to serve requests, recorded by its deployment; empty if no deployment did.
  returned: always
  type: str
  sample: "2026-11-20T09:15:24Z"
colors:
  description:
    - For each color its C(project), C(port), C(release), C(health) (one of V(running), V(unhealthy), V(stopped) and
      V(absent) for its web), and C(containers).
    - C(without_celery) of a container is true if it was started for a Celery worker or beat and still runs, but its
      Celery has ended.
    - The live color also has C(missing), the services without a container, except init services.
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
  description: For each color, how many tasks wait in each queue of its broker; null if the broker does not answer.
  returned: always
  type: dict
  sample: {blue: null, green: {celery: 3, held: 2}}
held:
  description:
    - For each color, how many tasks are parked because no worker registers them, by the name of the task; null if the
      broker does not answer. RV(queues) counts them as C(held).
  returned: always
  type: dict
  sample: {blue: null, green: {shop.new_task: 2}}
deployment:
  description: The open deployment; null if there is none.
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
    - The last twenty deployments that have ended, oldest first. Their figures are those that
      M(smallfleet.bluegreen.bg_deployment) returns.
    - C(approved_by) is there if somebody approved.
  returned: always
  type: list
  elements: dict
  sample:
    - id: 20261120T091502Z-77ab01
      who: ada@laptop
      approved_by: bob@awx-job-17
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
    - Memory of the host, and disk space where the Docker Engine keeps its data, in bytes.
  returned: always
  type: dict
  sample:
    memory: {total: 1073741824, available: 612368384}
    disk: {path: /var/lib/docker, total: 31268536320, available: 22548578304}
problems:
  description: What could not be read, and whether visitors get no answer, one sentence each. Each is also a warning.
  returned: always
  type: list
  elements: str
  sample: ["The broker shop-green/redis does not answer."]
summary:
  description: The state in lines for people.
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

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install.sent import receive
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.run import run_module
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.bg_info import SPEC


def main():
    run_module(SPEC, receive)


if __name__ == "__main__":
    main()
