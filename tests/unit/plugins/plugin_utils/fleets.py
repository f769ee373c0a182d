# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet as bg_info shows it, for tests: whole hosts, one of each kind that is not, and one that lies."""

from __future__ import annotations

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._fleet import fleet

AT = "2026-11-25T20:15:00Z"
GIB = 1024**3
HOSTILE = "<script>alert('x')</script><img src=http://127.0.0.1:9/ onerror=alert(1)>\"'&amp;{{ 7 * 7 }}\x1b[31m\n"
UNBROKEN = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" * 2


def container(color, service, role, status="running", health="", policy="unless-stopped", release="1.4.2"):
    return {
        "id": "5d2e3c0a91bb",
        "name": f"shop-{color}-{service}-1",
        "service": service,
        "role": role,
        "status": status,
        "health": health,
        "image": "redis:8" if service == "redis" else f"registry.example.org/shop:{release}",
        "started_at": "2026-11-20T09:15:20Z",
        "restart_policy": policy,
    }


def color(name, release, status="running", **changes):
    containers = [
        container(name, "redis", "support", status),
        container(name, "web", "web", status, "healthy" if status == "running" else "", release=release),
        container(name, "worker", "workers", status, release=release),
        container(name, "beat", "workers", status, release=release),
    ]
    health = "running" if status == "running" else "stopped"
    return {"release": release, "health": health, "containers": containers, "missing": [], **changes}


def absent(name):
    return color(name, "", containers=[], health="absent")


def of(info, service, name="green"):
    """A container of a host."""
    return next(each for each in info["colors"][name]["containers"] if each["service"] == service)


def ended(day, release, to, result="committed", reason="", **changes):
    return {
        "id": f"202611{day:02}T091502Z-77ab01",
        "who": "ada@laptop",
        "release": release,
        "release_from": "1.4.0",
        "from": "green" if to == "blue" else "blue",
        "to": to,
        "result": result,
        "reason": reason,
        "started": f"2026-11-{day:02}T09:15:02Z",
        "ended": f"2026-11-{day:02}T09:16:38Z",
        "live_at": f"2026-11-{day:02}T09:15:30Z",
        "took": 95.8,
        "waited": 61.0,
        "seconds": {
            "open": 0.9,
            "fetch": 14.2,
            "stop_workers": 1.8,
            "start_candidate": 1.1,
            "health": 3.4,
            "cutover": 0.7,
            "handover": 0.4,
            "start_workers": 2.6,
            "settle": 0.8,
            "awaiting_approval": 61.0,
            "finish": 1.9,
            "between_runs": 7.0,
        },
        "tasks_moved": 12,
        "worker_gap": 9.7,
        "memory": {"before": 188743680, "peak": 267386880},
        **changes,
    }


def whole(release="1.4.2", **changes):
    """What bg_info returns of a host in order: green is live."""
    return {
        "app": "shop",
        "live": "green",
        "idle": "blue",
        "release": release,
        "since": "2026-11-20T09:15:24Z",
        "colors": {"blue": absent("blue"), "green": color("green", release)},
        "queues": {"blue": None, "green": {"celery": 3}},
        "held": {"blue": None, "green": {}},
        "deployment": None,
        "history": [ended(3, "1.4.0", "green"), ended(12, "1.4.1", "blue"), ended(20, release, "green")],
        "resources": {
            "memory": {"total": GIB, "available": 584 * 1024**2},
            "disk": {"path": "/var/lib/docker", "total": 29 * GIB, "available": 21 * GIB},
        },
        "problems": [],
        "summary": [f"shop: green is live with release {release}.", "green (shop-green): beat running, redis running."],
        **changes,
    }


def deployment(step="awaiting_approval", **changes):
    return {
        "id": "20261125T170739Z-4f2a9c",
        "who": "ada@laptop",
        "since": "2026-11-25T17:07:39Z",
        "step": step,
        "release": "1.5.0",
        "from": "blue",
        "to": "green",
        "going_back": False,
        "result": "",
        "reason": "",
        "held_by": [],
        "old_web": "running",
        "progress": None,
        "owner_alive": step != "awaiting_approval",
        **changes,
    }


def awaiting():
    """Release 1.5.0 is live and awaits approval; the old color's web still runs."""
    info = whole("1.5.0", deployment=deployment(), since="2026-11-25T17:08:02Z")
    info["history"] = [
        ended(3, "1.4.0", "green"),
        ended(12, "1.4.1", "green", "failed", "Nginx did not reload."),
        ended(20, "1.4.2", "blue"),
    ]
    info["colors"]["blue"] = color("blue", "1.4.2")
    for service in ("worker", "beat"):
        of(info, service, "blue").update(status="exited", restart_policy="no")
    return info


def broken():
    info = whole("1.4.1", since="2026-11-12T09:15:24Z")
    of(info, "worker").update(status="restarting")
    info["colors"]["green"]["health"] = "unhealthy"
    of(info, "web")["health"] = "unhealthy"
    info["resources"]["disk"]["available"] = GIB
    info["held"]["green"] = {"shop.new_task": 2}
    info["queues"]["green"] = {"celery": 4121, "held": 2}
    info["history"] = [
        ended(3, "1.4.0", "blue"),
        ended(12, "1.4.1", "green"),
        ended(20, "1.4.2", "blue", "rolled_back", "shop-blue-web-1 exited with code 1 before it was healthy."),
    ]
    return info


def hostile():
    """Each text of it wants to be markup, to leave the page's width, or to take over the terminal."""
    info = whole(HOSTILE)
    info["colors"]["green"]["containers"][0].update(service=HOSTILE, image=UNBROKEN, status=HOSTILE)
    entry = ended(20, HOSTILE, HOSTILE, HOSTILE, HOSTILE, who=HOSTILE, id=HOSTILE)
    entry["seconds"] = {HOSTILE: 3.0, "fetch": 2.0}
    info["history"].append(entry)
    info["problems"] = [HOSTILE, UNBROKEN]
    return info


UNREACHABLE = {
    "unreachable": True,
    "changed": False,
    "msg": "Task failed: Failed to connect to the host via ssh: "
    "ssh: connect to host pi-5.lan port 22: No route to host",
}
FAILED = {"msg": "The Docker Engine at unix:///var/run/docker.sock does not answer: start it.", "failed": False}


def empty():
    colors = {name: absent(name) for name in ("blue", "green")}
    return whole("", live="", idle="", since="", history=[], colors=colors)


def looks():
    """``(host, app, result)`` of nine hosts."""
    return [
        ("pi-1.lan", "shop", whole()),
        ("pi-2.lan", "shop", whole()),
        ("pi-3.lan", "shop", awaiting()),
        ("pi-4.lan", "shop", broken()),
        ("pi-5.lan", "shop", UNREACHABLE),
        ("pi-6.lan", "shop", FAILED),
        ("a-host-with-a-name-that-nobody-wants-to-type-twice.building-7.example.org", "shop", whole(UNBROKEN)),
        ("empty.lan", "shop", empty()),
        ("pi-9.lan", "shop", hostile()),
    ]


def report():
    return fleet(looks(), AT)
