# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The fleet as the table, the JSON and the page show it, from what bg_info returned of each host. Pure.

What hosts say is not trusted: texts become short lines without control characters, figures become numbers, and a host
whose answer has another shape is wrong instead of the end of the report.
"""

from __future__ import annotations

import math

from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._verdict import EXIT_CODES, WRONG, judge

# Of the report itself: raised when a key goes or changes its meaning.
VERSION = 1
LONGEST = 400


def fleet(looks, at):
    """The report.

    :param looks: ``(host, app, result of bg_info)`` of each host.
    :param at: when they were taken, as a timestamp.
    """
    hosts = [_host(*look) for look in looks]
    return {
        "version": VERSION,
        "at": at,
        "exit_code": max((EXIT_CODES[host["verdict"]] for host in hosts), default=0),
        "counts": {state: sum(host["verdict"] == state for host in hosts) for state in EXIT_CODES},
        "hosts": hosts,
    }


def _host(name, app, info):
    shown = {"host": text(name), "app": text(app), "unreachable": bool(info.get("unreachable"))}
    try:
        verdict = judge(info)
        shown.update(verdict=verdict.state, reasons=[text(reason).rstrip(".") for reason in verdict.reasons])
        return {**shown, **(_facts(info) if "live" in info else _NO_FACTS)}
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        told = f"its answer cannot be understood ({type(error).__name__}: {error}): was its bg_info of this release?"
        return {**shown, "verdict": WRONG, "reasons": [text(told)], **_NO_FACTS}


def _facts(info):
    live, history = text(info["live"]), [_ended(entry) for entry in info["history"]]
    color = info["colors"][live] if live else {"containers": [], "missing": []}
    queues = info["queues"][live] if live else None
    held = sum(map(_whole, (info["held"][live] or {}).values())) if live else 0
    return {
        "live": live,
        "release": text(info["release"]),
        "since": text(info["since"]),
        "workers": _workers(color) if live else None,
        "queue": None if queues is None else max(sum(map(_whole, queues.values())) - held, 0),
        "held": held,
        "deployment": _open(info["deployment"]) if info["deployment"] else None,
        "last": history[-1] if history else None,
        "memory": _room(info["resources"]["memory"]),
        "disk": _room(info["resources"]["disk"]),
        "containers": [
            {**{key: text(container[key]) for key in _CONTAINER}, "color": text(name)}
            for name, each in info["colors"].items()
            for container in each["containers"]
        ],
        "history": history,
        "summary": [text(line) for line in info["summary"]],
    }


_CONTAINER = ("name", "service", "role", "status", "health", "image", "restart_policy")
_DEPLOYMENT = ("id", "who", "release", "from", "to", "result", "reason")
_NO_FACTS = {
    **dict.fromkeys(("live", "release", "since"), ""),
    **dict.fromkeys(("workers", "queue", "deployment", "last", "memory", "disk")),
    "held": 0,
    **{key: [] for key in ("containers", "history", "summary")},
}


def _workers(color):
    """How many work of those that there should be; a service without a container counts as one."""
    workers = [each for each in color["containers"] if each["role"] == "workers"]
    running = [each for each in workers if each["status"] == "running" and not each.get("without_celery")]
    missing = sum(each["role"] == "workers" for each in color["missing"])
    return {"running": len(running), "of": len(workers) + missing}


def _open(deployment):
    shown = {key: text(deployment[key]) for key in (*_DEPLOYMENT, "since", "step")}
    return {**shown, "owner_alive": bool(deployment["owner_alive"]), "going_back": bool(deployment["going_back"])}


def _ended(entry):
    """A deployment of the history; entries of earlier versions lack some of it."""
    shown = {key: text(entry.get(key) or "") for key in (*_DEPLOYMENT, "started", "live_at", "ended")}
    memory = entry.get("memory") or {}
    return {
        **shown,
        **{key: None if entry.get(key) is None else _number(entry[key]) for key in ("took", "waited", "worker_gap")},
        "seconds": {text(phase): _number(seconds) for phase, seconds in (entry.get("seconds") or {}).items()},
        "tasks_moved": _whole(entry.get("tasks_moved") or 0),
        "memory_peak": _whole(memory["peak"]) if "peak" in memory else None,
    }


def _room(given):
    total = _whole(given["total"])
    return {"total": total, "available": min(_whole(given["available"]), total)}


def text(value):
    """One line that a terminal and a page can show, of a sane length."""
    line = " ".join("".join(each if each.isprintable() else " " for each in str(value)).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _number(value):
    number = float(value)
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{value} is no figure")
    return number


def _whole(value):
    return int(_number(value))
