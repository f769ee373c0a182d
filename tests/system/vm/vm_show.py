# Copyright (c) 2026, smallfleet.bluegreen contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments on an emulated computer with a kernel, a disk and a clock of its own."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentTypeError
from pathlib import Path
from typing import NamedTuple

import ledger
import load
import vm
import vm_look
import vm_report
from accountant import Accountant
from kernel import Unobservable
from kinds import of_all
from vm_play import INVENTORY, SOURCE, VARIABLES, Play
from vm_watch import STEPS, Watch

ROOT = Path(__file__).resolve().parents[3]
LEDGER = "/srv/ledger"
WATCH = "/srv/watch"
# Who deploys, as README's inventory has it: no root, but one who may use sudo.
USER = "pi"
LET_IN = (
    f"useradd --create-home --shell /bin/bash {USER} && echo '{USER} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/{USER} && "
    f"cp -r ~root/.ssh ~{USER}/.ssh && chown -R {USER}: ~{USER}/.ssh"
)
# Requests and tasks a second: enough to see a hole, too few to be the reason for one.
RATES = {"arm64": (0.5, 0.15), "amd64": (1.0, 0.3)}
# Seconds from the first login after a power cut until the machine is whole. An emulated arm64 is some five times
# slower than a Pi 4.
LIMITS = {"arm64": 300, "amd64": 60}
PATIENCE = 600
# What is under way when the power goes fails, and it is the cut that fails it.
UNDER_WAY = load.TIMEOUT + 1
LOOP = "import time; b = time.perf_counter(); sum(i * i for i in range(1000000)); print(time.perf_counter() - b)"


class Failed(Exception):
    """One sentence: what was to be and is not."""


def say(text):
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", flush=True)


class Cell(NamedTuple):
    """cut:STEP or clock:STEP:SECONDS."""

    kind: str
    step: str
    seconds: int = 0

    def __str__(self) -> str:
        return f"{self.kind}:{self.step}" + (f":{self.seconds}" if self.kind == "clock" else "")


def parse_cell(text: str) -> Cell:
    """Return a cell, from how it is called on the command line. Pure."""
    kind, _colon, rest = text.partition(":")
    step, _colon, seconds = rest.partition(":")
    if kind not in ("cut", "clock") or step not in STEPS or (kind == "clock") != bool(seconds):
        raise ArgumentTypeError(
            f"there is no cell {text!r}; it is cut:STEP or clock:STEP:SECONDS, with one of the steps {', '.join(STEPS)}"
        )
    try:
        return Cell(kind, step, int(seconds or 0))
    except ValueError:
        raise ArgumentTypeError(f"{seconds!r} in {text!r} is not a number of seconds") from None


