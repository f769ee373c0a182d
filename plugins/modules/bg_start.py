#!/usr/bin/python

# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bg_start
short_description: Start existing containers of a color by id, in the order that they need each other
description:
  - Starts containers that were created or stopped before. It never creates or recreates one, as C(docker compose up)
    would, and starts nothing that was not asked for.
  - The order is support, init, web, or workers and then beat. Support has to be healthy and a Redis to answer; init has
    to end with exit code 0; workers have to consume before beat starts.
  - A container that ends after its start fails the module at once, with its last log lines.
  - During a deployment restart policies are noted in its journal and taken away before the start; workers get theirs
    back after the proof that they consume.
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
    description: The services to start, by role. Only the roles given are started.
    type: dict
    required: true
    suboptions:
      support:
        description: Services that a color brings for itself, such as its Redis.
        type: list
        elements: str
      init:
        description: Services that run once, one after the other in this order, and end with exit code 0.
        type: list
        elements: str
      web:
        description: Services that answer HTTP.
        type: list
        elements: str
      workers:
        description: Celery workers and beat.
        type: list
        elements: str
  wait:
    description:
      - Whether to wait until support is healthy and workers consume. Without it a start counts that is still up a
        moment later.
    type: bool
    default: true
  timeout:
    description: Seconds that each role may take.
    type: float
    default: 120
  broker:
    description:
      - The broker of the color.
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
- name: Start Redis and web of a color
  smallfleet.bluegreen.bg_start:
    app: shop
    project: shop-green
    services:
      support: [redis]
      web: [web]

- name: Start its workers, and beat when they consume
  smallfleet.bluegreen.bg_start:
    app: shop
    project: shop-green
    services:
      workers: [worker, beat]
"""

RETURN = r"""
started:
  description: Names of the containers started, in that order. What ran already is not among them.
  returned: success
  type: list
  elements: str
  sample: [shop-green-redis-1, shop-green-web-1]
seconds:
  description: How long it took.
  returned: success
  type: float
failure:
  description: What kept a container from coming up.
  returned: failure
  type: str
  sample: exited
logs:
  description: The last log lines of the containers that did not come up, by name.
  returned: failure
  type: dict
commands:
  description: What was done, as command lines.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import connect, of_deployment
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._containers import ROLES, of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._grammar import check_app, check_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import Store, fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module import run_module
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._start import (
    DEFAULT_TIMEOUT,
    Started,
    start,
    would_start,
)


def main():
    services = {"type": "list", "elements": "str"}
    run_module(
        bring_up,
        argument_spec={
            "project": {"type": "str", "required": True},
            "services": {"type": "dict", "required": True, "options": {role: dict(services) for role in ROLES}},
            "wait": {"type": "bool", "default": True},
            "timeout": {"type": "float", "default": DEFAULT_TIMEOUT},
            "broker": {
                "type": "dict",
                "options": {
                    "service": {"type": "str", "default": "redis"},
                    "url": {"type": "str", "default": "", "no_log": True},
                },
            },
        },
    )


def bring_up(params, host, check_mode):
    check_app(params["app"])
    check_project("project", params["project"])
    if params["timeout"] <= 0:
        raise BluegreenError(f"timeout is {params['timeout']:g} s, but a start takes more than 0 s: give it more.")
    services = {role: names for role, names in params["services"].items() if names}
    # Workers come after the cutover, all else before it.
    step = "start_workers" if set(services) <= {"workers"} else "start_candidate"
    store = Store(params["app"], host)
    with fenced(store, params["deployment_id"], params["epoch"], step, check_mode) as journal:
        containers = of_project(host.engine, params["project"])
        by_role = _by_role(containers, services, params["project"])
        planned = would_start(by_role)
        if check_mode:
            started = Started([container.name for container in planned], 0.0)
        else:
            broker = connect(host, containers, of_deployment(store, journal, params["broker"]))
            journal.begin(step)
            try:
                started = start(host, journal, by_role, ROLES, params["timeout"], broker, params["wait"])
            finally:
                if broker is not None:
                    broker.close()
            journal.done(step)
    return {
        "changed": bool(started.started),
        **started._asdict(),
        "diff": {
            "before": {container.name: container.status for container in planned},
            "after": {
                container.name: "exited" if _is_init(container, services) else "running" for container in planned
            },
        },
    }


def _by_role(containers, services, project):
    by_role = {}
    for role, names in services.items():
        by_role[role] = []
        for name in names:
            found = [container for container in containers if container.service == name]
            if not found:
                raise BluegreenError(
                    f"services.{role} names {name!r}, but project {project} has no container of that service: create "
                    "it first (docker compose up --no-start)."
                )
            by_role[role] += found
    return by_role


def _is_init(container, services):
    return container.service in services.get("init", ())


if __name__ == "__main__":
    main()
