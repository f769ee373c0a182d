# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.

from __future__ import annotations


class ModuleDocFragment:
    # Settings of one deployment, which bg_deployment writes into the journal when it opens it.
    DOCUMENTATION = r"""
options:
  project_src:
    description: Folder on the host with the Compose files. Required with O(state=open).
    type: path
  files:
    description: Compose files, relative to O(project_src). If empty, the files that Compose finds by itself.
    type: list
    elements: str
    default: []
  profiles:
    description: Active profiles of Compose.
    type: list
    elements: str
    default: []
  color_volumes:
    description: Named volumes of which each color has its own.
    type: list
    elements: str
    default: []
  init_before_stop:
    description:
      - Services of O(services.init) that run while the old workers still work.
      - If the host lacks the memory for them, they run with the other init services, and the plan says so.
    type: list
    elements: str
    default: []
  pull:
    description: Which images are pulled or built. See C(bluegreen_pull) of the role.
    type: str
    choices: [always, missing, never, build]
    default: missing
  health:
    description: How the web of a healthy color answers at the color's own port. A rollback needs it again.
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
        description: HTTP statuses that count as healthy.
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
        description: How many healthy answers in a row are needed.
        type: int
        default: 2
      deadline:
        description: Seconds for the whole check.
        type: float
        default: 60
  workers:
    description: How workers are stopped. A rollback needs it again.
    type: dict
    default: {}
    suboptions:
      stop_timeout:
        description: Seconds that running tasks may take. By default C(stop_grace_period) of the service, or 60.
        type: int
      on_timeout:
        description: What happens to a worker that still runs after that.
        type: str
        choices: [fail, leave, requeue, kill]
        default: fail
      strategy:
        description:
          - What happens to the old workers while the new color boots. V(stop) stops them. V(throttle) lowers their CPU
            weight until the new workers consume, and is refused if the host cannot hold both colors.
          - V(auto) is V(throttle) if each color has its own broker and the host can hold both colors, otherwise
            V(stop).
        type: str
        choices: [stop, throttle, auto]
        default: stop
  old_web:
    description:
      - Whether the old web runs while approval is pending. V(running) is refused if the host cannot hold two webs and
        the new workers. V(stopped) stops the old web after its last requests, before the new workers start. A
        rollback starts it again before Nginx is switched.
      - V(auto) is V(running) if the host can hold all of them, otherwise V(stopped).
    type: str
    choices: [auto, running, stopped]
    default: auto
  unknown_tasks:
    description:
      - What happens to waiting tasks that the new workers do not register.
      - See O(smallfleet.bluegreen.bg_stop_workers#module:unknown_tasks).
    type: str
    choices: [fail, hold, move]
    default: fail
  keep_keys:
    description: Patterns of keys to copy with the tasks. See O(smallfleet.bluegreen.bg_copy_keys#module:keys).
    type: list
    elements: str
    default: []
  drain_timeout:
    description: Seconds to wait for requests that the old web still answers.
    type: float
    default: 30
  revert_after:
    description:
      - Seconds without a heartbeat of the controller after which the guard on the host completes or rolls back the
        deployment. At least 20; 0 turns this off.
    type: int
    default: 900
  watch:
    description:
      - Whether the guard goes back to the old color if the web of the new color fails while approval is pending. It
        sends a request every two seconds, and acts after three failures in a row.
    type: bool
    default: true
  approval_follows:
    description:
      - For O(state=settled). Whether O(state=closed) follows at once, without a question. Then the guard is not
        started to watch the new color in between, which would cost a small host 13 MiB. If O(state=closed) never
        comes, the timer of O(revert_after) starts the guard.
    type: bool
    default: false
  approval_timeout:
    description:
      - For O(state=open) and O(state=settled). Seconds within which the deployment may be approved; 0 means no limit.
        The host measures this time, even if the controller is gone.
      - The time starts when the deployment awaits approval. It starts again at a boot, and when O(state=settled) is
        repeated, then with the timeout given there.
      - After it O(state=closed) is refused with the O(deployment_id) of the deployment. Without a O(deployment_id) it
        is a decision of its own, and possible as long as the deployment awaits approval.
    type: int
    default: 3600
  on_timeout:
    description:
      - For O(state=open) and O(state=settled). What the guard does after O(approval_timeout). V(keep) keeps both
        colors. V(rollback) goes back to the old color.
    type: str
    choices: [keep, rollback]
    default: keep
  old_color:
    description: Whether the finish removes the old color, or keeps it stopped.
    type: str
    choices: [removed, stopped]
    default: removed
  remove_volumes:
    description: Whether the named volumes of a removed color are removed as well.
    type: bool
    default: false
  keep_images:
    description: How many releases keep their images, including the live one.
    type: int
    default: 3
"""
