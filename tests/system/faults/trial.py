# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cell: a deployment under load, the fault in the middle of it, the wait until the host is whole, and the count."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Optional

import append_only
import evidence
import ledger
from controllers import Controller
from load import Load, Record
from matrix import AWAITING, COMMITTED, FAULTS, PHASES, ROLLED_BACK, Cell, Fault, may_end, takes_down, variables
from pi_host import RELEASES, FaultsError, PiHost
from strikes import Strikes
from verdict import Look, Streak, beats_at_once, count_requests, count_tasks, end_of, strangers, whats_missing

REQUESTS_A_SECOND = 20
TASKS_A_SECOND = 3
# Of one cell; fewer say that there was hardly a load.
LEAST_REQUESTS, LEAST_TASKS = 100, 10
TASKS = (
    {"seconds": 0.1},
    {"seconds": 0.3, "ack": "late"},
    {"seconds": 0.1, "queue": "reports", "priority": 3},
    {"seconds": 0.2, "countdown": 2},
    {"seconds": 0.4, "queue": "reports", "ack": "late"},
    {"seconds": 0.1, "priority": 9, "ack": "late"},
    {"seconds": 0.8},
    {"seconds": 0.2, "countdown": 3, "ack": "late", "queue": "reports"},
)
WARM_UP = 1.0
# The moment has to come within so many seconds of the deployment's begin, and a controller that lives has to end.
MOMENT_WITHIN = 180.0
CONTROLLER_WITHIN = 200.0
# Whole for so long means whole.
STILL = 3.0
LOAD_AFTER = 1.5
# Tasks are given up on when none was done for so long, and the last delayed one is due; or after that at the latest.
STILL_SECONDS = 8.0
TASKS_WITHIN = 120.0
COLORS = ("blue", "green")
# Celery gives back what a killed worker had fetched after an hour (visibility_timeout). Here somebody does it now, to see
# that all of it is still there.
RESTORE = """
local n = 0
for _, tag in ipairs(redis.call('HKEYS', 'unacked')) do
  local message = cjson.decode(redis.call('HGET', 'unacked', tag))
  redis.call('RPUSH', message[3], redis.call('HGET', 'unacked', tag):match('^%[(.*), "[^"]*", "[^"]*"%]$'))
  redis.call('HDEL', 'unacked', tag)
  redis.call('ZREM', 'unacked_index', tag)
  n = n + 1
end
return n
"""


