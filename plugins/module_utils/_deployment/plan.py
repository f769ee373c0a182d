# Copyright (c) 2026, smallfleet.bluegreen contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""What a deployment is going to do, as lines for people. Pure; the phases are those of the role."""

from __future__ import annotations

_WHERE = {"color": "each color has its own", "shared": "one for both colors", "none": "no tasks wait"}


def plan(app, live, candidate, services, facts):
    """The plan of a deployment.

    :param live: the live color, or ``""`` on the first deployment.
    :param candidate: the color that becomes live.
    :param services: for each role, the services.
    :param facts: ``projects`` (by color), ``release``, ``reasons`` (half sentences), ``fetch`` (what is done to get the
        images), ``leftover`` (whether the idle broker may hold tasks), ``stop_timeout`` (seconds or ``None``),
        ``init_before_stop`` (init services that run while the old workers do) and ``init_reason``,
        ``strategy`` (stop or throttle) and ``strategy_reason``, ``old_web`` (running or stopped) and ``old_web_reason``,
        ``memory`` (a :class:`_memory_budget.Need` for each phase that has one), ``broker`` (its mode) and ``broker_reason``,
        ``health_url``, ``nginx_file``, ``old_color`` (removed or stopped).
    :returns: a list of lines, each begins with the phase.
    """
    old, new = facts["projects"].get(live, ""), facts["projects"][candidate]
    workers = ", ".join(services["workers"])
    first = [*services["support"], *services["init"], *services["web"]]
    throttled = facts["strategy"] == "throttle"
    lines = [("plan", f"{app}: {candidate} becomes live ({'; '.join(facts['reasons'])})")]
    lines.append(("plan", f"broker {facts['broker']}, {_WHERE[facts['broker']]}: {facts['broker_reason']}"))
    if facts["strategy_reason"]:
        lines.append(("plan", f"worker strategy: {facts['strategy_reason']}"))
    if facts["old_web_reason"]:
        lines.append(("plan", f"old web: {facts['old_web_reason']}"))
    if facts["init_reason"]:
        lines.append(("plan", f"init after the stop: {facts['init_reason']}"))
    if facts["fetch"]:
        if facts["leftover"]:
            lines.append(("fetch", f"tasks that the broker of {new} still holds move to {old}"))
        lines.append(("fetch", f"{facts['fetch']}; create {', '.join(first + services['workers'])} of {new}, start none"))
    early = ", ".join(facts["init_before_stop"])
    if early:
        lines.append(("before_stop", f"{_starting(services['support'])}run {early} of {new} while {workers} of {old} work"))
        first = [name for name in services["init"] if name not in facts["init_before_stop"]] + services["web"]
    limit = "its stop_grace_period, else 60 s" if facts["stop_timeout"] is None else f"{facts['stop_timeout']} s"
    end = f"{workers} of {old} finish what they run (up to {limit}) and are stopped, not removed"
    if live and workers:
        slow = f"give {workers} of {old} CPU weight 2; they go on until the new ones work"
        lines.append(("stop_workers", slow if throttled else end))
    lines.append(("start_candidate", f"start {', '.join(first)} of {new}"))
    lines.append(("health", f"wait until {facts['health_url']} answers"))
    lines.append(("cutover", f"point Nginx at {candidate} in {facts['nginx_file']}, reload, prove it"))
    if live and facts["broker"] == "color":
        lines.append(("handover", f"tasks that wait in {old} move to {new}"))
    if facts["old_web"] == "stopped":
        lines.append(
            (
                "start_workers" if workers else "settle",
                f"requests that {old} still answers end, then its web stops until the approval",
            )
        )
    if workers:
        again = f"; once they take tasks, {end}; beat changes over last" if live and throttled else ""
        lines.append(("start_workers", f"start {workers} of {new}{again}"))
    if live and facts["old_web"] != "stopped":
        lines.append(("settle", f"requests that {old} still answers end"))
    if live:
        end = "remove" if facts["old_color"] == "removed" else "stop and keep"
        lines.append(("finish", f"after approval, {end} {old}"))
    return [f"{phase}: {text}" for phase, text in _with_memory(lines, facts["memory"])]


def _starting(support):
    return f"start {', '.join(support)}, then " if support else ""


def _with_memory(lines, needs):
    """The lines, each phase followed by what it needs of the memory."""
    found = list(lines)
    for need in needs:
        last = max((at for at, (phase, dummy) in enumerate(found) if phase == need.phase), default=None)
        if last is not None:
            found.insert(last + 1, (need.phase, need.line))
    return found
