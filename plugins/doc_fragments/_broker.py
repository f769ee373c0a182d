# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.

from __future__ import annotations


class ModuleDocFragment:
    # The broker of the color whose workers a module starts or stops.
    DOCUMENTATION = r"""
options:
  broker:
    description:
      - The broker that the workers of the color read.
      - By default the broker of the open deployment, or the Redis of the project.
    type: dict
    suboptions:
      service:
        description: Compose service that is the broker.
        type: str
        default: redis
      url:
        description: URL of the broker as the app uses it. Empty for all databases of O(broker.service).
        type: str
        default: ""
"""
