# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of a cell: whether the host is whole, and what visitors and tasks went through. All pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Optional

import ledger
from load import Record
from matrix import AWAITING, COMMITTED, ROLLED_BACK

PORTS = {"blue": "127.0.0.1:18001", "green": "127.0.0.1:18002"}
OTHER = {"blue": "green", "green": "blue"}
# What the program on the host (agent.py) tells of it, and of each container.
Look = dict[str, Any]
Container = dict[str, str]


class App(NamedTuple):
    """Services of an app; of the demo's, where nothing else is said."""

    services: tuple[str, ...] = ("redis", "web", "worker", "beat")  # what runs of the color that is live
    webs: tuple[str, ...] = ("web",)
    stores: tuple[str, ...] = ("redis",)  # what keeps tasks
    ignored: tuple[str, ...] = ()  # nobody's business
    ports: dict[str, str] = PORTS
    policies: Mapping[str, str] = {}  # restart policies other than USUAL_POLICY


DEMO = App()
USUAL_POLICY = "unless-stopped"
# So many answers in a row, over so many seconds, say that what was down is back. On a busy machine the load comes in
# bursts, and within one of them the first answers and the last refusals may cross.
BACK_AFTER = 20
BACK_FOR = 1.0
# What a boot, a start of Docker or the guard's look at a web may take from then on; what is down longer counts as failed.
BACK_WITHIN = 45.0


# -- the host -------------------------------------------------------------------------------------


def whats_missing(look: Look, app: App = DEMO) -> list[str]:
    """Why the host is not whole, a sentence each; none when it is."""
    color = look["answer"].get("color")
    if look["containers"] is None:
        return ["Docker does not answer"]
    if look["answer"]["status"] != 200 or color not in app.ports:
        return [f"visitors get {look['answer']['status'] or look['answer'].get('error')}"]
    missing = []
    if look["servers"] != [app.ports[color]]:
        missing.append(f"{color} answers, and Nginx's file names {', '.join(look['servers']) or 'nobody'}")
    journal = look["journal"]
    pending = (
        bool(journal)
        and journal.get("step") == "awaiting_approval"
        and journal.get("done")
        and not (journal["result"] or journal["rolling_back"])
    )
    if journal and not pending:
        missing.append("a deployment is open: " + ", ".join(f"{key} {value}" for key, value in journal.items() if value))
    if not journal and look["journals"]:
        missing.append(f"{', '.join(look['journals'])} was left behind")
    missing += _of_live(look["containers"], color, app)
    # An old web that does not fit into memory beside the new workers is started again by the way back.
    webs = () if journal.get("old_web") == "stopped" else app.webs
    missing += _of_other(look["containers"], OTHER[color], app, webs + app.stores if pending else ())
    if not pending:
        missing += [] if look["lock_is_free"] else ["the lock is held"]
        armed = [unit for unit, state in look["units"].items() if unit.endswith(".timer") and state == "waiting"]
        missing += [f"{unit} is armed" for unit in armed]
    missing += [f"{unit} failed" for unit, state in look["units"].items() if state == "failed"]
    return missing


def _of_live(containers: Sequence[Container], color: str, app: App) -> list[str]:
    missing = []
    for service in app.services:
        own = [each for each in containers if (each["color"], each["service"]) == (color, service)]
        if [each["status"] for each in own] != ["running"]:
            missing.append(f"{service} of {color} is {', '.join(each['status'] for each in own) or 'gone'}")
        elif own[0]["policy"] != app.policies.get(service, USUAL_POLICY):
            missing.append(f"{service} of {color} has the restart policy {own[0]['policy']}")
    return missing


def _of_other(containers: Sequence[Container], color: str, app: App, needed: Collection[str]) -> list[str]:
    missing = []
    for each in containers:
        if each["color"] != color or each["service"] in app.ignored:
            continue
        up = each["status"] in ("running", "restarting", "paused")
        if each["service"] in needed:
            if not up:
                missing.append(f"{each['service']} of {color} is {each['status']}, and the way back needs it")
        # A Redis that still holds tasks may stay, with its policy; whether any were lost, the ledger tells.
        elif each["service"] not in app.stores:
            if up:
                missing.append(f"{each['service']} of {color} is {each['status']} too")
            elif each["status"] != "created" and each["policy"] not in ("no", ""):
                missing.append(f"{each['service']} of {color} would come back at a boot ({each['policy']})")
    return missing


