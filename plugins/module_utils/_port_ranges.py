# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Host ports as Compose has them, which may be ranges: Docker takes a free port of such a range at each start. Pure."""

from __future__ import annotations

import re

_RANGE = re.compile(r"^([0-9]{1,5})-([0-9]{1,5})$")


def leaves_a_choice(port: str) -> bool:
    """Whether a host port is a range of two ports or more."""
    return len(_ports_of(port)) > 1


def taken_of(port: str, ports: dict) -> list:
    """Those colors whose own port is one of a range; none where ``port`` is no range.

    :param ports: the port of each color.
    """
    return [color for color, own in ports.items() if leaves_a_choice(port) and int(own) in _ports_of(port)]


def _ports_of(port: str) -> range:
    found = _RANGE.match(port)
    return range(int(found.group(1)), int(found.group(2)) + 1) if found else range(0)
