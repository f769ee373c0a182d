# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.

from __future__ import annotations


class ModuleDocFragment:
    # Options of every module of the collection.
    DOCUMENTATION = r"""
options:
  app:
    description:
      - Name of the app on this host.
      - A lower-case letter, then up to 47 lower-case letters, digits, C(-) or C(_), and not V(localhost).
    type: str
    required: true
  deployment_id:
    description:
      - Id of the open deployment that this run belongs to, as returned by M(smallfleet.bluegreen.bg_deployment)
        with O(smallfleet.bluegreen.bg_deployment#module:state=open).
      - Empty for a module that is used by itself. This is refused while a deployment of the app is open.
    type: str
    default: ""
  epoch:
    description:
      - Epoch of the open deployment, as returned together with its id.
      - A run that takes over the deployment, such as a rollback, raises it. A run with an earlier epoch fails and
        changes nothing.
    type: int
    default: 0
  docker_host:
    description:
      - The Docker Engine on the same host. V(unix://) and the absolute path of its socket.
    type: str
    default: unix:///var/run/docker.sock
requirements:
  - Python 3.9 or later on the target, with its standard library only
  - Docker Engine 20.10 or later on the target
"""
