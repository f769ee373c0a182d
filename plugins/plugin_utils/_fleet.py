# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The report that table, JSON and page show, made of the results of bg_info. Pure.

Answers of hosts are not trusted: texts become short lines without control characters, figures become numbers, and an
answer of another shape makes its host degraded instead of failing the report.
"""

from __future__ import annotations

import math
from typing import Any, Iterable

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.schema import LONGEST_REASON
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._next_steps import next_steps
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._verdict import DEGRADED, EXIT_CODES, judge

# Of the report itself: raised when a key is removed or changes its meaning.
VERSION = 1
LONGEST = 400


def fleet(looks: Iterable[tuple[str, str, dict[str, Any]]], at: str) -> dict[str, Any]:
    """The report.

    :param looks: ``(host, app, result of bg_info)`` of each host.
    :param at: the time of the report, as a timestamp.
    :returns: JSON: ``version``, ``at``, ``exit_code``, ``counts`` of each state, and ``hosts``, a dict each.
    """
    hosts = [_host(*look) for look in looks]
    return {
        "version": VERSION,
        "at": at,
        "exit_code": max((EXIT_CODES[host["verdict"]] for host in hosts), default=0),
        "counts": {state: sum(host["verdict"] == state for host in hosts) for state in EXIT_CODES},
        "hosts": hosts,
    }


def _host(name: str, app: str, info: dict[str, Any]) -> dict[str, Any]:
    shown = _state(name, app, info)
    return {**shown, "next": next_steps(shown)}


def _state(name: str, app: str, info: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"host": text(name), "app": text(app), "unreachable": bool(info.get("unreachable"))}
    try:
        verdict = judge(info)
        shown.update(verdict=verdict.state, reasons=[reason_text(reason).rstrip(".") for reason in verdict.reasons])
        return {**shown, **(_facts(info) if "live" in info else _NO_FACTS)}
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        told = f"its answer has an unknown shape ({type(error).__name__}: {error}): does it run this release's bg_info?"
        return {**shown, "verdict": DEGRADED, "reasons": [text(told)], **_NO_FACTS}


def _facts(info: dict[str, Any]) -> dict[str, Any]:
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
_NO_FACTS: dict[str, Any] = {
    **dict.fromkeys(("live", "release", "since"), ""),
    **dict.fromkeys(("workers", "queue", "deployment", "last", "memory", "disk")),
    "held": 0,
    **{key: [] for key in ("containers", "history", "summary")},
}


def _workers(color: dict[str, Any]) -> dict[str, int]:
    """How many workers run (``running``), and how many should (``of``); a service without a container counts as one."""
    workers = [each for each in color["containers"] if each["role"] == "workers"]
    running = [each for each in workers if each["status"] == "running" and not each.get("without_celery")]
    missing = sum(each["role"] == "workers" for each in color["missing"])
    return {"running": len(running), "of": len(workers) + missing}


def _open(deployment: dict[str, Any]) -> dict[str, Any]:
    shown = {key: text(deployment[key]) for key in (*_DEPLOYMENT, "since", "step")}
    shown["reason"] = reason_text(deployment["reason"])
    return {**shown, "owner_alive": bool(deployment["owner_alive"]), "going_back": bool(deployment["going_back"])}


def _ended(entry: dict[str, Any]) -> dict[str, Any]:
    """A deployment of the history, which need not have every key."""
    shown = {key: text(entry.get(key) or "") for key in (*_DEPLOYMENT, "approved_by", "started", "live_at", "ended")}
    shown["reason"] = reason_text(entry.get("reason") or "")
    memory = entry.get("memory") or {}
    return {
        **shown,
        **{key: None if entry.get(key) is None else _number(entry[key]) for key in ("took", "waited", "worker_gap")},
        "seconds": {text(phase): _number(seconds) for phase, seconds in (entry.get("seconds") or {}).items()},
        "tasks_moved": _whole(entry.get("tasks_moved") or 0),
        "memory_peak": _whole(memory["peak"]) if "peak" in memory else None,
    }


def _room(given: dict[str, Any]) -> dict[str, int]:
    total = _whole(given["total"])
    return {"total": total, "available": min(_whole(given["available"]), total)}


def reason_text(value: object) -> str:
    """A reason in full: the journal keeps no longer one."""
    # The verdict says before it what failed.
    return text(value, LONGEST_REASON + LONGEST)


def text(value: object, longest: int = LONGEST) -> str:
    """One printable line of at most so many characters."""
    line = " ".join("".join(each if each.isprintable() else " " for each in str(value)).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{value} is not a figure")
    return number


def _whole(value: Any) -> int:
    return int(_number(value))
