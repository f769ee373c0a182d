#!/usr/bin/python
# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bg_switch
short_description: Move Nginx to a color, with proof
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Writes the file that tells Nginx which color is live, has Nginx read it, and proves that requests go there.
  - Proved is when the worker processes of before take no more requests and new ones run, C(nginx -T) shows this file and
    the public server block passes requests to its upstream, and requests through O(public_url) make Nginx open connections
    to the color. The exit code of a reload proves none of that.
  - Without the proof the bytes of before are put back, Nginx reads them again, and the module fails.
  - The color has to be healthy already, because anything may make Nginx read its files as soon as this one is written.
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
        description: That of the blue color.
        type: int
        default: 18001
      green:
        description: That of the green color.
        type: int
        default: 18002
  servers:
    description:
      - Where Nginx finds the colors, when that is not V(127.0.0.1) and O(ports). For an Nginx in a container on a network
        of its own these are names of containers and their own ports, such as V(web-blue:8000).
      - A name has to resolve before Nginx is told of it, because one that does not keeps Nginx from starting.
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
      - The file that this module owns. It holds one upstream and nothing else, and Nginx has to include it.
      - A file that was written by hand is adopted when its upstream has one server, which is one of the colors.
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
      - A URL that reaches the server block of this app. It is asked for the proof, and its answer has to come from the app.
    type: str
    default: http://127.0.0.1/
  public_host:
    description:
      - Value of the Host header, and the name that a certificate has to be valid for. Empty for the host of O(public_url).
    type: str
    default: ""
  validate_certs:
    description:
      - Whether the certificate has to be valid where O(public_url) begins with C(https).
    type: bool
    default: true
  backup:
    description:
      - Whether the other color takes over requests while the live one does not answer.
      - Both colors have to be up for that. Requests that are not idempotent are not taken over.
    type: bool
    default: false
  release:
    description:
      - Label of the release, for the header of the file.
    type: str
    default: ""
  project:
    description:
      - Compose project of O(color). Within a deployment its web has to answer once more just before Nginx is moved, and its
        web and support services get their restart policies back, so that what is live survives a reboot.
    type: str
    default: ""
  drain:
    description:
      - Whether to wait until Nginx has finished all that it began before the switch. Only then the other color may stop.
      - Can be asked for in the same run as the switch, or later.
    type: bool
    default: false
  drain_timeout:
    description:
      - Seconds to wait for that. That they run out is no failure, because a websocket may live for days; RV(held_by) says
        what is left.
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

- name: Wait until nobody is served by the blue color any more
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
  description: The color that Nginx is proved to send requests to; in check mode, the one that it would.
  returned: success
  type: str
  sample: green
previous:
  description: The color that was live before, empty when there was none.
  returned: success
  type: str
  sample: blue
diff:
  description: The file before and after.
  returned: success
  type: dict
  sample: {"before": "upstream shop {...}", "after": "upstream shop {...}"}
seconds:
  description: How long the switch took with its proof.
  returned: success
  type: float
  sample: 0.31
children:
  description: Processes of Nginx from before the switch, each as process id and start time, that may still finish requests.
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
  description: What the drain still waits for, as sentences.
  returned: success
  type: list
  elements: str
  sample:
    - "worker process 812 of Nginx serves a websocket or long request of 192.0.2.7:50412 for 37 s since the switch"
failure:
  description: Why Nginx was not moved, in RV(ignore:reason) and in Nginx's own words, whether the file of before is back, and
    the color that Nginx is proved to serve.
  returned: when Nginx was not moved
  type: dict
  sample:
    reason: Nginx started no new worker process
    nginx: "bind() to 0.0.0.0:8080 failed (98: Address already in use)"
    restored: true
    served: blue
commands:
  description: What was done that changes the host.
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
