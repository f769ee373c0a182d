#!/usr/bin/python
# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bg_health
short_description: Wait until a color is healthy
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Starts what of O(services) does not run, if any are given, then asks a URL of the color again and again, past Nginx,
    until it has answered well several times in a row.
  - Fails at once when one of the color's containers exits, restarts or turns unhealthy by its own health check, with
    the last lines that it wrote. So a crash loop costs seconds and not the whole deadline.
  - Redirects are not followed, so that their status can be asked for.
extends_documentation_fragment:
  - smallfleet.bluegreen.bluegreen
  - smallfleet.bluegreen.attributes
attributes:
  check_mode:
    support: full
    details:
      - Nothing is started or asked, because in check mode the color that is to be asked was not started.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  url:
    description:
      - Where the color answers by itself, such as V(http://127.0.0.1:18002/health/).
    type: str
    required: true
  host:
    description:
      - Value of the Host header, and the name that a certificate has to be valid for. Empty for the host of O(url).
    type: str
    default: ""
  status:
    description:
      - HTTP statuses that count as healthy.
    type: list
    elements: int
    default: [200]
  timeout:
    description:
      - Seconds that one attempt may take altogether, from the connection to the end of the answer.
    type: float
    default: 2.0
  interval:
    description:
      - Seconds between two attempts.
    type: float
    default: 0.3
  successes:
    description:
      - How many good answers in a row make the color healthy.
    type: int
    default: 2
  deadline:
    description:
      - Seconds after which the color counts as not healthy.
    type: float
    default: 60.0
  project:
    description:
      - Compose project of the color, the containers of which have to stay up.
      - Within a deployment these are its web and support services, else all that run when the wait begins.
      - Empty to look at no container.
    type: str
    default: ""
  services:
    description:
      - Services of O(project) to start beforehand, by role, as M(smallfleet.bluegreen.bg_start) does. Both in one run of
        a module save a second on a slow host, at a time when no worker takes tasks.
    type: dict
    suboptions:
      support:
        description: Services that a color brings for itself, such as its Redis. They have to be healthy first.
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
  validate_certs:
    description:
      - Whether the certificate has to be valid where O(url) begins with C(https).
    type: bool
    default: true
seealso:
  - module: smallfleet.bluegreen.bg_start
  - module: smallfleet.bluegreen.bg_switch
"""

EXAMPLES = r"""
- name: Wait until the green color is healthy
  smallfleet.bluegreen.bg_health:
    app: shop
    deployment_id: "{{ opened.id }}"
    epoch: "{{ opened.epoch }}"
    url: http://127.0.0.1:18002/health/
    project: shop-green

- name: Ask an app that only knows its own host name, and answers with a redirect
  smallfleet.bluegreen.bg_health:
    app: shop
    url: http://127.0.0.1:18001/
    host: shop.example.org
    status: [200, 302]
    deadline: 120
"""

RETURN = r"""
started:
  description: Names of the containers started, in that order. What ran already is not among them.
  returned: success
  type: list
  elements: str
  sample: [shop-green-redis-1, shop-green-web-1]
attempts:
  description: How many times O(url) was asked.
  returned: always
  type: int
  sample: 4
seconds:
  description: How long that took.
  returned: always
  type: float
  sample: 1.37
status:
  description: HTTP status of the last answer, V(0) when the last attempt got none.
  returned: always
  type: int
  sample: 200
latency_ms:
  description: Milliseconds that the last attempt took.
  returned: always
  type: int
  sample: 12
failure:
  description: What went wrong, with the last thing that was seen. Empty when the color is healthy.
  returned: always
  type: str
  sample: "http://127.0.0.1:18002/health/ was not healthy within 60 s (170 attempts): the last one answered with status 500,
    not 200."
logs:
  description: The last lines of the container that failed, or of all that were looked at when the deadline passed, by name.
  returned: always
  type: dict
  sample: {shop-green-web-1: ["ModuleNotFoundError: No module named 'shop'"]}
commands:
  description: What was done, as command lines. Empty without O(services).
  returned: always
  type: list
  elements: str
  sample: [docker start 5d1c2a1c9a3e]
"""

import contextlib

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._broker import connect, of_deployment
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._containers import of_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._grammar import check_app, check_project
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._health import HealthSettings, wait_healthy
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import NoJournal, Store, Watched, fenced
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module import run_module
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._unlisted import refuse_celery_in_webs
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._start import by_role, start, would_start

STARTED_ROLES = ("support", "init", "web")
NOTHING = {"attempts": 0, "seconds": 0.0, "status": 0, "latency_ms": 0, "failure": "", "logs": {}}

ARGUMENTS = {
    "url": {"type": "str", "required": True},
    "host": {"type": "str", "default": ""},
    "status": {"type": "list", "elements": "int", "default": [200]},
    "timeout": {"type": "float", "default": 2.0},
    "interval": {"type": "float", "default": 0.3},
    "successes": {"type": "int", "default": 2},
    "deadline": {"type": "float", "default": 60.0},
    "project": {"type": "str", "default": ""},
    "services": {
        "type": "dict",
        "options": {role: {"type": "list", "elements": "str"} for role in STARTED_ROLES},
    },
    "validate_certs": {"type": "bool", "default": True},
}


def health(params, host, check_mode):
    settings = settings_of(params)
    services = {role: names for role, names in (params["services"] or {}).items() if names}
    store = Store(params["app"], host)
    if services:
        return _start_and_wait(params, host, store, settings, services, check_mode)
    if check_mode:
        return {"changed": False, "started": [], **NOTHING}
    if not params["deployment_id"]:
        # It changes nothing, so by itself it needs neither a lock nor the leave of an open deployment.
        return _wait(host, NoJournal(), settings, params["project"])
    if _is_pending(store):
        watched = Watched(store, params["deployment_id"], params["epoch"], "awaiting_approval")
        result = _wait(host, watched, settings, params["project"])
        watched.alive()
        return result
    with fenced(store, params["deployment_id"], params["epoch"], "health") as journal:
        journal.begin("health")
        result = _wait(host, journal, settings, params["project"])
        journal.done("health")
        return result


def _start_and_wait(params, host, store, settings, services, check_mode):
    if not params["project"]:
        raise BluegreenError("services names what to start, but project is empty: name the project that they are of.")
    with fenced(store, params["deployment_id"], params["epoch"], "start_candidate", check_mode) as journal:
        containers = of_project(host.engine, params["project"])
        found = by_role(containers, services, params["project"])
        planned = would_start(journal, found)
        result = {"started": [container.name for container in planned], **NOTHING}
        if not check_mode:
            journal.begin("start_candidate")
            broker = connect(host, containers, of_deployment(store, journal, None))
            with broker or contextlib.nullcontext():
                started = start(host, journal, found, params["deadline"], broker)
            journal.done("start_candidate")
            journal.begin("health")
            result = {**_wait(host, journal, settings, params["project"]), "started": started.started}
            # An image may start Celery beside its web without a word in the Compose file.
            webs = of_project(host.engine, params["project"], services.get("web", []))
            refuse_celery_in_webs(webs, {"web": services.get("web", [])})
            journal.done("health")
    return {
        **result,
        "changed": bool(result["started"]),
        "diff": {
            "before": {container.name: container.status for container in planned},
            "after": {
                container.name: "exited" if container in found.get("init", ()) else "running" for container in planned
            },
        },
    }


def _is_pending(store):
    journal = store.load()
    return journal is not None and journal["step"] == "awaiting_approval"


def _wait(host, journal, settings, project):
    services = journal.get("settings", {}).get("services")
    names = None if services is None else services["support"] + services["web"]
    containers = of_project(host.engine, project, names) if project else []
    if services is None:
        containers = [container for container in containers if container.running]
    if project and not containers:
        raise BluegreenError(f"project is {project!r}, but no container of that Compose project runs: start it first.")
    waited = wait_healthy(host, journal, settings, containers)._asdict()
    return {"changed": False, "started": [], "failure": "", "logs": {}, **waited}


def settings_of(params):
    check_app(params["app"])
    if params["project"]:
        check_project("project", params["project"])
    for name in ("timeout", "deadline", "successes"):
        if params[name] <= 0:
            raise BluegreenError(f"{name} is {params[name]:g}, but it must be more than 0.")
    if params["interval"] < 0:
        raise BluegreenError(f"interval is {params['interval']:g}, but it must not be less than 0.")
    if params["timeout"] > params["deadline"]:
        raise BluegreenError(
            f"timeout is {params['timeout']:g} s and deadline is {params['deadline']:g} s, but one attempt must fit into the "
            "deadline: lower timeout, or raise deadline."
        )
    if not params["status"]:
        raise BluegreenError("status is [], but a healthy color answers with some status: name it, such as 200.")
    for status in params["status"]:
        if not 100 <= status <= 599:
            raise BluegreenError(f"status holds {status}, but an HTTP status is from 100 to 599.")
    return HealthSettings(
        url=params["url"],
        host=params["host"],
        status=tuple(params["status"]),
        timeout=params["timeout"],
        interval=params["interval"],
        successes=params["successes"],
        deadline=params["deadline"],
        validate_certs=params["validate_certs"],
    )


def main():
    run_module(health, ARGUMENTS)


if __name__ == "__main__":
    main()
