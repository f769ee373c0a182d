# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The report as one HTML page without other files, scripts or network."""

from __future__ import annotations

import os
from typing import Any

import jinja2

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal import counting, figures
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils import _readable
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._next_steps import FAILURES
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._timeline import Scale, lane
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._verdict import DEGRADED, HEALTHY, IN_PROGRESS

TEMPLATE = os.path.join(os.path.dirname(__file__), "_fleet_page.html.j2")

# In the order of the page: the phases while no worker runs stand together. The time that a human takes is left out,
# because it would hide the rest.
PHASES = tuple(phase for phase in counting.PHASES if phase not in figures.WAITING)
OTHER = "other"

# Hosts that need attention come first.
URGENCY = (DEGRADED, IN_PROGRESS, HEALTHY)


def page(report: dict[str, Any]) -> str:
    """The report as HTML. The template escapes every text, because it may come from a host."""
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters.update(
        size=_readable.size,
        span=figures.span,
        words=_readable.words,
        moment=lambda stamp: _readable.moment(stamp, report["at"]),
        stamp=lambda stamp: stamp.replace("T", " ").removesuffix("Z"),
        used=lambda room: 100 - 100 * room["available"] // room["total"] if room["total"] else 0,
    )
    with open(TEMPLATE, encoding="utf-8") as source:
        template = environment.from_string(source.read())
    hosts = sorted(report["hosts"], key=lambda host: URGENCY.index(host["verdict"]))
    scale = Scale(hosts, report["at"])
    longest = max((worked(entry) for host in hosts for entry in host["history"]), default=0.0)
    return template.render(
        report=report,
        failures=FAILURES,
        hosts=hosts,
        apps=sorted({host["app"] for host in hosts if host["app"]}),
        states=[(state, report["counts"][state]) for state in URGENCY],
        ticks=scale.ticks(),
        lanes=[(host, *lane(host, scale)) for host in hosts if host["history"] or host["deployment"]],
        phases=(*PHASES, OTHER),
        bars=lambda entry: bars(entry, longest),
        worked=worked,
    )


def worked(entry: dict[str, Any]) -> float:
    """Seconds that a deployment took, without those spent waiting for a human."""
    seconds: dict[str, float] = entry["seconds"]
    return sum(lasted for phase, lasted in seconds.items() if phase not in figures.WAITING)


def bars(entry: dict[str, Any], longest: float) -> list[tuple[str, float, float]]:
    """``(phase, seconds, percent of the longest deployment)`` of each phase that took time."""
    found: dict[str, float] = {}
    for phase, seconds in entry["seconds"].items():
        if phase not in figures.WAITING:
            name = phase if phase in PHASES else OTHER
            found[name] = found.get(name, 0.0) + seconds
    order = [phase for phase in (*PHASES, OTHER) if found.get(phase)]
    return [(phase, found[phase], round(found[phase] / longest * 100, 2)) for phase in order]
