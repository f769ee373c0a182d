# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""Whether a host is healthy, judged by the result of bg_info. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

HEALTHY, IN_PROGRESS, DEGRADED = "healthy", "in_progress", "degraded"

# The exit code of the playbook status is the highest one of its hosts.
EXIT_CODES = {HEALTHY: 0, IN_PROGRESS: 3, DEGRADED: 4}

# Init services have ended, so they need not run.
LASTING = ("web", "support", "workers")


# The result of bg_info on a host, and the open deployment in it: JSON, of the version that the host has.
Info = Dict[str, Any]
Deployment = Optional[Dict[str, Any]]


class Verdict(NamedTuple):
    """One of the states of :data:`EXIT_CODES`, and the reasons, in a few words each."""

    state: str
    reasons: List[str]


def judge(info: Info) -> Verdict:
    """The verdict on a host.

    :param info: the registered result of bg_info: of a task that succeeded, failed, or did not reach the host; empty if
        the host had failed before that task.
    """
    if info.get("unreachable"):
        return Verdict(DEGRADED, [_error_of(info) or "it does not answer"])
    if "live" not in info:
        return Verdict(DEGRADED, [_error_of(info) or "its state could not be read; the error is shown above"])
    degraded = [*info["problems"], *_served(info), *_failed(info)]
    if not _under_way(info["deployment"]):
        degraded += [*_not_running(info), *_policies(info), *_two_sets(info)]
    opened = _opened(info["deployment"])
    if degraded:
        return Verdict(DEGRADED, degraded + opened)
    if opened:
        return Verdict(IN_PROGRESS, opened)
    return Verdict(HEALTHY, [] if info["live"] else ["nothing is deployed"])


def _error_of(info: Info) -> str:
    # Some versions of ansible-core begin with this needless text.
    return (info.get("msg") or "").removeprefix("Task failed: ")


def _under_way(deployment: Deployment) -> bool:
    """Whether a deployment is changing the containers right now; one that awaits approval is not."""
    if not deployment:
        return False
    return bool(deployment["step"] != "awaiting_approval" or deployment["going_back"])


def _served(info: Info) -> list[str]:
    live = info["live"]
    if live:
        health = info["colors"][live]["health"]
        # A web without containers is reported as missing.
        return [f"the web of {live} is {health}"] if health in ("stopped", "unhealthy") else []
    there = [name for name, color in info["colors"].items() if color["containers"]]
    if there and not _under_way(info["deployment"]):
        return [f"no color is live, while there are containers of {' and '.join(there)}"]
    return []


def _failed(info: Info) -> list[str]:
    deployment, history = info["deployment"], info["history"]
    if deployment:
        failed = deployment if deployment["result"] == "failed" else None
    else:
        failed = history[-1] if history and history[-1]["result"] == "failed" else None
    if not failed:
        return []
    return [f"the last deployment failed and needs attention: {failed['reason'] or 'no reason was recorded'}"]


def _not_running(info: Info) -> list[str]:
    live = info["live"]
    if not live:
        return []
    color = info["colors"][live]
    found = [f"{live} has no {each['service']}" for each in color["missing"]]
    for container in color["containers"]:
        # The web is reported by the color's health.
        if container["role"] in ("support", "workers"):
            state = container["status"] if container["status"] != "running" else container["health"]
            if container.get("without_celery"):
                found.append(f"{container['name']} runs, but no Celery in it (docker restart {container['name']})")
            elif state not in ("", "healthy", "starting"):
                found.append(f"{container['service']} of {live} is {state}")
    return found


def _policies(info: Info) -> list[str]:
    live = info["live"]
    if not live:
        return []
    services = sorted(
        {
            container["service"]
            for container in info["colors"][live]["containers"]
            if container["role"] in LASTING and container["restart_policy"] == "no"
        }
    )
    return [f"{', '.join(services)} of {live} would not start after a boot: no restart policy"] if services else []


def _two_sets(info: Info) -> list[str]:
    live, idle = info["live"], info["idle"]
    if not live or not _running_workers(info, live):
        return []
    # A worker without a restart policy only finishes its last tasks while approval is pending.
    extra = [
        container["service"]
        for container in _running_workers(info, idle)
        if not info["deployment"] or container["restart_policy"] != "no"
    ]
    return [f"workers of both colors run: {', '.join(extra)} of {idle} beside those of {live}"] if extra else []


def _running_workers(info: Info, color: str) -> list[dict[str, Any]]:
    return [
        container
        for container in info["colors"][color]["containers"]
        if container["role"] == "workers" and container["status"] == "running" and not container.get("without_celery")
    ]


def _opened(deployment: Deployment) -> list[str]:
    if not deployment:
        return []
    release = f"release {deployment['release'] or '(none)'} by {deployment['who']}"
    if not _under_way(deployment):
        # An earlier release of the collection on a host does not return this key.
        why = deployment.get("not_taken_back")
        past = f", after its timeout; not rolled back, because {why}" if why else ""
        return [f"{release} awaits approval since {deployment['since']}{past}"]
    going = "is being rolled back" if deployment["going_back"] else f"is in step {deployment['step']}"
    alone = "" if deployment["owner_alive"] or deployment["going_back"] else ", and its controller is gone"
    moved = ", {moved} of {of} tasks moved".format(**deployment["progress"]) if deployment["progress"] else ""
    return [f"{release} {going} since {deployment['since']}{moved}{alone}"]
