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
  replaces:
    description:
      - Compose project of the color whose workers and beat these ones replace.
      - The schedule file of its stopped beat is copied to the new one first, so that what fell due meanwhile is sent at
        once. In a deployment whose colors have a Redis each, its waiting tasks, results and chords are moved while the
        new workers boot.
      - Old workers that still run, throttled by M(smallfleet.bluegreen.bg_stop_workers), are stopped as soon as the
        new ones consume, with the timeout of the deployment. Beat starts when the old one has ended.
      - In a deployment on a host that cannot hold two webs and these workers, its web is stopped first, when the requests
        that it still answers have ended.
    type: str
    default: ""
  before_stop:
    description:
      - Whether the old color works on, its workers too, so that init services must not slow it down. They get a quarter of
        the usual CPU weight, and one that has not ended after O(timeout) gets its own back, and that time again.
      - Where the host has too little memory for it, nothing is started, and a warning says so.
      - Only in a deployment, and only with support and init services.
    type: bool
    default: false
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

- name: Run what need not wait until the old workers have stopped
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

- name: Start them in the place of those of the other color
  smallfleet.bluegreen.bg_start:
    app: shop
    project: shop-green
    services:
      workers: [worker, beat]
    replaces: shop-blue
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
moved:
  description: How many messages were moved from the broker of the color that is replaced.
  returned: success
  type: int
schedule:
  description: The files of beat's schedule that were copied from the color that is replaced.
  returned: success
  type: list
  elements: str
  sample: [/srv/shop/celerybeat-schedule]
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

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.run import run_module
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.bg_start import SPEC


def main():
    run_module(SPEC)


if __name__ == "__main__":
    main()