class Observer:
    """All that the host tells during a cell, over a reboot too."""

    def __init__(self, pi: PiHost, **options: Any) -> None:
        self._pi = pi
        self._options = options
        self._agents = [pi.start_agent(**options)]

    def moment(self, seconds: float, over: Callable[[], bool]) -> Optional[float]:
        """When the moment came, by the host's clock, which is this one's; ``None`` once nobody works towards it.

        The strike begins on the host there and then: a request may meet it before the news of it is here.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ended = over()
            if (event := self._agents[0].next("moment", 1.0)):
                return event["t"]
            if ended:
                return None
        return None

    def again(self) -> None:
        """The host was rebooted, and what ran on it is gone."""
        self._agents[-1].stop()
        self._agents.append(self._pi.start_agent(hunt=self._options.get("hunt", ())))

    def events(self, name: str) -> list[dict[str, Any]]:
        return [event for agent in self._agents for event in list(agent.events) if event["event"] == name]

    def stop(self) -> None:
        self._agents[-1].stop()


class Trial:
    """One run of a cell on a host that is whole."""

    def __init__(self, pi: PiHost, cell: Cell, number: int = 0, fault: Optional[Fault] = None) -> None:
        self.pi = pi
        self.cell = cell
        self.fault = fault or FAULTS[cell.fault]
        self.number = number
        self.streak = Streak()
        self.result: dict[str, Any] = {"cell": cell.name, "host": pi.name, "wrong": []}
        self.before: Look = {}
        self.live = ""
        self._seen = 0

    def run(self) -> dict[str, Any]:
        """Return the result: a dict that says what was counted, with a sentence for each thing that was wrong."""
        begun = time.time()
        self.before = self.pi.look()
        missing = whats_missing(self.before) if self.before else ["the host does not answer"]
        if missing:
            raise FaultsError(f"{self.pi.name} is not whole before {self.cell.name}: {'; '.join(missing)}")
        self.live = self.before["answer"]["color"]
        self._shell(self.fault.before, check=True)
        self.pi.forget_ledger()
        load = Load(self.pi.url, REQUESTS_A_SECOND, TASKS_A_SECOND, tasks=TASKS).start()
        try:
            time.sleep(WARM_UP)
            self._under_load()
            time.sleep(LOAD_AFTER)
        finally:
            load.stop()
            self._shell(self.fault.undo)
            self._shell(self.fault.after)
        self._count(load.records)
        self.result["took"] = round(time.time() - begun, 1)
        if self.result["wrong"]:
            self.result["evidence"] = str(self._evidence())
        return self.result

    # -- the deployment and the fault -------------------------------------------------------------

    def _under_load(self) -> None:
        phase = PHASES[self.cell.phase]
        observer = Observer(
            self.pi, moment=phase.moment, after=phase.after, strike=self._text(self.fault.on_host),
            freezes=self.fault.freezes, hunt=self.fault.hunt,
        )  # fmt: skip
        controller = self._deploy(self.cell.name, self.fault.under_runner)
        strikes = Strikes(self.pi, controller, lambda: self._deploy(f"{self.cell.name}.second"))
        try:
            moment = observer.moment(MOMENT_WITHIN, lambda: controller.rc is not None)
            if moment is None:
                missed = f"the deployment never came to {phase.title}; it ended with {controller.rc}"
                self._wrong(missed)
                self.result.update(missed=missed, struck=time.time(), restored=time.time(), end="", seconds=None)
                return
            self.result["struck"] = moment
            if self.fault.strike:
                getattr(strikes, self.fault.strike)()
            if strikes.rebooted:
                observer.again()
            self.result["restored"] = time.time()
            self._until_whole(observer, controller, strikes)
            self._judge(observer, controller, strikes)
        finally:
            self.pi.link.restore()
            for each in filter(None, (controller, strikes.second)):
                each.stop()
            observer.stop()

    def _deploy(self, label: str, under_runner: bool = False) -> Controller:
        # Two deployments at the same time are two different releases.
        others = [release for release in RELEASES if release != self.before["answer"]["release"]]
        release = others[(self.number + label.endswith(".second")) % len(others)]
        return self.pi.play(
            "deploy", label.replace(":", "-"), {"bluegreen_release": release, **variables(self.cell)}, under_runner
        )

    def _until_whole(self, observer: Observer, controller: Controller, strikes: Strikes) -> None:
        struck = self.result["struck"]
        undo_at = struck + self.fault.undo_after if self.fault.undo_after else None
        deadline = struck + self.fault.patience + variables(self.cell)["bluegreen_revert_after"]
        while True:
            now = time.time()
            if undo_at and now >= undo_at:
                undo_at = None
                self._shell(self.fault.undo)
                self.result["restored"] = time.time()
            while strikes.later and now >= strikes.later[0][0]:
                strikes.later.pop(0)[1]()
            self._feed(observer)
            over = self.fault.controller == "gone" or controller.rc is not None
            over = over and (strikes.second is None or strikes.second.rc is not None)
            if over and not undo_at and not strikes.later and self.streak.seconds() >= STILL:
                return
            if not over and now < struck + CONTROLLER_WITHIN:
                # It may take its time as long as it works; from its end on the host has to become whole.
                deadline = max(deadline, min(now + 30.0, struck + CONTROLLER_WITHIN))
            if now > deadline:
                if not self.fault.by_hand or "by_hand" in self.result:
                    return
                deadline = now + 60.0
                self._by_hand()
            time.sleep(0.1)

    def _feed(self, observer: Observer) -> None:
        looks = observer.events("look")
        for look in looks[self._seen:]:
            if look["t"] >= self.result["struck"]:
                self.streak.add(look)
        self._seen = len(looks)
        for struck in observer.events("struck"):
            # Docker, say, is back when its restart is over.
            self.result["restored"] = max(self.result["restored"], struck["t"])

    def _by_hand(self) -> None:
        """What docs/failure.md tells a human to run once the cause is fixed."""
        played = self.pi.play(self.fault.by_hand, f"{self.cell.name}.by-hand".replace(":", "-"), {})
        self.result["by_hand"] = f"{self.fault.by_hand}.yml ended with {played.wait(90)}"
        played.stop()

    # -- the verdict ------------------------------------------------------------------------------

    def _wrong(self, sentence: str) -> None:
        self.result["wrong"].append(sentence)

    def _judge(self, observer: Observer, controller: Controller, strikes: Strikes) -> None:
        struck, streak = self.result["struck"], self.streak
        self.result.update(end="", seconds=None, rc=controller.rc, hunted=len(observer.events("hunted")))
        if streak.missing or streak.seconds() < STILL:
            self._wrong("not whole: " + "; ".join(streak.missing or ["it did not stay so"]))
            return
        self.result["seconds"] = round(max(streak.since - struck, 0.0), 1)
        within = self.fault.within.get(self.cell.phase)
        if within and self.result["seconds"] > within:
            self._wrong(f"it took {self.result['seconds']:g} s until it was whole, and {within:g} s are promised")
        self.result["end"] = end = end_of(streak.last, self.live)
        if end not in may_end(self.cell):
            self._wrong(f"it ended as {end}, and {' or '.join(sorted(may_end(self.cell)))} was to be expected")
        changed = strangers(self.before, streak.last, self.live) if end == ROLLED_BACK else []
        if changed and not self.fault.new_containers:
            self._wrong(f"{', '.join(changed)} of {self.live} is not the container that it was")
        if beats_at_once(observer.events("look")) > 1:
            self._wrong("two beats ran at the same time")
        if self.fault.hunt and self.result["hunted"] < len(self.fault.hunt):
            self._wrong(f"the recovery came {self.result['hunted']} times to be killed, and not {len(self.fault.hunt)}")
        if self.fault.controller == "ends" and controller.rc is None:
            self._wrong("the controller did not end")
        elif (controller.rc == 0) != (end == COMMITTED or variables(self.cell)["bluegreen_approval"] == "manual"):
            if self.fault.controller == "ends":
                self.result["note"] = f"the controller ended with {controller.rc}"
        if strikes.second:
            self._judge_second(strikes.second)
        self._close(end)

    def _judge_second(self, second: Controller) -> None:
        first = self.streak.last["last"].get("id", "")
        text = " ".join(second.output().split())
        if second.rc in (0, None):
            self._wrong(f"the second deployment ended with {second.rc}, beside the first one")
        elif first not in text:
            self._wrong(f"the second deployment was refused without naming {first}")

    def _close(self, end: str) -> None:
        """A release that awaits approval is approved or undone, in turn, as a human would do it."""
        self.pi.link.restore()
        if end == AWAITING and not self.result["wrong"]:
            playbook, wanted = (("finish", COMMITTED), ("rollback", ROLLED_BACK))[self.number % 2]
            label = f"{self.cell.name}.{playbook}".replace(":", "-")
            played = self.pi.play(playbook, label, {})
            rc = played.wait(120)
            played.stop()
            self.result["closed_by"] = f"{playbook}.yml"
            look = self.pi.look()
            missing = whats_missing(look) if look else ["the host does not answer"]
            if rc != 0 or missing or end_of(look, self.live) != wanted:
                self._wrong(f"{playbook}.yml ended with {rc}, and left: {'; '.join(missing) or end_of(look, self.live)}")

    # -- the count --------------------------------------------------------------------------------

    def _count(self, records: Sequence[Record]) -> None:
        self.result.update(
            count_requests(records, self.result["struck"], self.result["restored"], takes_down(self.cell))
        )
        self.result.update(self._tasks())
        if self.result["requests"] < LEAST_REQUESTS or self.result["accepted"] < LEAST_TASKS:
            self._wrong(f"{self.result['requests']} requests and {self.result['accepted']} tasks are too few to say anything")
        for what in ("failed", "lost", "doubled"):
            if self.result[what]:
                self._wrong(f"{self.result[what]} {'requests' if what == 'failed' else 'tasks'} {what}")

    def _tasks(self) -> dict[str, Any]:
        killed = self.fault.kills_workers
        events = self._wait_for_tasks()
        waiting = 0
        if killed and ledger.count(events).lost and not self.result["wrong"]:
            waiting = self._restore()
            if waiting:
                events = self._wait_for_tasks()
        counted = count_tasks(events, killed, self.fault.redelivers)
        if killed and counted["lost"]:
            counted = count_tasks(events, killed, self.fault.redelivers, self._in_hand(counted["lost_ids"]))
        return {**counted, "waited_in_unacked": waiting}

    def _in_hand(self, tasks: Sequence[str]) -> set[str]:
        logs = [self.pi.exec(f"cat /srv/redis-{color}/appendonlydir/*.incr.aof", check=False).out for color in COLORS]
        return set().union(*(append_only.in_hand(log, tasks) for log in logs))

    def _wait_for_tasks(self) -> list[dict[str, Any]]:
        """The ledger's events, as soon as every task is done, or none has been for a while."""
        try:
            return ledger.wait_until_done(self.pi.ledger, TASKS_WITHIN, STILL_SECONDS)
        except self.pi.Error as error:
            self._wrong(f"the ledger could not be read: {error}")
            return []

    def _restore(self) -> int:
        color = self.streak.last["answer"]["color"]
        look = self.pi.look()
        color = (look or self.streak.last)["answer"].get("color", color)
        done = self.pi.exec(["docker", "exec", f"shop-{color}-redis-1", "redis-cli", "EVAL", RESTORE, "0"], check=False)
        return int(done.out.split()[-1]) if done.rc == 0 and done.out.split() and done.out.split()[-1].isdigit() else 0

    # -- the host's shell -------------------------------------------------------------------------

    def _text(self, command: str) -> str:
        other = {"blue": "green", "green": "blue"}[self.live]
        return command.format(live=self.live, candidate=other) if command else ""

    def _shell(self, command: str, check: bool = False) -> None:
        if command:
            self.pi.exec(self._text(command), check=check)

    def _evidence(self) -> Path:
        """What the host has to say about what was wrong; the file that it is in."""
        begin = json.dumps(self.result, indent=1) + "\n" + json.dumps(self.streak.last, indent=1)
        path = self.pi.folder / f"{self.cell.name.replace(':', '-')}.evidence"
        path.write_text(evidence.collected(self.pi, begin, self.result.get("lost_ids", ())), encoding="utf-8")
        return path
