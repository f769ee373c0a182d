#!/usr/bin/python

# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bg_stop_workers
short_description: Stop the Celery workers and beat of a color without losing a task
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Tells Celery's main process to finish, and waits until running tasks are done and the containers have exited.
    Tasks that were received but not begun return to their queues.
  - The stop signal is sent only to Celery's main process. Processes between process 1 and Celery, such as a script,
    dumb-init or supervisord, are frozen first, because they might pass the signal on to the pool, kill after a timeout
    of their own, or start Celery again. When Celery has ended, the engine stops the rest of the container.
  - Busy workers first stop consuming, and get up to two seconds to begin the tasks that they hold. A task that Celery
    dispatches in the instant of the signal would run twice.
  - Beat gets its signal first. Restart policies are written into the journal and disabled before, so that a reboot does
    not start the old workers beside the new ones.
  - Containers are stopped, never removed. A rollback starts the very same containers again.
extends_documentation_fragment:
  - smallfleet.bluegreen._bluegreen
  - smallfleet.bluegreen._broker
  - smallfleet.bluegreen._attributes
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
    description: Services that are workers or beat. Empty for all services whose containers run Celery.
    type: list
    elements: str
    default: []
  state:
    description:
      - What state the workers should be in.
      - V(throttled) lowers their CPU weight to O(cpu_shares). A second color then boots about as fast as if they were
        stopped. It frees no memory. If both colors share one broker they are stopped anyway, with a warning, unless
        both releases are known to register the same tasks. The previous weights are written into the journal.
        M(smallfleet.bluegreen.bg_start) with O(smallfleet.bluegreen.bg_start#module:replaces) stops the workers
        later, and a rollback restores the weights.
    type: str
    choices: [stopped, throttled]
    default: stopped
  cpu_shares:
    description: CPU weight of throttled workers; 1024 is Docker's default, 2 is the lowest.
    type: int
    default: 2
  timeout:
    description:
      - Seconds that running tasks may take to finish.
      - The default is the longest C(stop_grace_period) of the services, or 60 seconds if there is none.
    type: float
  on_timeout:
    description:
      - What to do if a worker still runs a task after O(timeout).
      - V(fail) fails. Nothing is lost; a Celery worker finishes its task, and a rollback starts it again afterwards.
        The module also fails if a worker was killed meanwhile, for example for lack of memory, because a task may be
        lost.
      - V(leave) lets the worker finish. It takes no new task.
      - V(requeue) sends SIGQUIT, Celery's cold shutdown, which returns unacknowledged (C(acks_late)) tasks to the
        queue. Other running tasks are lost. A worker that does not exit within ten seconds is killed.
      - V(kill) kills the worker. Running tasks without C(acks_late) are lost.
    type: str
    choices: [fail, leave, requeue, kill]
    default: fail
  restore_orphans:
    description:
      - Whether messages that a dead worker had received return to their queues at once instead of after the visibility
        timeout, which is an hour by default. Only done if no live worker reads the broker.
    type: bool
    default: true
  candidate:
    description:
      - Compose project of the color whose workers take over. Its containers are created, but not started.
      - Before the first signal the names of the waiting tasks are compared with the tasks that its workers register.
        If the host lacks the memory to load their app beside the old workers, this is done after these have stopped.
        If each color has its own Redis and few tasks wait in it, M(smallfleet.bluegreen.bg_start) asks the running
        workers.
    type: str
    default: ""
  unknown_tasks:
    description:
      - What happens to waiting tasks that the workers of O(candidate) do not register. Celery would discard them.
      - V(fail) fails and names them, before anything is stopped if the host has the memory for that.
      - V(hold) continues, and parks each such task in a list beside its queue until workers register it.
      - V(move) continues without this check.
    type: str
    choices: [fail, hold, move]
    default: fail
seealso:
  - module: smallfleet.bluegreen.bg_start
  - module: smallfleet.bluegreen.bg_move_tasks
"""

EXAMPLES = r"""
- name: Let the workers of a color finish and stop
  smallfleet.bluegreen.bg_stop_workers:
    app: shop
    project: shop-blue
    services: [worker, beat]
    timeout: 90

- name: Leave them only the CPU time that nothing else uses
  smallfleet.bluegreen.bg_stop_workers:
    app: shop
    project: shop-blue
    state: throttled

- name: Stop them within 20 seconds, and return unfinished tasks with acks_late to the queue
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
        - What starts Celery. V(exec) if Celery is process 1; V(init) if an init starts it; V(shell) if a shell, a
          script or a supervisor does; V(init-shell) if both do.
        - V(hidden) if its processes cannot be seen, so that the engine sent the signal to process 1. V(restarting)
          between two crashes.
      type: str
    exit_code:
      description: Exit code of the program, or null while it still runs.
      type: int
    seconds:
      description: Seconds from the signal to the exit, or null while it still runs.
      type: float
  sample:
    - id: 5d1c2a1c9a3e
      name: shop-blue-worker-1
      role: worker
      pid1_form: shell
      exit_code: 0
      seconds: 6.2
drained:
  description: Whether all of them exited by themselves, and every running task is done or back in its queue.
  returned: success
  type: bool
killed:
  description: Names of the containers that were killed, or of whose pool a process was killed.
  returned: success
  type: list
  elements: str
in_flight_at_stop:
  description: The tasks that ran when the signal was sent, or null if the workers did not answer.
  returned: success
  type: list
  elements: dict
lost:
  description:
    - The tasks of killed workers that are not known to have ended, and are in no queue.
    - A worker logs the end of a task only at level INFO.
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
  description: Waiting messages per queue after the stop, or null without a Redis that answers.
  returned: success
  type: dict
  sample: {celery: 12, reports: 1}
orphans_restored:
  description: How many messages of dead workers returned to their queues.
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
