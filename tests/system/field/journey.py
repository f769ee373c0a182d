# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shape's way to green and back, and to green for good, under load and with tasks in hand; and what was counted."""

from __future__ import annotations

import json
import re
import time
import urllib.parse
import urllib.request

import evidence
import ledger
import starts
from bed import HERE
from load import Load
from shapes import REFUSED
from trial import TASKS
from verdict import App, strangers, whats_missing

REQUESTS_A_SECOND = 15
# As many as a worker has processes.
IN_HAND = 2
QUICK_LONG = 7
PLAYED_WITHIN = 400.0
# Workers of a color that was left may finish the tasks that they have, and the guard its work, after the playbook.
WHOLE_WITHIN = 30.0
# A worker may be busy with long tasks first, as many as it has processes.
WORKS_WITHIN = 15.0
# Tasks are given up on when none was done for so long, longer than all processes may have been busy with long ones.
STILL_SECONDS = 15.0
TASKS_WITHIN = 120.0


class Journey:
    """One row of the bed: run() returns what was counted, with a sentence for whatever was wrong."""

    def __init__(self, bed, shape, to_the_end=True):
        self.bed = bed
        self.shape = shape
        self.to_the_end = to_the_end or shape.whole
        self.wrong = []
        self.accepted = 0

    def run(self):
        begun = time.monotonic()
        self._lay()
        tasks = self.shape.tasks or TASKS
        load = Load(self.bed.url, REQUESTS_A_SECOND, self.shape.task_rate, tasks=tasks).start()
        try:
            time.sleep(1)
            self._go()
            time.sleep(1)
        finally:
            figures = load.stop()
        events = self._wait_for_tasks()
        counts = ledger.count(events)
        self._judge(figures, counts)
        if self.wrong:
            text = evidence.collected(self.bed, "\n".join(self.wrong), (counts.lost + counts.doubled)[:5])
            (self.bed.folder / f"{self.shape.name}.evidence").write_text(text, encoding="utf-8")
        return {
            "shape": self.shape.name, "wrong": self.wrong, "seconds": round(time.monotonic() - begun, 1),
            "requests": figures["requests"] + self.accepted, "failed": figures["failed"], "retried": figures["retried"],
            "tasks": counts.accepted, "lost": len(counts.lost), "doubled": len(counts.doubled),
            "ticks": counts.ticks, "ticks_doubled": counts.ticks_doubled,
        }

    def _lay(self):
        self.bed.lay(self.shape)

    def _go(self):
        if self.shape.verdict == REFUSED:
            self._refused()
        else:
            self._there_and_back()

    # -- refused ----------------------------------------------------------------------------------

    def _refused(self):
        self.bed.install(self.shape, "2")
        before = self.bed.state()
        rc, output = self._play("deploy", "2")
        if rc == 0:
            self.wrong.append("it was not refused")
        elif (after := self.bed.state()) != before:
            changed = sorted(set(before.splitlines()) ^ set(after.splitlines()))
            self.wrong.append(f"the host was touched: {' | '.join(changed)}")
        self._must_say(output)

    # -- works ------------------------------------------------------------------------------------

    def _there_and_back(self):
        if self.shape.blow:
            self.bed.exec(self.shape.blow)
        before = self.bed.look()
        app = self._app()
        # What has done its work before the deployment is not started again.
        blue = app._replace(services=tuple(each["service"] for each in before["containers"] if each["status"] != "exited"))
        self.bed.install(self.shape, "2")
        rc, output = self._play("deploy", "2", bluegreen_approval="manual")
        self._must_say(output, self.shape.plan_lines())
        if rc or not self._whole("green", "2", app, "deploy.yml"):
            return
        self._must_work("green")
        self._same_again("2", bluegreen_approval="manual")
        rc, _output = self._play("rollback")
        if rc or not self._whole("blue", "1", blue, "rollback.yml"):
            return
        changed = strangers(before, self.bed.look(), "blue", blue.services)
        if changed:
            self.wrong.append(f"{', '.join(changed)} of blue is not the container that it was")
        self._must_work("blue")
        if self.to_the_end:
            self._for_good(app)

    def _app(self):
        lists = {role: tuple(names) for role, names in self.shape.lists().items()}
        services = lists["web"] + lists["support"] + lists["workers"]
        policies = self.shape.restart_policies()
        return App(services, lists["web"], lists["support"], lists["ignored"], policies=policies)

    def _for_good(self, app):
        rc, _output = self._play("deploy", "3", bluegreen_approval="automatic")
        if rc or not self._whole("green", "3", app, "deploy.yml to the end"):
            return
        self._same_again("3", bluegreen_approval="automatic")
        left = {each["service"] for each in self.bed.look()["containers"] if each["color"] == "blue"} - set(app.ignored)
        if left:
            self.wrong.append(f"{', '.join(sorted(left))} of blue is still there after the end")
        if self.shape.after:
            done = self.bed.exec(self.shape.after.format(color="green"), check=False)
            if done.rc:
                self.wrong.append(f"{self.shape.after} ended with {done.rc}: {done.out.strip()}")

    def _same_again(self, release, **variables):
        """The same release once more is nothing to do, and nobody is made or started anew for it."""
        before = self.bed.exec(starts.COMMAND).out
        everything = {**self.shape.everything(), "bluegreen_release": release, **variables}
        controller = self.bed.play("deploy", f"{self.shape.name}.again-{release}", everything)
        try:
            rc = controller.wait(PLAYED_WITHIN)
        finally:
            controller.stop()
        output = " ".join(controller.output().split())
        if rc or re.search(r"\bchanged=[1-9]", output):
            self.wrong.append(f"release {release} again is not changed=0 (it ended with {rc}): {_reason(output)}")
        touched = starts.touched(before, self.bed.exec(starts.COMMAND).out)
        if touched:
            self.wrong.append(f"release {release} again touched {', '.join(touched)}")

    def _play(self, playbook, release="", **variables):
        """Run a playbook with tasks in hand when it begins to stop workers; return how it ended, and what it said."""
        label = f"{self.shape.name}.{playbook}{release and '-'}{release}"
        everything = {**self.shape.everything(), **({"bluegreen_release": release} if release else {}), **variables}
        controller = self.bed.play(playbook, label, everything)
        try:
            if playbook == "deploy":
                self._until_open(controller)
            if controller.rc is None:
                self._take_in_hand()
            rc = controller.wait(PLAYED_WITHIN)
        finally:
            controller.stop()
        output = " ".join(controller.output().split())
        if rc and self.shape.verdict != REFUSED:
            self.wrong.append(f"{playbook}.yml {release} ended with {rc}: {_reason(output)}")
        return rc, output

    def _until_open(self, controller):
        """Until the journal is there: what is left to do before the workers are stopped takes less time than a long task."""
        agent = self.bed.start_agent(moment={"step": "open"})
        try:
            while controller.rc is None and not agent.next("moment", 0.5):
                pass
        finally:
            # It costs the host more than the load does.
            agent.stop()

    def _take_in_hand(self):
        # Where it has to be quick, just as long as it takes until the workers are told to stop, and a while.
        long = self.shape.long if self.to_the_end else {**self.shape.long, "seconds": min(self.shape.long["seconds"], QUICK_LONG)}
        body = urllib.parse.urlencode(long).encode()
        for _each in range(IN_HAND):
            try:
                with urllib.request.urlopen(f"{self.bed.url}/tasks", body, timeout=10):
                    self.accepted += 1
            except OSError as error:
                self.wrong.append(f"a request failed: {error}")

    def _whole(self, color, release, app, what):
        end = time.monotonic() + WHOLE_WITHIN
        while True:
            look = self.bed.look()
            missing = whats_missing(look, app)
            answer = look["answer"]
            if not missing and (answer["color"], answer["release"]) != (color, release):
                missing = [f"{answer['color']} answers with release {answer['release']}"]
            if not missing:
                return True
            if time.monotonic() > end:
                self.wrong.append(f"after {what}: {'; '.join(missing)}")
                return False
            time.sleep(0.5)

    def _must_work(self, color):
        """A color whose workers consume does a task soon."""
        begun, within = time.time(), WORKS_WITHIN + self.shape.long["seconds"]

        def of_it(event):
            return event["event"] == "done" and event["color"] == color and event["time"] >= begun

        while time.time() < begun + within:
            if any(map(of_it, self._events())):
                return
            time.sleep(0.5)
        self.wrong.append(f"no worker of {color} did a task within {within:g} s, although it is said to work")

    def _must_say(self, output, plan=()):
        self.wrong += [f"it does not say: {words}" for words in (*self.shape.says, *plan) if words not in output]

    # -- the count --------------------------------------------------------------------------------

    def _events(self):
        return ledger.parse(self.bed.ledger())

    def _wait_for_tasks(self):
        return ledger.wait_until_done(self.bed.ledger, TASKS_WITHIN, STILL_SECONDS + self.shape.long["seconds"])

    def _judge(self, figures, counts):
        if figures["failed"]:
            self.wrong.append(f"{figures['failed']} requests failed: {'; '.join(figures['failures'])}")
        if counts.lost:
            self.wrong.append(f"{len(counts.lost)} of {counts.accepted} tasks lost")
        if counts.doubled:
            self.wrong.append(f"{len(counts.doubled)} of {counts.accepted} tasks done twice")
        if counts.ticks_doubled:
            self.wrong.append(f"{counts.ticks_doubled} ticks too many: two beats")


def _reason(output):
    """The last error that a playbook told."""
    found = re.findall(r" msg: (.*?)(?= TASK \[| PLAY | [a-z_]+: |$)", output)
    return (found[-1] if found else output)[-800:]


def keep(result):
    """Add a result to those of this run."""
    with open(HERE / ".run" / "results.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")
