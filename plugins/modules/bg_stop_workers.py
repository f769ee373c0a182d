#!/usr/bin/python

# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bg_stop_workers
short_description: Stop the Celery workers and beat of a color without losing a task
description:
  - Tells Celery's main process to finish, and waits until running tasks are done and the containers have ended by
    themselves. Tasks that were taken but not begun go back to their queues.
  - The signal goes to Celery's own main process and to nobody else. Whatever stands between process 1 and Celery, such as
    a script, dumb-init or supervisord, is frozen first, because it might pass the signal on to the pool, kill after a
    time of its own, or start Celery again. When Celery has ended, the engine stops the rest of the container.
  - Workers that are busy are told before to take no more tasks, and those that they hold begin, for two seconds at most.
    A task that Celery hands out in the instant of the signal would run twice.
  - Beat gets its signal first. Restart policies are noted in the journal of the deployment and taken away before, so
    that a reboot does not bring the old workers back beside the new ones.
  - Containers are stopped, never removed. The very same ones are started again when the deployment goes back.
extends_documentation_fragment:
  - smallfleet.bluegreen.bluegreen
  - smallfleet.bluegreen.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  project:
    description: Compose project of the color.
    type: str
    required: true
  services:
    description: Services that are workers or beat. Empty for all in whose containers Celery runs.
    type: list
    elements: str
    default: []
  state:
    description:
      - What the workers shall be.
      - V(throttled) leaves them at work with the CPU weight O(cpu_shares), at which a second color boots beside them
        about as fast as if they were stopped. It frees no memory. Where both colors use one broker they are stopped all
        the same, with a warning, unless both releases are known to register the same tasks. The weights of before are in
        the journal;
        M(smallfleet.bluegreen.bg_start) with O(smallfleet.bluegreen.bg_start#module:replaces) stops the workers later,
        and every way back restores the weights.
    type: str
    choices: [stopped, throttled]
    default: stopped
  cpu_shares:
    description: CPU weight of throttled workers; 1024 is what a container has by default, 2 is the lowest.
    type: int
    default: 2
  timeout:
    description:
      - Seconds that running tasks may take to finish.
      - The default is the longest C(stop_grace_period) of the services, or 60 seconds where there is none.
    type: float
  on_timeout:
    description:
      - What to do when the time is over and a worker still runs a task.
      - V(fail) fails. Nothing is lost; a Celery worker goes on to its end, and a rollback starts it again after that. It fails
        as well when a worker was killed meanwhile, such as for memory, and a task may be lost by that.
      - V(leave) leaves it to end by itself. It takes no new task.
      - V(requeue) sends SIGQUIT, Celery's cold shutdown, which gives tasks with late acknowledgement back to the queue.
        Others are lost. Whatever does not end within ten seconds is killed.
      - V(kill) kills it. Running tasks with early acknowledgement are lost.
    type: str
    choices: [fail, leave, requeue, kill]
    default: fail
  restore_orphans:
    description:
      - Whether messages that a dead worker had taken go back to their queues at once instead of after the visibility
        timeout, which is an hour by default. Only done when no live worker reads the broker.
    type: bool
    default: true
  candidate:
    description:
      - Compose project of the color whose workers take over, created and not started.
      - Before the first signal the names of the tasks that wait are compared with those that its workers register. Where
        the host lacks the memory to load their app beside the old workers, that is done when these have stopped. Where each
        color has a Redis of its own and little waits in it, M(smallfleet.bluegreen.bg_start) asks the workers themselves.
    type: str
    default: ""
  unknown_tasks:
    description:
      - What becomes of waiting tasks that the workers of O(candidate) do not register. Celery would discard them.
      - V(fail) fails, naming them, and before anything is stopped unless the memory is too short for that.
      - V(hold) goes on. Such a task waits in a list of its own until workers register it.
      - V(move) goes on, and does not look.
    type: str
    choices: [fail, hold, move]
    default: fail
  broker:
    description:
      - The broker that the workers read, for the figures and for O(restore_orphans).
      - By default that of the open deployment, or the Redis of the project.
    type: dict
    suboptions:
      service:
        description: Compose service that is the broker.
        type: str
        default: redis
      url:
        description: URL of the broker as the app has it. Empty for all databases of O(broker.service).
        type: str
        default: ""
author:
  - The smallfleet.bluegreen contributors (@smallfleet)
"""

EXAMPLES = r"""
- name: Let the workers of a color finish and stop
  smallfleet.bluegreen.bg_stop_workers:
    app: shop
    project: shop-blue
    services: [worker, beat]
    timeout: 90

- name: Let them work on with what nobody else wants of the CPU
  smallfleet.bluegreen.bg_stop_workers:
    app: shop
    project: shop-blue
    state: throttled

- name: Stop them in 20 seconds, and give unfinished late acknowledged tasks back to the queue
  smallfleet.bluegreen.bg_stop_workers:
    app: shop
    project: shop-blue
    timeout: 20
    on_timeout: requeue
"""

RETURN = r"""
containers:
  description: The containers that ran and were told to stop.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the container.
      type: str
    name:
      description: Name of the container.
      type: str
    role:
      description: V(worker), V(beat), V(worker+beat) or V(other).
      type: str
    pid1_form:
      description:
        - Where the program is. V(exec), it is process 1; V(init), an init stands before it; V(shell), a shell, a script or
          a supervisor does; V(init-shell), both do.
        - V(hidden), its processes cannot be seen, so the engine signalled process 1. V(restarting), between two crashes.
      type: str
    exit_code:
      description: Exit code of the program, or none while it still runs.
      type: int
    seconds:
      description: Seconds from the signal to the exit, or none while it still runs.
      type: float
  sample:
    - id: 5d1c2a1c9a3e
      name: shop-blue-worker-1
      role: worker
      pid1_form: shell
      exit_code: 0
      seconds: 6.2
drained:
  description: Whether all of them ended by themselves, and every task that ran is done or back in its queue.
  returned: success
  type: bool
killed:
  description: Names of the containers that were ended by force, or lost a process of their pool so.
  returned: success
  type: list
  elements: str
in_flight_at_stop:
  description: The tasks that ran when the signal was sent, or none where nobody could tell.
  returned: success
  type: list
  elements: dict
lost:
  description:
    - The tasks that ran in one that was killed, are not known to have ended, and wait in no queue.
    - A worker says only in a log of level INFO that a task has ended.
  returned: success
  type: list
  elements: dict
  sample:
    - node: celery@5d1c2a1c9a3e
      id: 6a1f2f0c-7c1b-4f43-9d64-3f7a3c6a9e11
      name: shop.report
      since: 1795434200.5
      worker_pid: 17
queue_depth:
  description: Waiting messages per queue after the stop, or none without a Redis that can be asked.
  returned: success
  type: dict
  sample: {celery: 12, reports: 1}
orphans_restored:
  description: How many messages of dead workers went back to their queues.
  returned: success
  type: int
commands:
  description: What was done, as command lines.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.run import run_module
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.bg_stop_workers import SPEC


def main():
    run_module(SPEC)


if __name__ == "__main__":
    main()