class Show:
    def __init__(self, arch):
        self.arch = arch
        self.machine = vm.Machine(arch)
        self.folder = ROOT / "tests/system/vm/.run" / arch
        self.load = None
        self.begun = time.time()
        self.figures = {
            "arch": arch, "limit": LIMITS[arch], "begun": self.begun, "seconds": 0.0,
            "deployments": {},  # by label
            "runs": [],
            "cells": [],
            "off": [],  # [from, to]: when nobody could be answered
            "cuts": [],  # when the power went
        }  # fmt: skip

    def begin(self, go_on=False):
        """Make the machine and deploy to it twice.

        :param go_on: or take up the machine that an earlier run left on, if one did, with what that run measured.
        """
        if go_on and self.machine.pid is not None and self._figures.exists():
            self.figures.update(json.loads(self._figures.read_text(encoding="utf-8")))
            self.figures.pop("load", None)
            self.begin_load()
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.make()
        self.first_deployments()

    def end(self, ended, keep=False):
        """Write down what was measured, and its report."""
        if self.load:
            self.load.stop()
        self.figures["seconds"] += time.time() - self.begun
        self.figures.update(ended=ended, busy=os.getloadavg()[2])
        self._figures.write_text(json.dumps(self.figures, indent=1) + "\n", encoding="utf-8")
        if self.figures["cells"]:
            report = ROOT / "docs/results/vm.md" if self.arch == "arm64" else self.folder / "report.md"
            report.write_text(vm_report.report(self.figures), encoding="utf-8")
            say(f"The report is {report.relative_to(ROOT)}.")
        if not keep:
            self.machine.destroy()

    @property
    def _figures(self):
        return self.folder / "figures.json"

    def had(self, cell):
        return list(cell) in [[each["kind"], each["step"], each["by"]] for each in self.figures["cells"]]

    # What is done to the machine

    def make(self):
        say(f"Turning on a machine for {self.arch}.")
        self.machine = vm.create(self.arch)
        for name in ("demo/app/compose.yml", "tests/system/vm/durable.yml"):
            self.machine.copy(ROOT / name, f"{SOURCE}/{os.path.basename(name)}")
        # Each line of the ledger is on the disk before its writer goes on: the power cut must not change the count.
        self.machine.exec(f"mkdir -p {LEDGER} && chattr +S {LEDGER}")
        self.machine.exec(LET_IN)
        variables = {**self.machine.variables(), "ansible_user": USER}
        inventory = {"all": {"hosts": {"pi": variables}, "vars": VARIABLES}}
        (self.folder / INVENTORY).write_text(json.dumps(inventory, indent=1), encoding="utf-8")
        self.figures["machine"] = {
            "system": self.machine.exec("uname -srm").out.strip(),
            "docker": self.machine.exec("docker version --format '{{.Server.Version}}'").out.strip(),
            "memory_mib": vm.MEMORY_MIB,
            "cpus": vm.CPUS,
            "loop_s": float(self.machine.exec(f"python3 -c '{LOOP}'").out),
            "loop_here_s": float(subprocess.check_output([sys.executable, "-c", LOOP])),
        }

    def play(self, verb, label, **variables):
        say(f"{verb} ({label})")
        with Play(self.folder, verb, label, **variables) as play:
            if play.wait():
                raise Failed(f"{verb}.yml failed; the log is {play.log.relative_to(ROOT)}.")
        self.keep(play)

    @contextlib.contextmanager
    def deployed_to(self, cell, label, approval):
        """The playbook that deploys, once the journal has come to the cell's step."""
        given = {"bluegreen_release": cell["to"], "bluegreen_approval": approval}
        with Watch(self.machine) as watch, Play(self.folder, "deploy", label, **given) as play:
            moment = watch.wait(cell["step"], play, PATIENCE * 2)
            if moment is None:
                raise Failed(f"The deployment did not come to {cell['step']}; the log is {play.log.relative_to(ROOT)}.")
            cell["met"] = str(moment)
            yield play

    def keep(self, play):
        self.figures["runs"] += [[play.label, *run] for run in play.runs]
        # The line that the history has got since; a deployment that awaits approval has none yet.
        last = self.look().last or {"id": None}
        known = last["id"] in [each["id"] for each in self.figures["deployments"].values()]
        self.figures["deployments"][play.label] = {
            "seconds": round(play.seconds, 1),
            "runs": len(play.runs),
            "id": None if known else last["id"],
            "phases": None if known else last.get("seconds"),
            "took": None if known else last.get("took"),
            "worker_gap": None if known else last.get("worker_gap"),
            "result": "" if known else last.get("result", ""),
        }

    # What it shows

    def look(self):
        return vm_look.parse(self.machine.exec(vm_look.COMMAND, check=False, timeout=120).out)

    def answer(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.machine.port}/", timeout=20) as response:
                headers = response.headers
                color, release = (headers.get(f"X-Shop-{name}", "") for name in ("Color", "Release"))
                return vm_look.Answer(response.status, color, release)
        except urllib.error.HTTPError as error:
            return vm_look.Answer(error.code)
        except OSError:
            return vm_look.Answer(0)

    def must_be(self, release, pending=False):
        look, answer = self.look(), self.answer()
        wrong = vm_look.faults(look, answer)
        if answer.release != release:
            wrong.append(f"Release {answer.release or 'unknown'} answers, and it should be {release}.")
        if vm_look.pending(look) != pending:
            wrong.append(f"Approval is {'not ' if pending else ''}pending.")
        if wrong:
            raise Failed(" ".join(wrong))

    def until_whole(self):
        """Seconds until nothing is wrong, the look and the answer; or what is still wrong when patience ends."""
        begun = time.monotonic()
        while True:
            wrong = ["It shows nothing."]
            with contextlib.suppress(ValueError):
                look, answer = self.look(), self.answer()
                wrong = vm_look.faults(look, answer)
            if not wrong:
                return time.monotonic() - begun, look, answer
            if time.monotonic() - begun > PATIENCE:
                raise Failed(f"After {PATIENCE} s: {' '.join(wrong)}")
            time.sleep(0.5)

    def until_task_is_done(self):
        """Seconds until a task that is asked for now is done."""
        begun = time.monotonic()
        request = urllib.request.Request(f"http://127.0.0.1:{self.machine.port}/tasks", data=b"seconds=0.1")
        with urllib.request.urlopen(request, timeout=60) as response:
            task = json.load(response)["id"]
        done = f"grep -q '\"done\".*{task}' {LEDGER}/ledger.jsonl"
        while self.machine.exec(done, check=False, timeout=60).rc:
            if time.monotonic() - begun > PATIENCE:
                raise Failed(f"A task that was asked for after the boot is not done after {PATIENCE} s.")
            time.sleep(0.5)
        return time.monotonic() - begun

    # The parts of the show

    def first_deployments(self):
        self.play("prepare", "prepare")
        with Play(self.folder, str(ROOT / "tests/system/vm/bare.yml"), "bare", counted="/tests/system/vm/") as floor:
            if floor.wait():
                raise Failed(f"An empty command failed; the log is {floor.log.relative_to(ROOT)}.")
        self.figures["floor_s"] = statistics.median(run.seconds for run in floor.runs[1:])
        say(f"An empty remote run costs {self.figures['floor_s']:.1f} s.")
        self.play("deploy", "deploy-1", bluegreen_release="1", bluegreen_approval="automatic")
        self.must_be("1")
        self.begin_load()
        with self.counted("deploy-2"):
            self.play("deploy", "deploy-2", bluegreen_release="2", bluegreen_approval="manual")
        self.must_be("2", pending=True)
        self.play("finish", "finish-2")
        self.must_be("2")

    @contextlib.contextmanager
    def counted(self, label):
        """Notes whose the machine's processor seconds are meanwhile; it takes some itself, so one deployment has it."""
        for name in ("accountant", "kernel", "kinds"):
            self.machine.copy(ROOT / f"bench/{name}.py", f"{WATCH}/{name}.py")
        accountant = Accountant("/", self.machine.ssh(f"exec python3 {WATCH}/accountant.py"))
        counted = {"label": label, "why_not": accountant.why_not, "kinds": {}}
        try:
            yield
        finally:
            try:
                seen = accountant.stop()
                counted["kinds"] = of_all(seen.charges) if seen else {}
            except (Unobservable, ValueError) as error:
                counted["why_not"] = str(error)
            self.figures["counted"] = counted

    def begin_load(self):
        rate, task_rate = RATES[self.arch]
        url = f"http://127.0.0.1:{self.machine.port}"
        out = self.folder / f"load-{time.time():.0f}.jsonl"
        self.load = load.Load(url, rate, task_rate, out=str(out), task={"seconds": "0.2"}).start()

    def cell(self, kind, step, seconds):
        """Return what was measured; in ``wrong`` a sentence if the machine was not whole in the end."""
        live = self.answer().release
        if not live:
            raise Failed(f"Nobody answers, so {kind} at {step} cannot begin.")
        release = str(int(live) % 3 + 1)
        cell = {"kind": kind, "step": step, "by": seconds, "from": live, "to": release, "wrong": ""}
        say(f"{kind} at {step}: release {release} over {live}")
        try:
            if kind == "cut":
                self.cut(cell, f"cut-{step}")
            else:
                self.clock(cell, f"clock-{step}")
        except (Failed, vm.VmError, OSError, ValueError, subprocess.TimeoutExpired) as error:
            cell["wrong"] = str(error)
        self.figures["cells"].append(cell)
        say(f"  {cell['wrong'] or 'whole'} ({json.dumps(cell)})")
        return cell

    def cut(self, cell, label):
        with self.deployed_to(cell, label, "manual") as play:
            if cell["step"] == "awaiting_approval":
                play.wait()  # the controller goes in peace; nobody but the machine knows of it then
            gone = time.time()
            self.figures["cuts"].append(gone)
            self.machine.cut()
            try:
                cell["login_s"] = round(self.machine.boot(), 1)
                whole, look, answer = self.until_whole()
            finally:
                self.figures["off"].append([gone - UNDER_WAY, time.time()])
        cell.update(whole_s=round(whole, 1), uptime_s=round(look.uptime, 1), color=look.color, release=answer.release)
        cell["pending"] = vm_look.pending(look)
        cell["task_s"] = round(self.until_task_is_done(), 1)
        # It stays so: nothing that the boot began is still on its way to something else.
        time.sleep(20)
        self.must_be(answer.release, pending=cell["pending"])
        if answer.release not in (cell["from"], cell["to"]):
            raise Failed(f"Release {answer.release} answers, which was neither the old nor the new one.")
        if whole > LIMITS[self.arch]:
            limit = LIMITS[self.arch]
            raise Failed(f"It took {whole:.0f} s from the login until it was whole, and {limit} s is the limit.")
        cell["result"] = "pending" if cell["pending"] else (look.last or {}).get("result", "")
        if cell["step"] == "awaiting_approval" and not cell["pending"]:
            raise Failed("Approval was pending when the power went, and is not any more.")
        if cell["step"] == "awaiting_approval":
            self.play("rollback", f"{label}-rollback")
            self.must_be(cell["from"])
        elif cell["pending"]:
            self.play("finish", f"{label}-finish")
            self.must_be(cell["to"])

    def clock(self, cell, label):
        with self.deployed_to(cell, label, "automatic") as play:
            self.set_clock(cell["by"])
            try:
                if play.wait():
                    raise Failed(f"The deployment failed; the log is {play.log.relative_to(ROOT)}.")
                self.must_be(cell["to"])
                cell["task_s"] = round(self.until_task_is_done(), 1)
            finally:
                self.set_clock(-cell["by"])
        self.keep(play)
        cell.update(result=self.look().last["result"], release=cell["to"], color=self.answer().color)
        if cell["result"] != "committed":
            raise Failed(f"The deployment ended {cell['result']}.")

    def set_clock(self, seconds):
        self.machine.exec(f'date -s "@$(($(date +%s) + {seconds}))"')

    def count(self):
        """The requests and the tasks, of the whole show."""
        say("Waiting for the last tasks.")
        self.load.stop()

        def read():
            return self.machine.exec(f"cat {LEDGER}/ledger.jsonl").out

        # What a worker had taken but not begun when the power went, Celery hands out again after an hour; the
        # deployment after it, at once.
        events = ledger.wait_until_done(read, timeout=PATIENCE / 2)
        (self.folder / "ledger.jsonl").write_text(read(), encoding="utf-8")
        counts = ledger.count(events)
        running = {
            event["id"]
            for event in events
            if event["event"] == "started" and any(-60 < event["time"] - cut < 10 for cut in self.figures["cuts"])
        }
        interrupted = [task for task in counts.lost if task in running]
        records = [
            load.Record(**json.loads(line))
            for file in sorted(self.folder.glob("load-*.jsonl"))
            for line in file.read_text(encoding="utf-8").splitlines()
        ]
        seen = [r for r in records if not any(begin <= r.t <= end for begin, end in self.figures["off"])]
        figures = load.figures(seen)
        self.figures["load"] = {
            "requests": figures["requests"], "failed": figures["failed"], "failures": figures["failures"],
            "asked_while_off": len(records) - len(seen), "under_way_s": UNDER_WAY, "retried": figures["retried"],
            "p50_ms": figures["p50_ms"], "p99_ms": figures["p99_ms"],
            "accepted": counts.accepted, "done": counts.done, "doubled": len(counts.doubled),
            "interrupted": len(interrupted), "lost": len(counts.lost) - len(interrupted),
        }  # fmt: skip
