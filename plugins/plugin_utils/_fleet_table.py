# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
"""The fleet as lines for a terminal. Pure."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.smallfleet.bluegreen.plugins.module_utils._journal.figures import span
from ansible_collections.smallfleet.bluegreen.plugins.plugin_utils._readable import moment, size, words

# An empty cell.
NONE = "-"
# A release may be the checksum of a commit. The name of a host is never cut, so that it can be copied.
WIDEST = 24


def lines(report: dict[str, Any]) -> list[str]:
    """The table, the reasons of each host, the counts of each state, and the summary of a single host."""
    hosts = report["hosts"]
    told = [*_table(_columns(report)), ""]
    told += [f"{host['host']}: {'; '.join(host['reasons'])}." for host in hosts if host["reasons"]]
    if len(hosts) == 1:
        told += hosts[0]["summary"]
    counts = ", ".join(f"{count} {words(state)}" for state, count in report["counts"].items())
    return [*told, f"{len(hosts)} host{'' if len(hosts) == 1 else 's'}: {counts}."]


def _columns(report: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """``(header, cells)`` of each column."""
    hosts = report["hosts"]
    several = len({host["app"] for host in hosts}) > 1

    def column(header: str, cell: Callable[[dict[str, Any]], Any]) -> tuple[str, list[str]]:
        return header, [cell(host) or NONE for host in hosts]

    return [
        column("HOST", lambda host: host["host"]),
        *([column("APP", lambda host: host["app"])] if several else []),
        column("STATE", lambda host: "unreachable" if host["unreachable"] else words(host["verdict"])),
        column("LIVE", lambda host: host["live"]),
        column("RELEASE", lambda host: _cut(host["release"])),
        column("SINCE (UTC)", lambda host: moment(host["since"], report["at"])),
        column("WORKERS", lambda host: host["workers"] and "{running}/{of}".format(**host["workers"])),
        column("QUEUE", _queue),
        column("OPEN", lambda host: host["deployment"] and _cut(_open(host["deployment"]))),
        column("LAST", lambda host: host["last"] and _cut(words(host["last"]["result"]))),
        column("GAP", _gap),
        column("FREE DISK", lambda host: host["disk"] and size(host["disk"]["available"])),
        column("FREE MEMORY", lambda host: host["memory"] and size(host["memory"]["available"])),
    ]


def _table(columns: list[tuple[str, list[str]]]) -> list[str]:
    widths = [max(map(len, (header, *cells))) for header, cells in columns]
    rows = zip(*([header, *cells] for header, cells in columns))
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def _queue(host: dict[str, Any]) -> str:
    if host["queue"] is None:
        return ""
    return f"{host['queue']} +{host['held']} parked" if host["held"] else str(host["queue"])


def _open(deployment: dict[str, Any]) -> str:
    step = "approval" if deployment["step"] == "awaiting_approval" else deployment["step"]
    return f"{deployment['release'] or '(none)'} {step}"


def _gap(host: dict[str, Any]) -> str:
    return span(host["last"]["worker_gap"]) if host["last"] and host["last"]["worker_gap"] is not None else ""


def _cut(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"
