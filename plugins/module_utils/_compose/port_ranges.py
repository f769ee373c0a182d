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


def refusals_of_ranges(defined: dict, known: list, web: str, ports: dict) -> list:
    """Sentences against ranges from which Docker might take the port that a color needs.

    :param defined: for each color, the services that Compose rendered.
    :param known: the services of a color.
    :param web: the service that publishes the color's port; what is wrong with its ports is said elsewhere.
    :param ports: for each color, that port.
    """
    found = []
    for name in known:
        published = {each for services in defined.values() for each in _published(services[name])} if name != web else ()
        for port in sorted(published):
            found += [
                f"Service {name} publishes a free port of {port}, which may be {own}, the one that color {color} needs "
                "for its web (bluegreen_ports): take another range."
                for color, own in ports.items()
                if leaves_a_choice(port) and int(own) in _ports_of(port)
            ]
    return found


def _published(service):
    return [
        str(each.get("published") or "") for each in service.get("ports") or () if (each.get("protocol") or "tcp") == "tcp"
    ]


def _ports_of(port: str) -> range:
    found = _RANGE.match(port)
    return range(int(found.group(1)), int(found.group(2)) + 1) if found else range(0)
