# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.

from __future__ import annotations


class ModuleDocFragment:
    # Settings of an app on a host that rarely change between deployments.
    DOCUMENTATION = r"""
options:
  colors:
    description: The two colors.
    type: dict
    default: {}
    suboptions:
      blue:
        description: The blue color.
        type: dict
        default: {}
        suboptions: &color
          project:
            description: Its Compose project. By default the app's name and the color, such as V(shop-blue).
            type: str
          port:
            description: Port of its first web service on the host. By default V(18001) for blue and V(18002) for green.
            type: int
          env:
            description:
              - Variables for its Compose file. They are written to a file that only root can read.
              - They are neither shown in a result nor logged on the host.
            type: dict
            default: {}
      green:
        description: The green color.
        type: dict
        default: {}
        suboptions: *color
  services:
    description:
      - Services of the Compose file, by role.
      - The value V([auto]) leaves a list to the Compose file. A deployment finds the role of each service there;
        without one, the lists of the last deployment count, or what the containers show.
    type: dict
    default: {}
    suboptions:
      web:
        description: Services that answer HTTP. The first one publishes the color's port.
        type: list
        elements: str
        default: [auto]
      support:
        description: Services of which each color has its own.
        type: list
        elements: str
        default: [auto]
      init:
        description: Services that run once and have to end with exit code 0.
        type: list
        elements: str
        default: [auto]
      workers:
        description: Celery workers and beat.
        type: list
        elements: str
        default: [auto]
      ignored:
        description: Services that a color does not start.
        type: list
        elements: str
        default: []
  nginx:
    description: The Nginx in front of the colors.
    type: dict
    default: {}
    suboptions:
      upstream:
        description: Name of the upstream. By default O(app).
        type: str
        default: ""
      file:
        description:
          - File with the upstream, owned by the collection. By default C(/etc/nginx/conf.d/bluegreen-<app>.conf).
        type: path
        default: ""
      container:
        description: Container in which Nginx runs. Empty if Nginx runs on the host.
        type: str
        default: ""
      servers:
        description: Address and port of each color for Nginx. By default V(127.0.0.1) and the color's port.
        type: dict
        default: {}
      public_url:
        description: URL of the app on this host, through Nginx.
        type: str
        default: http://127.0.0.1/
      public_host:
        description: Host header of requests to it.
        type: str
        default: ""
      validate_certs:
        description: Whether its certificate has to be valid.
        type: bool
        default: true
      backup:
        description: Whether Nginx uses the old color as backup while both are up.
        type: bool
        default: false
  broker:
    description: Where Celery's tasks wait.
    type: dict
    default: {}
    suboptions:
      mode:
        description:
          - V(color) if each color has its own broker, V(shared) if both use one, V(none) if there are no tasks.
          - V(auto) uses the URL of the broker. It is V(color) if the host of the URL is a support service, V(shared)
            if it is another host, and V(none) without workers.
          - M(smallfleet.bluegreen.bg_deployment) takes the URL from the rendered Compose file. If there is none,
            V(auto) is V(color) if the service is a support service, otherwise V(shared).
        type: str
        choices: [auto, color, shared, none]
        default: auto
      service:
        description: The service that is the broker, if each color has its own.
        type: str
        default: redis
      url:
        description: URL of the broker as the services use it. If empty, all databases of the service are searched.
        type: str
        default: ""
"""