def end_of(look: Look, live: str) -> str:
    """How the deployment ended on a host that is whole.

    :param live: the color that was live before it.
    """
    if look["journal"]:
        return AWAITING
    return ROLLED_BACK if look["answer"]["color"] == live else COMMITTED


def strangers(before: Look, look: Look, live: str, services: Collection[str] = DEMO.services) -> list[str]:
    """What of the old color is not the same container as before it, where it is live again."""
    known = {each["id"] for each in before["containers"] if each["color"] == live}
    now = [each for each in look["containers"] if each["color"] == live and each["service"] in services]
    return sorted(each["service"] for each in now if each["id"] not in known)


def beats_at_once(looks: Iterable[Look]) -> int:
    """The most beats that were seen running at the same time."""
    counts = [
        sum(each["service"] == "beat" and each["status"] == "running" for each in look["containers"] or ()) for look in looks
    ]
    return max(counts, default=0)


class Streak:
    """Since when the host is whole without a break; fed with one look after the other."""

    def __init__(self) -> None:
        self.since: Optional[float] = None
        self.last: Look = {}
        self.missing = ["nobody looked yet"]

    def add(self, look: Look) -> None:
        self.missing = whats_missing(look)
        self.last = look
        if self.missing:
            self.since = None
        elif self.since is None:
            self.since = look["t"]

    def seconds(self) -> float:
        return 0.0 if self.since is None else float(self.last["t"]) - self.since


# -- requests -------------------------------------------------------------------------------------


def back_at(records: Iterable[Record], restored: float) -> Optional[float]:
    """When everything was answered again after `restored`; None when that never was."""
    later = sorted((record for record in records if record.t >= restored), key=lambda record: record.t)
    streak: list[float] = []
    for record in later:
        streak = [] if record.failed else [*streak, record.t]
        if len(streak) >= BACK_AFTER and streak[-1] - streak[0] >= BACK_FOR:
            return streak[0]
    return None


def count_requests(records: Sequence[Record], struck: float, restored: float, down: bool) -> dict[str, Any]:
    """Requests, those that failed, and those that failed because the fault itself took down what serves.

    :param down: whether it did.
    """
    failed = [record for record in records if record.failed]
    back = back_at(records, restored) if down else None
    latest = restored + BACK_WITHIN
    until = latest if back is None else min(back, latest)
    allowed = [
        record for record in failed if down and record.t + record.ms / 1000 >= struck and record.t < until
    ]
    counted = [record for record in failed if record not in allowed]
    return {
        "requests": len(records),
        "failed": len(counted),
        "failed_while_down": len(allowed),
        "down_seconds": round(until - struck, 1) if allowed else 0.0,
        "retried": sum(record.retried for record in records),
        "failures": [f"{record.method} {record.path} at {record.t - struck:+.1f} s: {record.error or record.status}"
                     for record in counted[:5]],
    }


# -- tasks ----------------------------------------------------------------------------------------


def count_tasks(
    events: Sequence[dict[str, Any]], killed: bool, redelivered: bool, in_hand: Collection[str] = ()
) -> dict[str, Any]:
    """Tasks that were accepted, lost and doubled.

    :param killed: whether the fault kills workers: what they ran with early acknowledgement is gone then, counted apart.
    :param in_hand: tasks that a killed worker had taken and not noted yet, counted apart as well.
    :param redelivered: whether Celery may be given a task twice, counted apart as well.
    """
    counts = ledger.count(events)
    started = {event["id"] for event in events if event["event"] == "started"}
    running = [task for task in counts.lost if killed and task in started]
    taken = [task for task in counts.lost if task in in_hand and task not in running]
    lost = [task for task in counts.lost if task not in running and task not in taken]
    again = counts.doubled if killed or redelivered else []
    return {
        "accepted": counts.accepted,
        "lost": len(lost),
        "lost_running": len(running),
        "lost_in_hand": len(taken),
        "doubled": len(counts.doubled) - len(again),
        "doubled_by_celery": len(again),
        "lost_ids": lost[:5],
    }
