#!/usr/bin/python

# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bg_move_tasks
short_description: Move waiting Celery tasks from one Redis to another
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Moves messages that wait in queues of every priority. If no live worker reads the source, it also moves messages
    that a worker had received but not acknowledged, which include tasks with an ETA or a countdown.
  - Copies results, the state of chords, RedBeat's schedule and the bindings of queues first.
  - It may be killed at any moment and run again. No message is lost, duplicated or changed by that.
  - Other keys, such as sessions and caches, are not touched. M(smallfleet.bluegreen.bg_copy_keys) copies those.
  - Within a deployment, O(smallfleet.bluegreen.bg_stop_workers#module:unknown_tasks) decides whether tasks that the
    workers of the destination do not register are parked in lists beside the queues, because Celery would discard them.
extends_documentation_fragment:
  - smallfleet.bluegreen._bluegreen
  - smallfleet.bluegreen._two_brokers
  - smallfleet.bluegreen._attributes
attributes:
  check_mode:
    support: full
    details:
      - Counts the messages that would be moved.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  hop:
    description:
      - Number of the move within the deployment. A move in the same direction as the previous one belongs to the same
        hop.
      - If the current hop is another one, the module fails and moves nothing. V(0) accepts every hop.
    type: int
    default: 0
  empty:
    description:
      - Whether O(source) has to be empty afterwards. The module fails if it still holds tasks, or if a worker of its
        project still runs and may hold some.
    type: bool
    default: false
seealso:
  - module: smallfleet.bluegreen.bg_copy_keys
"""

EXAMPLES = r"""
- name: Move waiting tasks from the Redis of the old color to that of the new one
  smallfleet.bluegreen.bg_move_tasks:
    app: shop
    source:
      project: shop-blue
    destination:
      project: shop-green
"""

RETURN = r"""
moved:
  description: How many messages were moved.
  returned: success
  type: int
queues:
  description: The same per queue.
  returned: success
  type: dict
  sample: {celery: 12, reports: 1}
held:
  description:
    - How many messages were parked, by the name of their task, because the workers of the destination do not register
      it. They return to their queues with the next release that does.
  returned: success
  type: dict
  sample: {shop.new_task: 2}
left:
  description:
    - Messages per queue that the source still has. C(unacked) are those that a live worker holds, or whose queue is not
      known; C(held) are parked ones.
  returned: success
  type: dict
copied:
  description: How many keys of results and chords were copied.
  returned: success
  type: int
hop:
  description: Number of the hop in the journal of the deployment; 0 if both sides are the same Redis.
  returned: success
  type: int
commands:
  description: What was done, as command lines.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.run import run_module
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.bg_move_tasks import SPEC


def main():
    run_module(SPEC)


if __name__ == "__main__":
    main()
