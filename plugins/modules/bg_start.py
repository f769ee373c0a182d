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

import contextlib
import functools

from ansible_collections.smallfleet.bluegreen.plugins.module_utils import _old_web
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import connect, of_deployment
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._color import colors_of
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._containers import ROLES, of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._grammar import check_app, check_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import Store, fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module import run_module
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._settle import move_late
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._start import (
    DEFAULT_TIMEOUT,
    by_role,
    start,
    would_start,
)
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._skew import sort_shared
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._takeover import Stop, take_over
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._workers import is_celery


def main():
    services = {"type": "list", "elements": "str"}
    run_module(
        bring_up,
        argument_spec={
            "project": {"type": "str", "required": True},
            "services": {"type": "dict", "required": True, "options": {role: dict(services) for role in ROLES}},
            "before_stop": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": True},
            "timeout": {"type": "float", "default": DEFAULT_TIMEOUT},
            "replaces": {"type": "str", "default": ""},
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
    if params["replaces"]:
        check_project("replaces", params["replaces"])
    if params["timeout"] <= 0:
        raise BluegreenError(f"timeout is {params['timeout']:g} s, but a start takes more than 0 s: give it more.")
    services = {role: names for role, names in params["services"].items() if names}
    if params["replaces"] and "workers" not in services:
        raise BluegreenError(
            f"replaces is {params['replaces']!r}, but services names no workers that could take over: name them in "
            "services.workers, or leave replaces out."
        )
    if params["before_stop"]:
        _refuse_before_stop(params, services)
    store = Store(params["app"], host)
    with fenced(store, params["deployment_id"], params["epoch"], _step_of(params, services), check_mode) as journal:
        containers = of_project(host.engine, params["project"])
        found = by_role(containers, services, params["project"])
        planned = would_start(journal, found)
        result = {"started": [container.name for container in planned], "seconds": 0.0, "moved": 0, "schedule": []}
        if not check_mode:
            result = _bring_up(params, host, store, journal, containers, found)
    return {
        "changed": bool(result["started"] or result["moved"]),
        **result,
        "diff": {
            "before": {container.name: container.status for container in planned},
            "after": {
                container.name: "exited" if _is_init(container, services) else "running" for container in planned
            },
        },
    }


def _refuse_before_stop(params, services):
    if not params["deployment_id"]:
        raise BluegreenError(
            "before_stop is true, but deployment_id is empty, and only a deployment stops old workers afterwards: give it, or "
            "leave before_stop out."
        )
    if set(services) - {"support"} != {"init"}:
        raise BluegreenError(
            f"before_stop is true, but services has {', '.join(services) or 'nothing'}, and before the old workers stop only "
            "init runs, and the support that it needs: name init services, and start all others later."
        )


def _step_of(params, services):
    # Workers come after the cutover, all else before it.
    late = "handover" if set(services) <= {"workers"} else "start_candidate"
    return "before_stop" if params["before_stop"] else late


def _bring_up(params, host, store, journal, containers, found):
    result = {"started": [], "seconds": 0.0, "moved": 0, "schedule": []}
    broker = connect(host, containers, of_deployment(store, journal, params["broker"]))
    with broker or contextlib.nullcontext():
        if set(found) - {"workers"}:
            step = _step_of(params, found)
            journal.begin(step)
            if params["before_stop"]:
                # Seldom needed, and an import costs a Raspberry Pi more than the call.
                from ansible_collections.smallfleet.bluegreen.plugins.module_utils._before_stop import run_before_stop

                started = run_before_stop(host, journal, found, params["timeout"], broker)
            else:
                started = start(host, journal, found, params["timeout"], broker, params["wait"])
            journal.done(step)
            result.update(started._asdict())
        if "workers" in found:
            moved_before = journal.get("tasks_moved", 0)
            took_over = _take_over(params, host, store, journal, found["workers"], broker)
            result["started"] = result["started"] + took_over.started
            result["seconds"] = round(result["seconds"] + took_over.seconds, 2)
            result["schedule"] = took_over.schedule
            result["moved"] = journal.get("tasks_moved", 0) - moved_before
    return result


def _take_over(params, host, store, journal, workers, broker):
    old, move, stop, sort, make_room = [], None, Stop(), None, None
    if params["replaces"]:
        replaced = of_project(host.engine, params["replaces"])
        old = _workers_of(replaced, journal, params["services"]["workers"])
        of_old = connect(host, replaced, of_deployment(store, journal, params["broker"]))
        own = journal.get("workers") or {}
        stop = Stop(own.get("stop_timeout"), own.get("on_timeout") or "fail", of_old)
        if journal.get("from"):
            settings, source, candidate = colors_of(host, store, journal)
            if settings.broker["mode"] == "shared" and broker is not None:
                # The old web has published since the old workers stopped.
                sort = functools.partial(sort_shared, host, journal, broker, to_candidate=True)
            move = functools.partial(move_late, host, journal, source, candidate)
            if _old_web.is_stopped(journal):
                make_room = functools.partial(_old_web.stop, host, journal, source)
    return take_over(host, journal, workers, broker, old, move, stop, params["timeout"], params["wait"], sort, make_room)


def _workers_of(replaced, journal, names):
    """The workers of the color that is replaced: those that the deployment found, else what the lists and processes say."""
    services = (journal.get("settings") or {}).get("services")
    if services is None:
        return [each for each in replaced if each.service in names or is_celery(each)]
    listed = {*names, *services["workers"], *(journal.get("old_workers") or ())}
    return [each for each in replaced if each.service in listed]


def _is_init(container, services):
    return container.service in services.get("init", ())


if __name__ == "__main__":
    main()
