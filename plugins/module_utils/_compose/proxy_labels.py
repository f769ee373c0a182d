# Copyright (c) 2026, smallfleet.bluegreen contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Proxies that find containers, and so those of both colors, by labels (Traefik, Caddy) or variables (nginx-proxy).

Pure decisions.
"""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

_RULES = re.compile(r"traefik\.(http|tcp)\.routers\.[^.]+\.rule|caddy(_\d+)?", re.IGNORECASE)
_VARIABLE = "VIRTUAL_HOST"


def warnings(name: str, blue: Mapping[str, Any], green: Mapping[str, Any]) -> list[str]:
    """A sentence when a proxy would send visitors to the web of both colors.

    :param name: the web service.
    :param blue: the web as Compose rendered it for this color.
    :param green: the same for the other color.
    """
    others = [value for dummy, value in _rules(green)]
    return [
        f"Service {name} has {what}, the same in both colors, so a proxy that finds containers by it would send "
        "visitors to both colors at once: remove it, and point the proxy at Nginx."
        for what, value in _rules(blue)
        if value in others
    ][:1]


def _rules(service: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """``(label or variable, value)`` of every rule by which a proxy chooses visitors."""
    labels, environment = service.get("labels") or {}, service.get("environment") or {}
    if str(labels.get("traefik.enable", "true")).lower() != "false":
        for label, value in labels.items():
            if value and _RULES.fullmatch(label):
                yield f"the label {label}", value
    if environment.get(_VARIABLE):
        yield _VARIABLE, environment[_VARIABLE]
