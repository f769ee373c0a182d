#!/usr/bin/python

# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bg_move_tasks
short_description: Move waiting Celery tasks from one Redis to another
description:
  - Moves messages that wait in queues of every priority, and those that a worker had taken and not acknowledged, among
    which are tasks with an ETA or a countdown. The latter only when no live worker reads the source.
  - Copies results, the state of chords, RedBeat's schedule and the bindings of queues beforehand.
  - May be killed at any moment and run again. No message is lost or doubled by that, and none is changed.
  - Keys that are not Celery's, such as sessions and caches, are not touched. M(smallfleet.bluegreen.bg_copy_keys) copies those.
  - Within a deployment, tasks that the workers of the destination do not register are brought to hold lists beside the
    queues, as O(smallfleet.bluegreen.bg_stop_workers#module:unknown_tasks) has it, because Celery would discard them.
extends_documentation_fragment:
  - smallfleet.bluegreen.bluegreen
  - smallfleet.bluegreen.two_brokers
  - smallfleet.bluegreen.attributes
attributes:
  check_mode:
    support: full
    details:
      - Counts what would be moved.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  hop:
    description:
      - Number of the move within the deployment. A move in the direction of the one before belongs to the same hop.
      - Fails with nothing done when it is another one. V(0) for whichever it is.
    type: int
    default: 0
  empty:
    description:
      - Whether O(source) has to be empty afterwards. Fails when it still holds tasks, or a worker of its project still
        runs and may hold some.
    type: bool
    default: false
seealso:
  - module: smallfleet.bluegreen.bg_copy_keys
author:
  - The smallfleet.bluegreen contributors (@smallfleet)
"""

EXAMPLES = r"""
- name: Bring what still waits in the old color's Redis to the new one's
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
    - How many messages were brought to a hold list, by the name of their task, because the workers of the destination
      do not register it. They go to their queues with the next release that does.
  returned: success
  type: dict
  sample: {shop.new_task: 2}
left:
  description:
    - Messages per queue that the source still has. C(unacked) are those that a live worker has, or that no queue is
      known for; C(held) are those in its hold lists.
  returned: success
  type: dict
copied:
  description: How many keys of results and chords were copied.
  returned: success
  type: int
hop:
  description: Number of the hop in the journal of the deployment; 0 when both are the same Redis.
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
