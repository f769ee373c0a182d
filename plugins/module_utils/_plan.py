# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What a deployment is going to do, as lines for people. Pure; the phases are those of the role."""

from __future__ import annotations


def plan(app, live, candidate, services, facts):
    """The plan of a deployment.

    :param live: the live color, or ``""`` on the first deployment.
    :param candidate: the color that becomes live.
    :param services: for each role, the services.
    :param facts: ``projects`` (by color), ``release``, ``reasons`` (half sentences), ``fetch`` (what is done to get the
        images), ``leftover`` (whether the idle broker may hold tasks), ``stop_timeout`` (seconds or ``None``),
        ``health_url``, ``nginx_file``, ``old_color`` (removed or stopped).
    :returns: a list of lines, each begins with the phase.
    """
    old, new = facts["projects"].get(live, ""), facts["projects"][candidate]
    workers = ", ".join(services["workers"])
    first = [*services["support"], *services["init"], *services["web"]]
    lines = [("plan", f"{app}: {candidate} becomes live ({'; '.join(facts['reasons'])})")]
    if facts["fetch"]:
        if facts["leftover"]:
            lines.append(("fetch", f"tasks that the broker of {new} still holds move to {old}"))
        lines.append(("fetch", f"{facts['fetch']}; create {', '.join(first + services['workers'])} of {new}, start none"))
    if live and workers:
        limit = "its stop_grace_period, else 60 s" if facts["stop_timeout"] is None else f"{facts['stop_timeout']} s"
        lines.append(
            ("stop_workers", f"{workers} of {old} finish what they run (up to {limit}) and are stopped, not removed")
        )
    lines.append(("start_candidate", f"start {', '.join(first)} of {new}"))
    lines.append(("health", f"wait until {facts['health_url']} answers"))
    lines.append(("cutover", f"point Nginx at {candidate} in {facts['nginx_file']}, reload, prove it"))
    if live and workers:
        lines.append(("handover", f"tasks that wait in {old} move to {new}"))
    if workers:
        lines.append(("start_workers", f"start {workers} of {new}"))
    if live:
        lines.append(("settle", f"requests that {old} still answers end"))
        end = "remove" if facts["old_color"] == "removed" else "stop and keep"
        lines.append(("finish", f"after approval, {end} {old}"))
    return [f"{phase}: {text}" for phase, text in lines]
