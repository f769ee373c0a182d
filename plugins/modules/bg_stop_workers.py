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
        the host lacks the memory to load their app beside the old workers, that is done when these have stopped.
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

import contextlib

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import connect, of_deployment
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._grammar import check_app, check_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import Store, fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._memory_budget import may_load
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._memory_use import app_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module import run_module
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._resources import available_memory
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._skew import Checked, check, sort_shared
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._task_names import FAIL, POLICIES
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._weights import DEFAULT, LOWEST
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import (
    ON_TIMEOUT,
    plan_stop,
    is_celery,
    stop_workers,
    throttle_workers,
)


def main():
    run_module(
        stop,
        argument_spec={
            "project": {"type": "str", "required": True},
            "services": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["stopped", "throttled"], "default": "stopped"},
            "cpu_shares": {"type": "int", "default": LOWEST},
            "timeout": {"type": "float"},
            "on_timeout": {"type": "str", "choices": list(ON_TIMEOUT), "default": "fail"},
            "restore_orphans": {"type": "bool", "default": True},
            "candidate": {"type": "str", "default": ""},
            "unknown_tasks": {"type": "str", "choices": list(POLICIES), "default": "fail"},
            "broker": {
                "type": "dict",
                "options": {
                    "service": {"type": "str", "default": "redis"},
                    "url": {"type": "str", "default": "", "no_log": True},
                },
            },
        },
    )


def stop(params, host, check_mode):
    check_app(params["app"])
    check_project("project", params["project"])
    if params["candidate"]:
        check_project("candidate", params["candidate"])
    timeout = params["timeout"]
    if timeout is not None and timeout <= 0:
        raise BluegreenError(
            f"timeout is {timeout:g} s, but running tasks need more than 0 s to finish: give them more."
        )
    shares = params["cpu_shares"]
    if not LOWEST <= shares <= DEFAULT:
        raise BluegreenError(
            f"cpu_shares is {shares}, but throttled workers need a weight from {LOWEST} (the lowest) to {DEFAULT} (the usual "
            "one)."
        )
    store = Store(params["app"], host)
    with fenced(store, params["deployment_id"], params["epoch"], "stop_workers", check_mode) as journal:
        containers = of_project(host.engine, params["project"])
        workers = _workers(containers, params["project"], _services(params, journal))
        if check_mode:
            stopped = _planned(host, workers, params)
        else:
            stopped = _stop(params, host, store, journal, containers, workers)
            journal.done("stop_workers")
    return {
        **stopped._asdict(),
        "containers": [container._asdict() for container in stopped.containers],
        "diff": {
            "before": {container.name: container.status for container in workers},
            "after": {container.name: _after(container, stopped, params["state"], check_mode) for container in workers},
        },
    }


def _stop(params, host, store, journal, containers, workers):
    settings, checked = of_deployment(store, journal, params["broker"]), Checked(False)
    app = app_of(workers) if params["candidate"] else 0
    with _broker_of(host, containers, settings) or contextlib.nullcontext() as broker:
        if params["candidate"]:
            checked = _check_task_names(host, journal, workers, broker, params, may_load(app, available_memory()))
        journal.begin("stop_workers")
        if params["state"] == "throttled":
            why = _why_not_throttled(settings, checked)
            if not why:
                return throttle_workers(host, journal, workers, params["cpu_shares"])
            host.warn(f"The workers are stopped and not throttled, because {why}.")
        stopped = stop_workers(
            host, journal, workers, params["timeout"], params["on_timeout"], broker, params["restore_orphans"]
        )
        if checked.later:
            _ask_later(host, params, checked, app)
        # None takes a task any more: not one that was killed, and not one that finishes.
        if params["candidate"] and settings.mode == "shared" and broker is not None:
            sort_shared(host, journal, broker, to_candidate=True)
        return stopped


def _ask_later(host, params, checked, app):
    if may_load(app, available_memory()):
        checked.later()
        return
    sentence = (
        "Which tasks the new workers register could not be found out: too little memory is free to load the app for it, even "
        "with the old workers told to stop."
    )
    if params["unknown_tasks"] == FAIL:
        raise BluegreenError(
            f"{sentence} Free memory on this host, or set bluegreen_unknown_tasks to move.", failure="memory"
        )
    # Such as on the way back to a color that was kept.
    host.warn(f"{sentence} Tasks that they do not know are not held back, and they would discard them.")


def _why_not_throttled(settings, checked):
    if checked.later:
        return "the host no longer has the memory for both colors"
    if settings.mode == "shared" and not checked.same:
        # Between the cutover and the start of the new workers they would take what the new web publishes.
        return "both colors use one broker, and that both releases know the same tasks is not certain"
    return ""


def _check_task_names(host, journal, workers, broker, params, has_room):
    signalled = journal.get("signalled") or ()
    candidate = of_project(host.engine, params["candidate"])
    return check(
        host,
        journal,
        # Those that this deployment has stopped already are asked about too, should this be its second try.
        [container for container in workers if container.running or container.id in signalled],
        _workers(candidate, params["candidate"], params["services"]),
        broker,
        params["unknown_tasks"],
        has_room,
    )


def _services(params, journal):
    """The services asked for and, of the color that a deployment leaves, those that it found to run Celery."""
    found = journal.get("old_workers") or []
    is_old = journal.get("from") and journal["settings"]["projects"][journal["from"]] == params["project"]
    return [*params["services"], *found] if is_old and params["services"] else params["services"]


def _workers(containers, project, services):
    if not containers:
        raise BluegreenError(
            f"project is {project!r}, but no container of that Compose project is on this host: docker compose ls "
            "--all shows the projects that are."
        )
    if not services:
        return [container for container in containers if is_celery(container)]
    return [container for container in containers if container.service in services]


def _planned(host, workers, params):
    planned = plan_stop(host, workers)
    if params["state"] == "stopped":
        return planned
    return planned._replace(
        changed=any(each.running and each.cpu_shares != params["cpu_shares"] for each in workers), drained=False
    )


def _broker_of(host, containers, settings):
    broker = connect(host, containers, settings)
    if broker is not None and broker.container is not None and not broker.container.running:
        return None
    return broker


def _after(container, stopped, state, check_mode):
    if check_mode and state == "throttled":
        return container.status
    if check_mode:
        return "exited" if container.running else container.status
    still_running = any(each.id == container.id and each.exit_code is None for each in stopped.containers)
    return "exited" if container.running and not still_running else container.status


if __name__ == "__main__":
    main()
