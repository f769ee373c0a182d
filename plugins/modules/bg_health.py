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
  - Sends requests to a URL of the color, past Nginx, until it has given several healthy answers in a row. Starts
    nothing.
  - Fails at once if a container of the color exits, restarts or becomes unhealthy according to its own health check,
    and returns its last log lines. A crash loop thus costs seconds instead of the whole deadline.
  - Does not follow redirects, so that O(status) can name the status of one.
extends_documentation_fragment:
  - smallfleet.bluegreen._bluegreen
  - smallfleet.bluegreen._attributes
attributes:
  check_mode:
    support: full
    details:
      - It sends no request, because in check mode the color was not started.
  diff_mode:
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    support: full
options:
  url:
    description:
      - A URL at the color's own port, such as V(http://127.0.0.1:18002/health/).
    type: str
    required: true
  host:
    description:
      - Value of the Host header, and the name for which the certificate has to be valid. Empty for the host of O(url).
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
      - Seconds for one attempt, from the connection to the end of the answer.
    type: float
    default: 2.0
  interval:
    description:
      - Seconds between two attempts, more than V(0).
    type: float
    default: 0.3
  successes:
    description:
      - How many healthy answers in a row are needed.
    type: int
    default: 2
  deadline:
    description:
      - Seconds after which the color counts as not healthy.
    type: float
    default: 60.0
  project:
    description:
      - Compose project of the color. Its containers have to stay up.
      - Within a deployment these are its web and support services, otherwise all that run when the check begins.
      - If empty, no container is watched.
    type: str
    default: ""
  validate_certs:
    description:
      - Whether the certificate has to be valid if O(url) begins with C(https).
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

- name: Check an app that needs its own host name, and answers with a redirect
  smallfleet.bluegreen.bg_health:
    app: shop
    url: http://127.0.0.1:18001/
    host: shop.example.org
    status: [200, 302]
    deadline: 120
"""

RETURN = r"""
attempts:
  description: How many requests were sent.
  returned: always
  type: int
  sample: 4
seconds:
  description: Seconds that the check took.
  returned: always
  type: float
  sample: 1.37
status:
  description: HTTP status of the last answer; V(0) if the last attempt got none.
  returned: always
  type: int
  sample: 200
latency_ms:
  description: Milliseconds that the last attempt took.
  returned: always
  type: int
  sample: 12
failure:
  description: Why the color is not healthy, with the last answer. Empty if it is healthy.
  returned: always
  type: str
  sample: "http://127.0.0.1:18002/health/ did not become healthy within 60 s (bluegreen_health_deadline); the last of
    170 attempts answered with status 500, not 200."
logs:
  description:
    - The last log lines of the failed container, or of all watched containers after the deadline, by container.
  returned: always
  type: dict
  sample: {shop-green-web-1: ["ModuleNotFoundError: No module named 'shop'"]}
commands:
  description: Always empty, because nothing is changed.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.run import run_module
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.bg_health import SPEC


def main():
    run_module(SPEC)


if __name__ == "__main__":
    main()
