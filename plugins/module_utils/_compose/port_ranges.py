# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Ranges of host ports, from which Docker takes a free port at each start. Pure."""

from __future__ import annotations

import re
from typing import Any, Mapping, Sequence

_RANGE = re.compile(r"^([0-9]{1,5})-([0-9]{1,5})$")


def leaves_a_choice(port: str) -> bool:
    """Whether a host port is a range of two ports or more."""
    return len(_ports_of(port)) > 1


def refusals_of_ranges(
    defined: Mapping[str, dict[str, Any]], known: Sequence[str], web: str, ports: Mapping[str, int]
) -> list[str]:
    """Sentences against ranges from which Docker could take a color's port.

    :param defined: for each color, the services that Compose rendered.
    :param known: the services of a color.
    :param web: the service that publishes the color's port; for its own ports there are other sentences.
    :param ports: for each color, that port.
    """
    found: list[str] = []
    for name in known:
        if name == web:
            continue
        for port in sorted({each for services in defined.values() for each in _published(services[name])}):
            found += [
                f"Service {name} publishes a free port of the range {port}, which includes {own}, the port of color "
                f"{color}'s web (bluegreen_ports): use another range."
                for color, own in ports.items()
                if leaves_a_choice(port) and int(own) in _ports_of(port)
            ]
    return found


def _published(service: Mapping[str, Any]) -> list[str]:
    return [
        str(each.get("published") or "")
        for each in service.get("ports") or ()
        if (each.get("protocol") or "tcp") == "tcp"
    ]


def _ports_of(port: str) -> range:
    found = _RANGE.match(port)
    return range(int(found.group(1)), int(found.group(2)) + 1) if found else range(0)
