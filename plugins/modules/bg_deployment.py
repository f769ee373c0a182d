#!/usr/bin/python
# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bg_deployment
short_description: Open, settle, close or recover a blue-green deployment on a host
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - A deployment makes one release of an app live. It has an id, a journal on the host and a lock, and ends as
    C(committed), C(rolled_back) or C(failed).
  - This module begins and ends a deployment. The other modules of this collection do the steps in between. They act
    only for the open deployment, and only with its current O(epoch).
  - Errors name the variables of the role P(smallfleet.bluegreen.bluegreen#role) instead of the options of this module.
  - An option that does not mention a state is used with O(state=open).
extends_documentation_fragment:
  - smallfleet.bluegreen._bluegreen
  - smallfleet.bluegreen._settings
  - smallfleet.bluegreen._deployment
  - smallfleet.bluegreen._attributes
attributes:
  check_mode:
    support: full
    details:
      - With O(state=open) the module checks everything and returns the plan and the diff. It takes no lock.
  diff_mode:
    support: partial
    details:
      - With O(state=open), the file that Nginx reads before and after.
  idempotent:
    support: full
    details:
      - O(state=open) repeated with the same id, and for a release that is live already, changes nothing.
options:
  state:
    description:
      - V(open) checks Compose files, ports, memory, disk, images, Nginx and other deployments, and changes nothing.
        If all checks pass and there is something to deploy, it writes the journal.
      - V(settled) waits until Nginx has finished the requests of the old color, and moves tasks that the old web
        published meanwhile. The deployment then awaits approval.
      - V(closed) removes or stops the old color, prunes images and closes the journal. The point of no return.
      - V(recovered) completes or rolls back an open deployment, as the guard on the host does by itself, depending on
        the journal and the state of the host.
    type: str
    choices: [open, settled, closed, recovered]
    required: true
  prefer:
    description:
      - With O(state=recovered), V(rollback) undoes the deployment, even if it awaits approval. It is refused if the new
        color is live and healthy, approval is pending, and the old color does not become healthy.
      - With O(state=recovered) and an empty value the state of the host decides. A deployment that awaits approval is
        left alone as long as the new color is healthy. If the controller is still alive, the recovery is refused.
      - With O(state=open), V(rollback) opens a deployment back to the old color that was kept stopped. If the last
        deployment was rolled back, O(release) has to name the kept one.
    type: str
    choices: ["", rollback]
    default: ""
  reason:
    description: For O(state=recovered). The reason, for the history.
    type: str
    default: ""
  owner:
    description: Who deploys, or with O(state=closed) who approves, for messages and for the history.
    type: str
    default: ""
  release:
    description:
      - Label of the release.
      - With O(state=closed) it must be empty, or the release that awaits approval, or the live one if none does. It may
        also name the new release of a deployment that is being rolled back while Nginx still serves it, to keep it.
      - With O(state=recovered) and O(prefer=rollback) it may name the release to go back to. The rollback then
        completes even if neither color is healthy, or if not all of its containers start.
    type: str
    default: ""
seealso:
  - module: smallfleet.bluegreen.bg_info
  - module: smallfleet.bluegreen.bg_switch
"""

EXAMPLES = r"""
- name: Open a deployment
  smallfleet.bluegreen.bg_deployment:
    app: shop
    deployment_id: 20261123T170739Z-4f2a9c
    state: open
    release: 1.4.2
    project_src: /srv/shop
  register: deployment

- name: Await approval
  smallfleet.bluegreen.bg_deployment:
    app: shop
    deployment_id: "{{ deployment.id }}"
    epoch: "{{ deployment.epoch }}"
    state: settled

- name: Remove the old color
  smallfleet.bluegreen.bg_deployment:
    app: shop
    state: closed

- name: Go back to the old color
  smallfleet.bluegreen.bg_deployment:
    app: shop
    state: recovered
    prefer: rollback
"""

RETURN = r"""
id:
  description: Id of the deployment; empty if there is nothing to deploy.
  returned: O(state=open)
  type: str
  sample: 20261123T170739Z-4f2a9c
epoch:
  description: Epoch of the deployment, for the modules that act for it.
  returned: O(state=open) and O(state=recovered)
  type: int
  sample: 1
live:
  description: The color that is live; empty on the first deployment.
  returned: O(state=open)
  type: str
  sample: blue
idle:
  description: The other color, which becomes live.
  returned: O(state=open)
  type: str
  sample: green
up_to_date:
  description: Whether the live color has this label, configuration and these images already.
  returned: O(state=open)
  type: bool
  sample: false
pending:
  description:
    - Whether the release is live already and awaits approval since an earlier run. Then RV(id) and RV(epoch) are
      those of that deployment, RV(live) is the old color and RV(idle) the new one.
  returned: O(state=open)
  type: bool
  sample: false
undecided:
  description: Whether this depends on the images, so that they have to be pulled or built first.
  returned: O(state=open)
  type: bool
  sample: false
release:
  description: The release; on the way back, the release of the kept color.
  returned: O(state=open)
  type: str
  sample: 1.4.2
projects:
  description: Compose project of each color.
  returned: O(state=open)
  type: dict
  sample: {blue: shop-blue, green: shop-green}
ports:
  description: Host port of each color.
  returned: O(state=open)
  type: dict
  sample: {blue: 18001, green: 18002}
broker:
  description: Where tasks wait. One of V(color), V(shared), V(none).
  returned: O(state=open)
  type: str
  sample: color
broker_service:
  description: The service that is the broker, if each color has its own.
  returned: O(state=open)
  type: str
  sample: redis
worker_strategy:
  description: What happens to the old workers while the new color boots. One of V(stop), V(throttle).
  returned: O(state=open)
  type: str
  sample: stop
services:
  description: For each role, and for C(ignored), the services of the new color, whether they were listed or found.
  returned: O(state=open)
  type: dict
  sample: {web: [web], support: [redis], init: [], workers: [worker, beat], ignored: []}
worker_services:
  description:
    - The services of the workers and of beat, by color.
    - C(old) are those of the live color, including services that run Celery under a name that the new release does not
      use any more. C(new) are those of the new color.
  returned: O(state=open)
  type: dict
  sample: {old: [celery, beat], new: [worker, beat]}
old_web:
  description: Whether the old web runs while approval is pending. One of V(running), V(stopped).
  returned: O(state=open)
  type: str
  sample: running
init_before_stop:
  description: Init services that run while the old workers still work, in the order of all init services.
  returned: O(state=open)
  type: list
  elements: str
  sample: [collectstatic]
fetch:
  description: How to create the containers of the new color, as options of M(smallfleet.bluegreen.bg_fetch).
  returned: O(state=open)
  type: dict
  contains:
    leftover:
      description: Whether the idle broker runs and may still hold tasks.
      returned: always
      type: bool
      sample: false
    env_files:
      description: Env files; later ones override earlier ones.
      returned: unless the kept color comes back
      type: list
      elements: str
      sample: [/srv/shop/.env, /var/lib/bluegreen/shop/green-20261123T170739Z-4f2a9c.env]
    services:
      description: Services that get a container.
      returned: unless the kept color comes back
      type: list
      elements: str
      sample: [redis, web, worker, beat]
    pull:
      description: Which images to pull. One of V(always), V(missing), V(never).
      returned: unless the kept color comes back
      type: str
      sample: missing
    build:
      description: What to build. One of V(always), V(policy), V(never).
      returned: unless the kept color comes back
      type: str
      sample: policy
plan:
  description: What the deployment will do, one line for each phase.
  returned: O(state=open)
  type: list
  elements: str
  sample: ["cutover: point Nginx at green in /etc/nginx/conf.d/bluegreen-shop.conf, reload, prove it"]
findings:
  description: All reasons of the failure, one sentence each.
  returned: failure of O(state=open)
  type: list
  elements: str
  sample: ["bluegreen_ports.green is 18002, but python3 (process 812) listens on that port: choose another port."]
figures:
  description: What the deployment cost.
  returned: O(state=settled); O(state=closed) and O(state=recovered), if a deployment with a readable journal was open
  type: dict
  contains:
    took:
      description: Seconds from the opening to the end, or so far.
      type: float
      sample: 95.8
    waited:
      description: Seconds of C(took) spent waiting for a human.
      type: float
      sample: 61.0
    seconds:
      description:
        - Seconds of each phase; their sum is C(took). Besides the steps of a deployment there are C(way_back),
          C(between_runs), which is the work of the controller, and C(failed), the time until the next attempt.
      type: dict
      sample: {fetch: 14.2, health: 3.4, awaiting_approval: 61.0, between_runs: 7.0}
    tasks_moved:
      description: How many messages were moved between the brokers of the colors. Messages that moved back count twice.
      type: int
    worker_gap:
      description:
        - Seconds of C(took) in which no worker of either color worked, from the stop signal until workers consumed,
          including the way back. 0 if they overlapped, null if no worker was stopped, or none was started again.
      type: float
      sample: 4.9
    memory:
      description: Bytes in use on the host, C(before) the deployment, and the C(peak) that a step saw.
      type: dict
      sample: {before: 188743680, peak: 267386880}
result:
  description: How the deployment ended. One of V(committed), V(rolled_back), V(failed).
  returned: O(state=closed) and O(state=recovered)
  type: str
  sample: committed
found:
  description: Whether a deployment was open.
  returned: O(state=recovered)
  type: bool
  sample: true
already:
  description:
    - Whether no deployment was open and the last one was rolled back already, so that there is nothing to roll back. To
      go back further, name the kept O(release).
  returned: O(state=recovered)
  type: bool
  sample: false
again:
  description:
    - With O(prefer=rollback) and no open deployment, whether the last one was to go back to the kept color and was
      undone, so that a rollback tries it again.
  returned: O(state=recovered), if no deployment was open
  type: bool
  sample: false
kept:
  description: The release of the color that is kept stopped; empty if there is none, or if a deployment was open.
  returned: O(state=recovered)
  type: str
  sample: 1.4.0
message:
  description: One sentence about what was done.
  returned: O(state=settled) and O(state=recovered)
  type: str
  sample: "Release 1.4.2 was rolled back: blue is live with release 1.4.1."
logs:
  description: The last log lines of failed containers of the new color, by container.
  returned: O(state=recovered)
  type: dict
  sample: {shop-green-web-1: ["ModuleNotFoundError: No module named 'shop'"]}
commands:
  description: What was done, as command lines.
  returned: always
  type: list
  elements: str
  sample: [docker start shop-blue-worker-1]
"""

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._install.sent import receive
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.run import run_module
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.bg_deployment import SPEC


def main():
    run_module(SPEC, receive)


if __name__ == "__main__":
    main()
