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
  - Asks a URL of the color again and again, past Nginx, until it has answered well several times in a row. Starts nothing.
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
      - Nothing is asked, because in check mode the color that is to be asked was not started.
  diff_mode:
    support: N/A
    details:
      - It changes nothing.
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
