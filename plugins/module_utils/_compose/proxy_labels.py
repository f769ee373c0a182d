# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Proxies that find containers by their labels (Traefik, Caddy) or variables (nginx-proxy), and so both colors. Pure."""

from __future__ import annotations

import re

_RULES = re.compile(r"traefik\.(http|tcp)\.routers\.[^.]+\.rule|caddy(_\d+)?", re.IGNORECASE)
_VARIABLE = "VIRTUAL_HOST"


def warnings(name: str, blue: dict, green: dict) -> list:
    """A sentence when a proxy would send visitors to the web of both colors.

    :param name: of the web.
    :param blue: the web as Compose rendered it for a color.
    :param green: the same for the other one.
    """
    others = [value for dummy, value in _rules(green)]
    return [
        f"Service {name} has {what}, the same in both colors, by which a proxy finds containers and sends visitors to "
        "both colors, whichever is live: take it out, and point the proxy at Nginx."
        for what, value in _rules(blue)
        if value in others
    ][:1]


def _rules(service):
    """``(what, value)`` of all that tells a proxy which visitors to send."""
    labels, environment = service.get("labels") or {}, service.get("environment") or {}
    if str(labels.get("traefik.enable", "true")).lower() != "false":
        for label, value in labels.items():
            if value and _RULES.fullmatch(label):
                yield f"the label {label}", value
    if environment.get(_VARIABLE):
        yield _VARIABLE, environment[_VARIABLE]
