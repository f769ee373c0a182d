# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.

from __future__ import annotations


class ModuleDocFragment:
    # What is true of an app on a host from one deployment to the next.
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
            description: Port on the host at which its first web service answers. By default V(18001) for blue and V(18002) for green.
            type: int
          env:
            description:
              - Variables for its Compose file. They are written to a file that only root can read.
              - Never shown in a result nor logged on the host.
            type: dict
            default: {}
      green:
        description: The green color.
        type: dict
        default: {}
        suboptions: *color
  services:
    description: Services of the Compose file by what they are.
    type: dict
    default: {}
    suboptions:
      web:
        description: Services that answer HTTP. The first one publishes the color's port.
        type: list
        elements: str
        default: [web]
      support:
        description: Services that a color brings for itself.
        type: list
        elements: str
        default: [redis]
      init:
        description: Services that run once and must exit 0.
        type: list
        elements: str
        default: []
      workers:
        description: Celery workers and beat.
        type: list
        elements: str
        default: [worker, beat]
      ignored:
        description: Services that a color does not start.
        type: list
        elements: str
        default: []
  nginx:
    description: The Nginx that stands before the colors.
    type: dict
    default: {}
    suboptions:
      upstream:
        description: Name of the upstream. By default O(app).
        type: str
        default: ""
      file:
        description: File that defines it, owned by the collection. By default C(/etc/nginx/conf.d/bluegreen-<app>.conf).
        type: path
        default: ""
      container:
        description: Container that Nginx runs in. Empty means on the host.
        type: str
        default: ""
      servers:
        description: Address and port of each color as Nginx sees them. By default V(127.0.0.1) and the color's port.
        type: dict
        default: {}
      public_url:
        description: URL through which the app is reached.
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
        description: Whether the old color serves as Nginx's backup as long as both are up.
        type: bool
        default: false
  broker:
    description: Where Celery's tasks wait.
    type: dict
    default: {}
    suboptions:
      mode:
        description:
          - V(color) when each color has its own, V(shared) when both use one, V(none) when there are no tasks.
          - V(auto) goes by the broker's URL. It is V(color) when the URL's host is a support service, V(shared) when it is
            any other, and V(none) without workers.
          - M(smallfleet.bluegreen.bg_deployment) finds the URL in the rendered Compose file. Where there is none, V(auto) is
            V(color) when the service is a support service, else V(shared).
        type: str
        choices: [auto, color, shared, none]
        default: auto
      service:
        description: The service that is the broker, where each color has its own.
        type: str
        default: redis
      url:
        description: URL of the broker as the services see it. Empty means that all databases of the service are looked through.
        type: str
        default: ""
"""
