# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one look into the machine shows, and what is wrong with it. Pure, but for the command that looks."""

from __future__ import annotations

import json
import re
from typing import NamedTuple, Optional

APP = "shop"
STATE = f"/var/lib/bluegreen/{APP}"
PORTS = {"18001": "blue", "18002": "green"}
EACH = ("web", "redis", "worker", "beat")
CELERY = ("worker", "beat")
_MARK = "=====:"

# One login and a few processes, because each costs a second there.
COMMAND = f"""
cat /etc/nginx/conf.d/bluegreen-{APP}.conf
echo {_MARK}
docker ps --all --filter label=com.docker.compose.service --format \
'{{{{.Label "com.docker.compose.project"}}}} {{{{.Label "com.docker.compose.service"}}}} {{{{.State}}}} {{{{.ID}}}}'
echo {_MARK}
cat {STATE}/deployment.json 2>/dev/null
echo {_MARK}
tail -n 1 {STATE}/history.jsonl 2>/dev/null
echo {_MARK}
cat /proc/uptime
"""


class Answer(NamedTuple):
    """Who answers at the machine's port 80."""

    status: int
    color: str = ""
    release: str = ""


class Look(NamedTuple):
    color: str  # that Nginx's file names; empty for none
    containers: dict  # (color, service): list of states
    journal: Optional[dict]
    last: Optional[dict]  # line of the history
    uptime: float


def parse(text):
    """A :class:`Look`, from what COMMAND printed.

    :raises ValueError: it did not print all of it, because the machine was not so far.
    """
    parts = text.split(f"{_MARK}\n")
    if len(parts) != 5:
        raise ValueError(f"The machine showed {len(parts)} of 5 parts: {text[-200:]!r}")
    upstream, containers, journal, last, uptime = parts
    ports = re.findall(r"^\s*server\s+127\.0\.0\.1:(\d+);", upstream, re.MULTILINE)
    found = {}
    for line in containers.splitlines():
        project, service, state, _id = line.split()
        found.setdefault((project.removeprefix(f"{APP}-"), service), []).append(state)
    return Look(
        color=PORTS.get(ports[0], "") if len(ports) == 1 else "",
        containers=found,
        journal=json.loads(journal) if journal.strip() else None,
        last=json.loads(last) if last.strip() else None,
        uptime=float(uptime.split()[0]),
    )


def pending(look):
    return look.journal is not None and look.journal["step"] == "awaiting_approval"


def faults(look, answer):
    """What keeps the machine from being whole on one color, a sentence each; none if it is."""
    if not look.color:
        return ["Nginx's file names no color."]
    other = "green" if look.color == "blue" else "blue"
    wrong = [
        f"Of {look.color}, which is live, {running} {service} run instead of one."
        for service in EACH
        if (running := _running(look, look.color, service)) != 1
    ]
    wrong += [
        f"Of {other}, which is not live, a {service} runs." for service in CELERY if _running(look, other, service)
    ]
    if pending(look):
        wrong += [
            f"Approval is pending, and the {service} of {other} does not run."
            for service in ("web", "redis")
            if not _running(look, other, service)
        ]
    elif look.journal is not None:
        wrong.append(f"A deployment is open, in step {look.journal['step']}.")
    elif _running(look, other, "web"):
        wrong.append(f"No deployment is open, and the web of {other} runs.")
    if (answer.status, answer.color) != (200, look.color):
        wrong.append(f"{answer.color or 'nobody'} answers with {answer.status}, and Nginx's file names {look.color}.")
    return wrong


def _running(look, color, service):
    return look.containers.get((color, service), []).count("running")
