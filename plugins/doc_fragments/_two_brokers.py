# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.

from __future__ import annotations


class ModuleDocFragment:
    # Options of the modules that move or copy from one broker to another.
    DOCUMENTATION = r"""
options:
  source:
    description: The Redis that is read.
    type: dict
    required: true
    suboptions:
      project:
        description: Compose project of the color. If empty, the host itself connects to O(source.url).
        type: str
        default: ""
      service:
        description: Compose service that is the broker.
        type: str
        default: redis
      url:
        description: URL of the broker as the app uses it. Empty for all databases of O(source.service).
        type: str
        default: ""
  destination:
    description: The Redis that is written, with the same suboptions as O(source).
    type: dict
    required: true
    suboptions:
      project:
        description: Compose project of the color. If empty, the host itself connects to O(destination.url).
        type: str
        default: ""
      service:
        description: Compose service that is the broker.
        type: str
        default: redis
      url:
        description: URL of the broker as the app uses it. Empty for all databases of O(destination.service).
        type: str
        default: ""
"""
