#!/usr/bin/python

# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bg_start
short_description: Start existing containers of a color by id, in the order of their dependencies
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Starts containers that were created or stopped before. Unlike C(docker compose up) it never creates or recreates a
    container, and it starts only the services that are named.
  - The order is support, init, web, or workers and then beat. Support services have to be healthy, and a Redis has to
    answer; init services have to end with exit code 0; workers have to consume before beat starts.
  - If a container exits after its start, the module fails at once, with the last log lines of the container.
  - During a deployment the restart policies are written into the journal and disabled before the start. Workers get
    theirs back once they consume.
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
    description: The services to start, by role. Roles that are not named are not started.
    type: dict
    required: true
    suboptions:
      support:
        description: Services of which each color has its own, such as its Redis.
        type: list
        elements: str
      init:
        description: Services that run once, one after the other in this order, and have to end with exit code 0.
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
  replaces:
    description:
      - Compose project of the color whose workers and beat are replaced.
      - The schedule file of its stopped beat is copied to the new one first, so that tasks that fell due meanwhile are
        sent at once. If each color has its own Redis, its waiting tasks, results and chords are moved while the new
        workers boot.
      - Old workers that still run, throttled by M(smallfleet.bluegreen.bg_stop_workers), are stopped as soon as the
        new ones consume, with the timeout of the deployment. Beat starts when the old beat has ended.
      - If the host cannot hold two webs and these workers, the old web is stopped first, after its last requests.
    type: str
    default: ""
  before_stop:
    description:
      - Whether the old color still works, including its workers, so that init services must not slow it down. They
        get a quarter of the usual CPU weight. A service that has not ended after O(timeout) gets the usual weight and
        the same time again.
      - If the host has too little memory, nothing is started, and a warning says so.
      - Only in a deployment, and only with support and init services.
    type: bool
    default: false
  wait:
    description:
      - Whether to wait until support services are healthy and workers consume. Otherwise a start succeeds if the
        container is still up a moment later.
    type: bool
    default: true
  timeout:
    description: Seconds for each role.
    type: float
    default: 120
seealso:
  - module: smallfleet.bluegreen.bg_stop_workers
  - module: smallfleet.bluegreen.bg_health
"""

EXAMPLES = r"""
- name: Start Redis and web of a color
  smallfleet.bluegreen.bg_start:
    app: shop
    project: shop-green
    services:
      support: [redis]
      web: [web]

- name: Run an init service before the old workers stop
  smallfleet.bluegreen.bg_start:
    app: shop
    deployment_id: "{{ opened.id }}"
    epoch: "{{ opened.epoch }}"
    project: shop-green
    services:
      support: [redis]
      init: [collectstatic]
    before_stop: true

- name: Start its workers, and beat when they consume
  smallfleet.bluegreen.bg_start:
    app: shop
    project: shop-green
    services:
      workers: [worker, beat]

- name: Start the workers, and move the tasks of the other color to them
  smallfleet.bluegreen.bg_start:
    app: shop
    project: shop-green
    services:
      workers: [worker, beat]
    replaces: shop-blue
"""

RETURN = r"""
started:
  description: Names of the started containers, in that order. Containers that ran already are left out.
  returned: success
  type: list
  elements: str
  sample: [shop-green-redis-1, shop-green-web-1]
seconds:
  description: Seconds that the start took.
  returned: success
  type: float
moved:
  description: How many messages were moved from the broker of the replaced color.
  returned: success
  type: int
schedule:
  description: The schedule files of beat that were copied from the replaced color.
  returned: success
  type: list
  elements: str
  sample: [/srv/shop/celerybeat-schedule]
failure:
  description: Why a container did not come up.
  returned: failure
  type: str
  sample: exited
logs:
  description: The last log lines of the containers that did not come up, by container.
  returned: failure
  type: dict
commands:
  description: What was done, as command lines.
  returned: always
  type: list
  elements: str
"""

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install.sent import receive
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.run import run_module
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.bg_start import SPEC


def main():
    run_module(SPEC, receive)


if __name__ == "__main__":
    main()
