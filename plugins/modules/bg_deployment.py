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
  - A deployment makes one release of an app live. It has an id, a journal on the host, a lock, and ends as C(committed),
    C(rolled_back) or C(failed).
  - This module begins and ends it. What happens in between is done by the other modules of this collection, which act
    only for the deployment that is open, and only for whoever holds its O(epoch).
  - Options are named here as the module has them. Where one is refused, the message names the variable of the role
    P(smallfleet.bluegreen.bluegreen#role) that it comes from.
extends_documentation_fragment:
  - smallfleet.bluegreen.bluegreen
  - smallfleet.bluegreen.settings
  - smallfleet.bluegreen.attributes
attributes:
  check_mode:
    support: full
    details:
      - With O(state=open) everything is checked as always, and the plan and the diff are returned. No lock is taken.
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
      - V(open) checks everything that can be checked (the Compose files, ports, memory, disk, images, Nginx, other
        deployments) without touching anything. If all is in order and there is something to do, it writes the journal.
      - V(settled) waits until Nginx has let go of the old color, moves tasks that the old web published meanwhile, and
        leaves the deployment awaiting approval.
      - V(closed) lets the old color go, prunes images and closes the journal. The point of no return.
      - V(recovered) brings an open deployment to an end, as the guard on the host does by itself. What it does depends on the
        journal and on what the host shows.
    type: str
    choices: [open, settled, closed, recovered]
    required: true
  prefer:
    description:
      - With O(state=recovered), V(rollback) undoes the deployment, also one that awaits approval. Empty goes by what the
        host shows, leaves one that awaits approval alone as long as the new color is whole, and refuses one whose owner
        showed a sign of life.
      - V(rollback) is refused where the deployment awaits approval, the new color is live and whole, and the old one does not
        become healthy.
      - With O(state=open), V(rollback) opens a deployment back to the old color that was kept stopped. Where the last deployment
        was rolled back, only if O(release) names the kept one.
    type: str
    choices: ["", rollback]
    default: ""
  reason:
    description: Why it is recovered, for the history.
    type: str
    default: ""
  owner:
    description: Who deploys, for messages and for the history.
    type: str
    default: ""
  release:
    description:
      - Label of the release.
      - With O(state=closed) it must be the one that awaits approval, or the live one when nothing does, unless it is empty.
        Where the deployment is going back, and Nginx still serves the new color, that is kept if its release is given here.
      - With O(state=recovered) and O(prefer=rollback), the release that comes back may be given. Then it is taken as it is,
        should neither color be healthy, or should not all of it start.
    type: str
    default: ""
  project_src:
    description: Folder on the host with the Compose files. Required with O(state=open).
    type: path
  files:
    description: Compose files, relative to O(project_src). Those that Compose finds itself when empty.
    type: list
    elements: str
    default: []
  profiles:
    description: Active profiles of Compose.
    type: list
    elements: str
    default: []
  color_volumes:
    description: Named volumes of which each color may have its own.
    type: list
    elements: str
    default: []
  init_before_stop:
    description:
      - With O(state=open), services of O(services.init) that run while the old workers still work.
      - Where they do not fit beside these, they run with the others, and the plan says so.
    type: list
    elements: str
    default: []
  pull:
    description: How images are got. See the role's C(bluegreen_pull).
    type: str
    choices: [always, missing, never, build]
    default: missing
  health:
    description: How a healthy web answers at its own port. Needed again when the deployment goes back.
    type: dict
    default: {}
    suboptions:
      path:
        description: Path of the URL.
        type: str
        default: /health/
      host:
        description: Host header.
        type: str
        default: ""
      status:
        description: Statuses that count as healthy.
        type: list
        elements: int
        default: [200]
      timeout:
        description: Seconds for one request.
        type: float
        default: 2
      interval:
        description: Seconds between two requests.
        type: float
        default: 0.3
      successes:
        description: Healthy answers in a row.
        type: int
        default: 2
      deadline:
        description: Seconds for all of it.
        type: float
        default: 60
  workers:
    description: How workers are stopped. Needed again when the deployment goes back.
    type: dict
    default: {}
    suboptions:
      stop_timeout:
        description: Seconds that running tasks may take. By default the service's C(stop_grace_period), else 60.
        type: int
      on_timeout:
        description: What happens to a worker that still runs then.
        type: str
        choices: [fail, leave, requeue, kill]
        default: fail
      strategy:
        description:
          - With O(state=open), what becomes of the old workers while the new color boots. V(stop) stops them. V(throttle)
            lowers their CPU weight until the new ones work, and is refused when the host cannot hold both colors.
          - V(auto) is V(throttle) when each color has its own broker and the host can hold both, else V(stop).
        type: str
        choices: [stop, throttle, auto]
        default: stop
  old_web:
    description:
      - With O(state=open), whether the old web runs while approval is pending. V(running) is refused when the host cannot hold
        two webs and the new workers. V(stopped) stops it when its last requests have ended, before the new workers start, and
        a way back starts it again before Nginx is switched.
      - V(auto) is V(running) where all of them fit, else V(stopped).
    type: str
    choices: [auto, running, stopped]
    default: auto
  unknown_tasks:
    description:
      - What becomes of waiting tasks that the workers do not register.
      - See O(unknown_tasks) of M(smallfleet.bluegreen.bg_stop_workers).
    type: str
    choices: [fail, hold, move]
    default: fail
  keep_keys:
    description: Patterns of keys that go with the tasks. See O(keep_keys) of M(smallfleet.bluegreen.bg_move_tasks).
    type: list
    elements: str
    default: []
  drain_timeout:
    description: Seconds to wait for requests that the old web still answers.
    type: float
    default: 30
  revert_after:
    description:
      - Seconds without a sign of life after which the deployment counts as abandoned, and the guard on the host brings it to
        an end. At least 20; 0 turns that off.
    type: int
    default: 900
  watch:
    description:
      - Whether the guard goes back to the old color when the web of the new one dies while approval is pending. It asks every
        two seconds, and three failures in a row are a death.
    type: bool
    default: true
  approval_follows:
    description:
      - For O(state=settled). Whether nobody is asked, and O(state=closed) comes next. Then the guard is not started to watch
        the new color for that moment, which would cost a small host 13 MiB; the timer that O(revert_after) sets starts it
        should O(state=closed) never come.
    type: bool
    default: false
  approval_timeout:
    description:
      - Seconds in which a deployment may be approved that awaits it; 0 for no limit. The host keeps the time. It begins when the
        deployment has settled, anew when O(state=settled) is repeated, then as long as is given there, and anew at a boot.
      - After it O(state=closed) is refused for whoever opened the deployment. Without a O(deployment_id) it is a decision of
        its own, and possible as long as the deployment awaits approval.
    type: int
    default: 3600
  on_timeout:
    description:
      - What the guard does then. V(keep) leaves both colors as they are. V(rollback) goes back to the old color.
    type: str
    choices: [keep, rollback]
    default: keep
  old_color:
    description: Whether the old color is removed at the end, or kept stopped.
    type: str
    choices: [removed, stopped]
    default: removed
  remove_volumes:
    description: Whether named volumes of a removed color go with it.
    type: bool
    default: false
  keep_images:
    description: How many releases keep their images, the live one included.
    type: int
    default: 3
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

- name: Let the old color go
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
  description: Id of the deployment; empty when there is nothing to do.
  returned: O(state=open)
  type: str
  sample: 20261123T170739Z-4f2a9c
epoch:
  description: Epoch of the deployment, to be passed to the modules that act for it.
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
  description: Whether label, configuration and images are those of the live color already.
  returned: O(state=open)
  type: bool
  sample: false
pending:
  description:
    - Whether the release is live already and awaits approval, from an earlier run. Then RV(id) and RV(epoch) are those of its
      deployment, RV(live) is the old color and RV(idle) the new one.
  returned: O(state=open)
  type: bool
  sample: false
undecided:
  description: Whether only the images will tell, once they have been pulled or built.
  returned: O(state=open)
  type: bool
  sample: false
release:
  description: The release; when going back, that of the kept color.
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
  description: The service that is the broker, where each color has its own.
  returned: O(state=open)
  type: str
  sample: redis
worker_strategy:
  description: What becomes of the old workers while the new color boots. One of V(stop), V(throttle).
  returned: O(state=open)
  type: str
  sample: stop
worker_services:
  description:
    - The services of the workers and of beat, by color.
    - C(old) are those of the live color, among them such as run Celery and are in no list because the new release has
      another name for them. C(new) are those that take over.
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
  description: How the candidate's containers are to be created, in the words of M(smallfleet.bluegreen.bg_fetch).
  returned: O(state=open)
  type: dict
  contains:
    leftover:
      description: Whether the idle broker runs and may hold tasks of earlier days.
      returned: always
      type: bool
      sample: false
    env_files:
      description: Env files, later ones win.
      returned: unless the kept color comes back
      type: list
      elements: str
      sample: [/srv/shop/.env, /var/lib/bluegreen/shop/green-20261123T170739Z-4f2a9c.env]
    services:
      description: Services that the candidate starts.
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
  description: What the deployment is going to do, a line for each phase.
  returned: O(state=open)
  type: list
  elements: str
  sample: ["cutover: point Nginx at green in /etc/nginx/conf.d/bluegreen-shop.conf, reload, prove it"]
findings:
  description: All sentences of the failure, one for each thing that is not in order.
  returned: failure of O(state=open)
  type: list
  elements: str
  sample: ["bluegreen_ports.green is 18002, but python3 (process 812) listens on that port: choose another port."]
figures:
  description: What the deployment cost.
  returned: O(state=settled); O(state=closed) and O(state=recovered), if one was open whose journal could be read
  type: dict
  contains:
    took:
      description: Seconds from the opening to the end, or so far; null if an earlier version opened it.
      type: float
      sample: 95.8
    waited:
      description: Seconds of C(took) in which a human was waited for; null if an earlier version opened it.
      type: float
      sample: 61.0
    seconds:
      description:
        - Seconds of each phase, which together are C(took). Beside the steps of a deployment there are C(way_back),
          C(between_runs), which is the controller's own work, and C(failed), until somebody looked.
      type: dict
      sample: {fetch: 14.2, health: 3.4, awaiting_approval: 61.0, between_runs: 7.0}
    tasks_moved:
      description: How many messages were moved from one color's broker to the other's; those that were moved back count twice.
      type: int
    worker_gap:
      description:
        - Seconds of C(took) in which no worker of either color was at work, from the signal to stop until workers were proved
          to consume, on the way back, too. 0 if they overlapped, null if no worker was stopped or none was to start again.
      type: float
      sample: 4.9
    memory:
      description: Bytes in use on the host, C(before) the deployment and the highest that a step saw (C(peak)).
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
    - Whether none was open and the last one was rolled back already, so that V(rollback) has nothing to do. Going further back
      takes the O(release) that was kept.
  returned: O(state=recovered)
  type: bool
  sample: false
again:
  description:
    - With O(prefer=rollback) and none open, whether the last one was to lead back to the kept color and was undone, so that this
      is what a rollback means again.
  returned: O(state=recovered), if none was open
  type: bool
  sample: false
kept:
  description: Where no deployment was open, the release of the color that was kept stopped; empty where there is none.
  returned: O(state=recovered)
  type: str
  sample: 1.4.0
message:
  description: What was done, in a sentence.
  returned: O(state=settled) and O(state=recovered)
  type: str
  sample: "Release 1.4.2 was rolled back: blue is live with release 1.4.1."
logs:
  description: The last log lines of the candidate's containers that had failed, by container.
  returned: O(state=recovered)
  type: dict
  sample: {shop-green-web-1: ["ModuleNotFoundError: No module named 'shop'"]}
commands:
  description: Command lines that would have done the same, for support.
  returned: always
  type: list
  elements: str
  sample: [docker start shop-blue-worker-1]
"""

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.run import run_module
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.bg_deployment import SPEC


def main():
    run_module(SPEC)


if __name__ == "__main__":
    main()
