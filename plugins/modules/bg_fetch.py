#!/usr/bin/python

# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bg_fetch
short_description: Pull or build the images of a color and create its containers
version_added: 1.0.0
author:
  - smallfleet.bluegreen contributors (@smallfleet)
description:
  - Pulls or builds the images of some services of a Compose project, and recreates their containers, with one call of
    C(docker compose up --no-start). It starts no container, and creates only those of the named services.
  - It holds no lock meanwhile, because a pull may take an hour. In a deployment it writes a heartbeat every few
    seconds, and ends Compose if another run has taken over the deployment.
extends_documentation_fragment:
  - smallfleet.bluegreen._bluegreen
  - smallfleet.bluegreen._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: none
    details:
      - Containers of an earlier attempt are not reused.
options:
  project:
    description: Compose project of the color.
    type: str
    required: true
  project_src:
    description: Folder of the Compose file.
    type: path
    required: true
  files:
    description:
      - Compose files below O(project_src); later ones override earlier ones. If empty, Compose finds them itself.
    type: list
    elements: str
    default: []
  profiles:
    description: Active profiles of Compose.
    type: list
    elements: str
    default: []
  env_files:
    description: Env files; later ones override earlier ones. Compose fails if one of them is missing.
    type: list
    elements: path
    default: []
  services:
    description: Services that get a container. Services that they depend on get none unless they are named.
    type: list
    elements: str
    required: true
  pull:
    description: Which images to pull.
    type: str
    choices: [always, missing, never]
    default: missing
  build:
    description:
      - What to build. V(policy) builds services with C(build:) that have no image on the host.
    type: str
    choices: [always, policy, never]
    default: policy
requirements:
  - Docker Compose 2.22 or later on the target
seealso:
  - module: smallfleet.bluegreen.bg_deployment
  - module: smallfleet.bluegreen.bg_start
"""

EXAMPLES = r"""
- name: Create the containers of green
  smallfleet.bluegreen.bg_fetch:
    app: shop
    project: shop-green
    project_src: /srv/shop
    env_files: [/srv/shop/.env, /srv/shop/green.env]
    services: [redis, web, worker, beat]
"""

RETURN = r"""
commands:
  description: What was done, as command lines.
  returned: always
  type: list
  elements: str
  sample: [docker compose --project-name shop-green up --no-start web]
logs:
  description: The last lines that Compose wrote.
  returned: failure
  type: dict
  sample: {docker compose up: [web Pulling, "Error response from daemon: manifest unknown"]}
"""

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._module.run import run_module
from ansible_collections.smallfleet.bluegreen.plugins.module_utils._steps.bg_fetch import SPEC


def main():
    run_module(SPEC)


if __name__ == "__main__":
    main()
