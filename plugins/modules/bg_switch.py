#!/usr/bin/python
# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bg_switch
short_description: Switch Nginx to a color, and verify it
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Writes the file that names the live color for Nginx, reloads Nginx, and verifies that requests reach the color.
  - The switch is verified if new worker processes of Nginx run and the previous ones take no more requests, if
    C(nginx -T) shows this file and the public server block passes requests to its upstream, and if requests to
    O(public_url) make Nginx open connections to the color. The exit code of a reload shows none of this.
  - If the verification fails, the previous file is restored, Nginx is reloaded, and the module fails.
  - The color has to be healthy already, because another program may reload Nginx as soon as the file is written.
extends_documentation_fragment:
  - smallfleet.bluegreen._bluegreen
  - smallfleet.bluegreen._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  color:
    description:
      - The color that becomes the live one.
    type: str
    required: true
    choices: [blue, green]
  ports:
    description:
      - Ports of this host at which the colors answer.
    type: dict
    suboptions:
      blue:
        description: Port of the blue color.
        type: int
        default: 18001
      green:
        description: Port of the green color.
        type: int
        default: 18002
  servers:
    description:
      - Addresses of the colors for Nginx, if they are not V(127.0.0.1) and O(ports). For an Nginx in a container on a
        network of its own these are names and ports of containers, such as V(web-blue:8000).
      - The names have to resolve, because Nginx does not start with a name that it cannot resolve.
    type: dict
    suboptions:
      blue:
        description: Address and port of the blue color.
        type: str
      green:
        description: Address and port of the green color.
        type: str
  file:
    description:
      - The file that this module owns. It contains one upstream and nothing else, and Nginx has to include it.
        Its name ends in C(.conf).
      - A file that was written by hand is adopted if its upstream has one server, which is one of the colors.
      - V(/etc/nginx/conf.d/bluegreen-APP.conf) when empty, with the name of the app for C(APP).
    type: str
    default: ""
  upstream:
    description:
      - Name of the upstream, to which your server block passes requests with C(proxy_pass http://NAME;).
      - The name of the app when empty.
    type: str
    default: ""
  container:
    description:
      - Container that Nginx runs in. Empty for an Nginx on the host itself.
      - The folder of O(file) has to be mounted into it, and not the file alone.
    type: str
    default: ""
  public_url:
    description:
      - A URL of the server block of this app. The verification sends requests to it, and the app has to answer them.
    type: str
    default: http://127.0.0.1/
  public_host:
    description:
      - Value of the Host header, and the name for which the certificate has to be valid. Empty for the host of
        O(public_url).
    type: str
    default: ""
  validate_certs:
    description:
      - Whether the certificate has to be valid if O(public_url) begins with C(https).
    type: bool
    default: true
  backup:
    description:
      - Whether Nginx sends requests to the other color while the live one does not answer.
      - Both colors have to be up for that. Nginx does not resend requests that are not idempotent.
    type: bool
    default: false
  release:
    description:
      - Label of the release, for the header of the file.
    type: str
    default: ""
  project:
    description:
      - Compose project of O(color). Within a deployment its web has to answer once more just before the switch, and its
        web and support services get their restart policies back, so that the live color starts after a reboot.
    type: str
    default: ""
  drain:
    description:
      - Whether to wait until Nginx has finished all requests that began before the switch. Only then the other color
        may stop.
      - Possible in the same run as the switch, or later.
    type: bool
    default: false
  drain_timeout:
    description:
      - Seconds to wait for that. The module does not fail after them, because a websocket may live for days;
        RV(held_by) lists the requests that are left.
    type: float
    default: 30.0
seealso:
  - module: smallfleet.bluegreen.bg_health
"""

EXAMPLES = r"""
- name: Send requests to the green color
  smallfleet.bluegreen.bg_switch:
    app: shop
    deployment_id: "{{ opened.id }}"
    epoch: "{{ opened.epoch }}"
    color: green
    ports:
      blue: 18001
      green: 18002
    public_url: https://127.0.0.1/
    public_host: shop.example.org
    release: "2.4.1"
    project: shop-green

- name: Wait until the blue color serves no more requests
  smallfleet.bluegreen.bg_switch:
    app: shop
    deployment_id: "{{ opened.id }}"
    epoch: "{{ opened.epoch }}"
    color: green
    public_url: https://127.0.0.1/
    public_host: shop.example.org
    drain: true

- name: Switch an Nginx in a container that finds the colors by their names
  smallfleet.bluegreen.bg_switch:
    app: shop
    color: blue
    container: proxy
    file: /srv/proxy/conf.d/bluegreen-shop.conf
    servers:
      blue: shop-blue-web:8000
      green: shop-green-web:8000
    public_url: http://127.0.0.1:8080/
"""

RETURN = r"""
live:
  description: The color to which Nginx sends requests, as verified; in check mode, the one to which it would.
  returned: success
  type: str
  sample: green
previous:
  description: The color that was live before; empty if there was none.
  returned: success
  type: str
  sample: blue
diff:
  description: The file before and after.
  returned: success
  type: dict
  sample: {"before": "upstream shop {...}", "after": "upstream shop {...}"}
seconds:
  description: Seconds that the switch and its verification took.
  returned: success
  type: float
  sample: 0.31
children:
  description: Previous worker processes of Nginx that may still finish requests, each as process id and start time.
  returned: success
  type: list
  elements: list
  sample: [[812, 190232]]
drained:
  description: Whether all of them have ended. V(false) without O(drain).
  returned: success
  type: bool
  sample: true
held_by:
  description: What the drain still waits for, one sentence each.
  returned: success
  type: list
  elements: str
  sample:
    - >-
      worker process 812 of Nginx has been serving a websocket or long request of 192.0.2.7:50412 since the switch, 37 s
      ago
failure:
  description:
    - Why Nginx was not switched, in RV(ignore:reason) and in Nginx's own words, whether the previous file is restored,
      and the color that Nginx serves, as verified.
  returned: if Nginx was not switched
  type: dict
  sample:
    reason: Nginx started no new worker process
    nginx: "bind() to 0.0.0.0:8080 failed (98: Address already in use)"
    restored: true
    served: blue
commands:
  description: What was done, as command lines.
  returned: always
  type: list
  elements: str
  sample: ["replace /etc/nginx/conf.d/bluegreen-shop.conf", "/usr/sbin/nginx -s reload"]
"""

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.run import run_module
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.bg_switch import SPEC


def main():
    run_module(SPEC)


if __name__ == "__main__":
    main()
